//! Homebrew: formulae and casks, as far as their text alone decides.
//!
//! Ruby is not parsed and never run. A rule looks for stanzas at the depth
//! where Homebrew has them; computed values, `brew style` and what
//! `brew audit --online` would fetch are not claimed.

use std::collections::HashMap;

use super::place::numbered;
use super::report::{Place, Report};
use super::{extension_of, layout, name_of, text_of};
use crate::model::delivery::OutputFile;
use crate::model::diagnostic::{Diagnostic, Position};
use crate::model::excerpt::excerpt;

const MOST_DESCRIPTION: usize = 80;

fn help(code: &str) -> String {
    match code {
        "brew-licence" => "https://spdx.org/licenses/",
        "brew-cask" => "https://docs.brew.sh/Cask-Cookbook",
        _ => "https://docs.brew.sh/Formula-Cookbook",
    }
    .to_owned()
}

/// Checks every formula and cask among the files.
pub(super) fn check(files: &[OutputFile]) -> Vec<Diagnostic> {
    files.iter().filter(|file| extension_of(&file.path) == "rb").flat_map(check_file).collect()
}

/// A stanza: a word at the start of a line and what follows it.
struct Stanza<'a> {
    at: Position,
    word: &'a str,
    rest: &'a str,
    /// Blocks around it.
    depth: usize,
}

impl<'a> Stanza<'a> {
    /// The text of its first argument, where it is a literal.
    fn literal(&self) -> Option<&'a str> {
        let rest = self.rest.trim_start_matches(['(', ' ']);
        let quote = rest.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
        rest[1..].split(quote).next()
    }
}

fn check_file(file: &OutputFile) -> Vec<Diagnostic> {
    let mut report = Report::new(&file.path, "brew", help);
    let text = match text_of(file) {
        Ok(text) => text,
        Err(unreadable) => {
            report.error("syntax", unreadable.at, unreadable.message);
            return report.finish();
        }
    };
    let stanzas = stanzas(text);
    let name = name_of(&file.path).trim_end_matches(".rb");
    if text.starts_with(layout::BYTE_ORDER_MARK) || text.contains("\r\n") {
        report.warning("layout", Position { line: 1, column: 1 }, "Homebrew's files are UTF-8 without a mark, with LF");
    }
    let class = stanzas.iter().find(|stanza| stanza.word == "class" && stanza.rest.contains("< Formula"));
    let cask = stanzas.iter().find(|stanza| stanza.word == "cask" && stanza.depth == 0);
    match (class, cask) {
        (Some(class), _) => check_formula(class, &stanzas, name, &mut report),
        (None, Some(cask)) => check_cask(cask, &stanzas, name, &mut report),
        (None, None) => _ = report.error("structure", Place::File, "this is neither a formula nor a cask"),
    }
    check_blocks(&stanzas, &mut report);
    check_values(&stanzas, &mut report);
    report.finish()
}

/// The stanzas of a file, with the blocks around each. A line that opens a
/// block ends in `do`, `do |x|` or begins with a word that does.
fn stanzas(text: &str) -> Vec<Stanza<'_>> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut heredoc: Option<&str> = None;
    for (line_number, line) in numbered(text) {
        let code = line.trim();
        if let Some(end) = heredoc {
            heredoc = Some(end).filter(|end| code != *end);
            continue;
        }
        if code.is_empty() || code.starts_with('#') {
            continue;
        }
        if code == "__END__" {
            break;
        }
        let length = code.find(|letter: char| !(letter.is_alphanumeric() || letter == '_')).unwrap_or(code.len());
        let (word, rest) = code.split_at(length);
        if word == "end" {
            depth = depth.saturating_sub(1);
        }
        let column = line.chars().take_while(|letter| letter.is_whitespace()).count();
        let at = Position { line: line_number, column: u32::try_from(column).unwrap_or(u32::MAX - 1) + 1 };
        found.push(Stanza { at, word, rest: rest.trim_start(), depth });
        let opens = ["class", "def", "if", "unless", "case", "begin", "module", "while", "until"].contains(&word);
        let is_block = code.ends_with(" do") || code.ends_with('|') && code.contains(" do |");
        let closes_itself = code.ends_with(" end") || code.ends_with(";end");
        if (opens || is_block) && !closes_itself {
            depth += 1;
        }
        heredoc = code.split_once("<<~").map(|(_, rest)| rest.trim_start_matches(['\'', '"'])).map(|rest| {
            let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
            &rest[..end.unwrap_or(rest.len())]
        });
        heredoc = heredoc.filter(|end| !end.is_empty());
    }
    found
}

