//! What the generator demands of a formula or cask, its own or one by hand.

use turbo_component::manifest::{Delivery, Diagnostic, OutputFile};

/// Checks every file of a delivery.
pub fn delivery(delivery: &Delivery) -> Vec<Diagnostic> {
    let files = match delivery {
        Delivery::GitChange(change) => &change.writes,
        Delivery::Files(files) => files,
        _ => return vec![Diagnostic::error("brew-delivery", "a formula is a file in a tap")],
    };
    let mut found = Vec::new();
    if files.is_empty() {
        found.push(Diagnostic::error("brew-files", "there is no formula"));
    }
    for file in files {
        ruby(file, &mut found);
    }
    found
}

fn ruby(file: &OutputFile, found: &mut Vec<Diagnostic>) {
    let mut wrong = |code: &str, message: &str| found.push(Diagnostic::error(code, message).in_file(&file.path));
    let Ok(text) = std::str::from_utf8(&file.content) else { return wrong("brew-encoding", "the file is not UTF-8") };
    if text.contains('\r') || !text.ends_with('\n') {
        wrong("brew-line-ends", "every line ends in a bare line feed");
    }
    let is_cask = text.starts_with("cask ");
    if !is_cask && !text.lines().any(|line| line.starts_with("class ") && line.ends_with(" < Formula")) {
        wrong("brew-class", "the file begins neither a formula nor a cask");
    }
    let value = |name: &str| {
        text.lines().filter_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(" \"")).collect::<Vec<_>>()
    };
    let hashes = value("sha256");
    // A livecheck has a URL of its own.
    if value("url").len() < hashes.len() || hashes.is_empty() {
        wrong("brew-url", "every URL has a sha256");
    }
    if value("url").iter().any(|url| !url.starts_with("https://")) {
        wrong("brew-url", "a URL begins with https://");
    }
    let is_hash = |hash: &&str| {
        hash.len() >= 65 && hash.as_bytes()[..64].iter().all(u8::is_ascii_hexdigit) && hash.as_bytes()[64] == b'"'
    };
    if !hashes.iter().all(is_hash) {
        wrong("brew-sha256", "a sha256 has 64 hexadecimal digits");
    }
    if value("homepage").is_empty() {
        wrong("brew-homepage", "a formula has a homepage");
    }
    let is_whole = text.contains("\n  def install\n") && text.contains("\n  test do\n");
    if !is_cask && !is_whole {
        wrong("brew-methods", "a formula says how it is installed and tested");
    }
    let opens = |line: &&str| {
        let line = line.trim();
        line.ends_with(" do") || ["class ", "def ", "if ", "unless ", "case "].iter().any(|word| line.starts_with(word))
    };
    if text.lines().filter(opens).count() != text.lines().filter(|line| line.trim() == "end").count() {
        wrong("brew-blocks", "a block has no end, or an end no block");
    }
}