fn find<'a, 't>(stanzas: &'a [Stanza<'t>], word: &str) -> Option<&'a Stanza<'t>> {
    stanzas.iter().find(|stanza| stanza.word == word)
}

fn check_formula(class: &Stanza<'_>, stanzas: &[Stanza<'_>], name: &str, report: &mut Report<'_>) {
    let found = class.rest.split_whitespace().next().unwrap_or_default();
    let wanted = class_name(name);
    if found != wanted {
        let message = format!("the class of `{}.rb` has another name", excerpt(name));
        report.error("class", class.at, message).suggest(excerpt(&wanted));
    }
    if name.chars().any(|letter| letter.is_uppercase() || letter.is_whitespace()) {
        report.error("name", Place::File, "a formula's name is in lower case");
    }
    for word in ["desc", "homepage", "url", "install"] {
        let exists = if word == "install" {
            stanzas.iter().any(|stanza| stanza.word == "def" && stanza.rest.starts_with("install"))
        } else {
            find(stanzas, word).is_some()
        };
        if !exists {
            report.error("required", class.at, format!("a formula needs `{word}`"));
        }
    }
    for word in ["license", "test"] {
        if find(stanzas, word).is_none() {
            report.warning("advised", class.at, format!("a formula should have `{word}`"));
        }
    }
    if let Some(url) = find(stanzas, "url")
        && find(stanzas, "sha256").is_none()
        && !url.rest.contains("tag:")
        && !url.rest.contains("using:")
    {
        report.error("sha256", url.at, "what is downloaded from here has no sha256");
    }
    check_description(stanzas, name, report);
    if let Some(license) = find(stanzas, "license")
        && let Some(text) = license.literal()
        && spdx::Expression::parse(text).is_err()
    {
        report.error("licence", license.at, format!("`{}` is no licence of the SPDX list", excerpt(text)));
    }
}

fn check_cask(cask: &Stanza<'_>, stanzas: &[Stanza<'_>], name: &str, report: &mut Report<'_>) {
    let token = cask.literal().unwrap_or_default();
    if token != name {
        let message = format!("the token of `{}.rb` is another", excerpt(name));
        report.error("cask", cask.at, message).suggest(format!("cask \"{}\" do", excerpt(name)));
    }
    let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-@.".contains(letter);
    if token.is_empty() || !token.chars().all(allowed) {
        report.error("cask", cask.at, "a token is of small letters, digits and hyphens");
    }
    for word in ["version", "sha256", "url", "name", "desc", "homepage"] {
        if find(stanzas, word).is_none() {
            report.error("required", cask.at, format!("a cask needs `{word}`"));
        }
    }
    let artifacts =
        ["app", "binary", "pkg", "installer", "suite", "font", "artifact", "stage_only", "prefpane", "plugin"];
    let installs = |stanza: &Stanza<'_>| artifacts.contains(&stanza.word) || stanza.word.ends_with("_plugin");
    if !stanzas.iter().any(installs) && !stanzas.iter().any(|stanza| stanza.word.ends_with("_completion")) {
        report.error("required", cask.at, "a cask needs something to install: `app`, `binary`, `pkg`, ...");
    }
    check_description(stanzas, name, report);
}

/// `foo-bar@2.1` is `FooBarAT21`, `lib+` is `Libx`.
fn class_name(name: &str) -> String {
    let name = name.replace('+', "x");
    let (base, version) = name.split_once('@').map_or((name.as_str(), None), |(base, version)| (base, Some(version)));
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
    };
    let base: String = base.split(['-', '_', '.', ' ']).map(capital).collect();
    let version = version.map(|version| format!("AT{}", version.replace(['.', '-'], "")));
    base + &version.unwrap_or_default()
}

fn check_description(stanzas: &[Stanza<'_>], name: &str, report: &mut Report<'_>) {
    let Some(stanza) = find(stanzas, "desc") else { return };
    let Some(text) = stanza.literal() else { return };
    let length = text.chars().count();
    if length == 0 || length > MOST_DESCRIPTION {
        let message = format!("the description has {length} characters; 1 to {MOST_DESCRIPTION} are allowed");
        report.error("desc", stanza.at, message);
    }
    let first = text.split_whitespace().next().unwrap_or_default();
    if matches!(first.to_ascii_lowercase().as_str(), "a" | "an" | "the") {
        report.error("desc", stanza.at, format!("a description does not begin with `{first}`"));
    }
    if text.starts_with(|letter: char| letter.is_lowercase()) {
        report.warning("desc", stanza.at, "a description begins with a capital");
    }
    if text.ends_with('.') && !text.ends_with("etc.") {
        report.error("desc", stanza.at, "a description has no full stop").suggest(excerpt(text.trim_end_matches('.')));
    }
    if first.eq_ignore_ascii_case(name) {
        report.error("desc", stanza.at, "a description does not begin with the name");
    }
    if text.trim() != text {
        report.error("desc", stanza.at, "a description has no blanks around it");
    }
}

/// A file that was cut off, or has an `end` too many.
fn check_blocks(stanzas: &[Stanza<'_>], report: &mut Report<'_>) {
    let Some(last) = stanzas.last() else { return };
    if last.word != "end" || last.depth != 0 {
        report.warning("blocks", last.at, "blocks and their `end`s do not seem to pair");
    }
}

fn check_values(stanzas: &[Stanza<'_>], report: &mut Report<'_>) {
    let mut digests: HashMap<&str, &str> = HashMap::new();
    let mut url = None;
    for stanza in stanzas {
        match stanza.word {
            "url" | "homepage" => {
                let Some(text) = stanza.literal() else { continue };
                check_url(stanza, text, report);
                if stanza.word == "url" {
                    url = Some(text);
                }
            }
            "sha256" => check_digest(stanza, url, &mut digests, report),
            "version" if stanza.literal().is_some_and(|text| text.starts_with('v')) => {
                report.warning("version", stanza.at, "a version has no `v` before it");
            }
            _ => {}
        }
    }
}

fn check_url(stanza: &Stanza<'_>, text: &str, report: &mut Report<'_>) {
    let is_web = ["https://", "http://"].iter().any(|start| text.starts_with(start));
    if !is_web && stanza.word == "homepage" {
        report.error("url", stanza.at, format!("`{}` is no URL", excerpt(text)));
    } else if text.starts_with("http://") {
        report.warning("https", stanza.at, "this is not secure").suggest(excerpt(&text.replacen("http", "https", 1)));
    }
}

fn check_digest<'t>(
    stanza: &Stanza<'t>,
    url: Option<&'t str>,
    digests: &mut HashMap<&'t str, &'t str>,
    report: &mut Report<'_>,
) {
    let Some(text) = stanza.literal() else { return };
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        report.error("sha256", stanza.at, format!("`{}` is not a SHA-256 of 64 hexadecimal digits", excerpt(text)));
    } else if text.bytes().any(|digit| digit.is_ascii_uppercase()) {
        report.error("sha256", stanza.at, "a sha256 is in small letters").suggest(text.to_ascii_lowercase());
    }
    if let Some(url) = url
        && digests.insert(url, text).is_some_and(|other| other != text)
    {
        report.error("sha256", stanza.at, "the same URL has another sha256 above");
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_cases, assert_clean, case};
    use super::*;
    use crate::publish::Manager::Homebrew;

    const FORMULA: &str = r#"class BigToolAT2 < Formula
  desc "Does what a big tool does"
  homepage "https://example.org/"
  url "https://example.org/tool-2.1.tar.gz"
  sha256 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  license any_of: ["MIT", "Apache-2.0"]

  on_arm do
    url "https://example.org/tool-2.1-arm.tar.gz"
    sha256 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
  end

  def install
    bin.install "tool"
  end

  def caveats
    <<~EOS
      url "http://not.looked.at"
    EOS
  end

  test do
    system bin/"tool", "--version"
  end
end
"#;

    const CASK: &str = r#"cask "big-tool" do
  version "2.1"
  sha256 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

  url "https://example.org/tool-#{version}.dmg"
  name "Big Tool"
  desc "Does what a big tool does"
  homepage "https://example.org/"

  app "Big Tool.app"
end
"#;

    #[test]
    fn a_formula() {
        let files = [("Formula/big-tool@2.rb", FORMULA)];
        let f = "big-tool@2.rb";
        assert_clean(Homebrew, &files);
        assert_cases(
            Homebrew,
            &files,
            &[
                case(f, "BigToolAT2", "BigTool2", "error[brew-class]"),
                case(f, "class BigToolAT2 < Formula", "class BigToolAT2", "error[brew-structure]"),
                case(f, "  homepage \"https://example.org/\"\n", "", "error[brew-required]"),
                case(f, "  license any_of: [\"MIT\", \"Apache-2.0\"]\n", "", "warning[brew-advised]"),
                case(f, "license any_of: [\"MIT\", \"Apache-2.0\"]", "license \"Apache 2\"", "error[brew-licence]"),
                case(f, "\"aaaa", "\"xaaa", "error[brew-sha256]"),
                case(f, "\"aaaa", "\"Aaaa", "error[brew-sha256]"),
                case(f, "tool-2.1-arm.tar.gz", "tool-2.1.tar.gz", "error[brew-sha256]"),
                case(f, "\"Does what a big tool does\"", "\"A big tool\"", "error[brew-desc]"),
                case(f, "\"Does what a big tool does\"", "\"big tool\"", "warning[brew-desc]"),
                case(f, "tool does\"", "tool does.\"", "error[brew-desc]"),
                case(f, "homepage \"https", "homepage \"http", "warning[brew-https]"),
                case(f, "homepage \"https://", "homepage \"", "error[brew-url]"),
                case(f, "    bin.install \"tool\"\n  end\n", "", "warning[brew-blocks]"),
            ],
        );
    }

    #[test]
    fn a_cask() {
        let files = [("Casks/big-tool.rb", CASK)];
        let f = "big-tool.rb";
        assert_clean(Homebrew, &files);
        assert_cases(
            Homebrew,
            &files,
            &[
                case(f, "cask \"big-tool\"", "cask \"bigtool\"", "error[brew-cask]"),
                case(f, "  app \"Big Tool.app\"\n", "", "error[brew-required]"),
                case(f, "  name \"Big Tool\"\n", "", "error[brew-required]"),
                case(f, "version \"2.1\"", "version \"v2.1\"", "warning[brew-version]"),
            ],
        );
    }

    #[test]
    fn names_of_classes() {
        let cases = [("wget", "Wget"), ("foo-bar_baz", "FooBarBaz"), ("a@3.14", "AAT314"), ("gtk+3", "Gtkx3")];
        for (name, wanted) in cases {
            assert_eq!(class_name(name), wanted);
        }
    }
}
