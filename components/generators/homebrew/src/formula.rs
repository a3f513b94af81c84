//! A formula that installs the programs of the release's archives.

use generator_common::{Findings, choose, text};
use turbo_component::manifest::Artifact;

use crate::keep;
use crate::package::{Package, is_program};
use crate::platform::{self, Platform};
use crate::ruby::{Lines, quoted};

/// Writes the formula. `old` is the one that stands in the tap.
pub fn write(package: &Package<'_>, old: Option<&str>, findings: &mut Findings) -> String {
    let platforms = platform::of(package, is_program, findings);
    if platforms.is_empty() && !findings.is_fatal() {
        let suggestion = "publish a tar.gz with the programs for macOS or Linux";
        findings.error("brew-no-artifact", "the release has nothing that a formula installs", suggestion);
    }
    let mut lines = Lines::default();
    lines.block(&format!("class {} < Formula", class_name(&package.name)), |lines| {
        head(package, lines, findings);
        livecheck(package, old, lines, findings);
        dependencies(package, &platforms, lines);
        downloads(&platforms, lines);
        lines.gap();
        install(&platforms, lines, findings);
        rest(package, &platforms, old, lines);
    });
    lines.into_text()
}

/// The class that Homebrew expects in a file: `my-tool@2` is `MyToolAT2`.
pub fn class_name(name: &str) -> String {
    let mut class = String::new();
    let mut is_start = true;
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '-' | '_' | '.' => is_start = true,
            '+' => class.push('x'),
            '@' if letters.peek().is_some_and(char::is_ascii_digit) => class.push_str("AT"),
            '@' => {}
            letter if is_start => {
                class.push(letter.to_ascii_uppercase());
                is_start = false;
            }
            letter => class.push(letter),
        }
    }
    class
}

fn head(package: &Package<'_>, lines: &mut Lines, findings: &mut Findings) {
    if let Some(desc) = package.desc(findings) {
        lines.put(&format!("desc {}", quoted(&desc)));
    }
    lines.put(&format!("homepage {}", quoted(&package.homepage(findings))));
    lines.put(&format!("version {}", quoted(&package.version)));
    if let Some(license) = package.license(findings) {
        lines.put(&format!("license {license}"));
    }
}

fn livecheck(package: &Package<'_>, old: Option<&str>, lines: &mut Lines, findings: &mut Findings) {
    let is_wanted = package.settings.switch("livecheck", true, findings);
    if let Some(kept) = keep::block(old, "livecheck do") {
        lines.gap();
        lines.raw(&kept);
    } else if is_wanted && package.is_on_github() {
        lines.gap();
        lines.block("livecheck do", |lines| {
            lines.put("url :stable");
            lines.put("strategy :github_latest");
        });
    }
}

fn dependencies(package: &Package<'_>, platforms: &[Platform<'_>], lines: &mut Lines) {
    lines.gap();
    let of_ours = |manager: &str| matches!(manager, "homebrew" | "brew");
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'@' | b'+' | b'.' | b'/'))
    };
    let names =
        package.release.dependencies.iter().filter(|(manager, _)| of_ours(manager)).map(|(_, name)| name.trim());
    for name in names.filter(|name| is_name(name)) {
        lines.put(&format!("depends_on {}", quoted(name)));
    }
    // What has no file shall say so, instead of failing without a URL.
    let has = |os: &str| platforms.iter().any(|platform| platform.os == os);
    match (has("macos"), has("linux")) {
        (true, false) => lines.put("depends_on :macos"),
        (false, true) => lines.put("depends_on :linux"),
        _ => {}
    }
    let all = |cpu: &str| platforms.iter().all(|platform| platform.cpu == cpu);
    if !platforms.is_empty() && all("intel") {
        lines.put("depends_on arch: :x86_64");
    } else if !platforms.is_empty() && all("arm") {
        lines.put("depends_on arch: :arm64");
    }
}

fn downloads(platforms: &[Platform<'_>], lines: &mut Lines) {
    for os in ["macos", "linux"] {
        let of_os: Vec<&Platform<'_>> = platforms.iter().filter(|platform| platform.os == os).collect();
        if of_os.is_empty() {
            continue;
        }
        lines.gap();
        lines.block(&format!("on_{os} do"), |lines| {
            for platform in of_os {
                if platform.cpu.is_empty() {
                    download(platform.artifact, lines);
                } else {
                    lines.block(&format!("on_{} do", platform.cpu), |lines| download(platform.artifact, lines));
                }
            }
        });
    }
}

fn download(artifact: &Artifact, lines: &mut Lines) {
    lines.put(&format!("url {}", quoted(&artifact.url)));
    lines.put(&format!("sha256 {}", quoted(&choose::sha256(artifact).unwrap_or_default())));
}

/// What `install` does for one file.
fn steps(artifact: &Artifact, package_name: Option<&str>, findings: &mut Findings) -> Vec<String> {
    let is_archive =
        matches!(choose::kind(artifact).as_str(), "zip" | "tar") || choose::kind(artifact).starts_with("tar.");
    if !is_archive {
        let command = artifact.binaries.first().map(|path| choose::command(path)).or(package_name).unwrap_or_default();
        let target = if command == artifact.file_name { String::new() } else { format!(" => {}", quoted(command)) };
        return vec![format!("bin.install {}{target}", quoted(&artifact.file_name))];
    }
    let is_executable = |path: &str| {
        let is_marked = artifact.entries.iter().any(|entry| entry.path == path && entry.executable);
        let name = path.rsplit('/').next().unwrap_or(path);
        is_marked && !name.contains('.')
    };
    let programs = choose::programs(artifact, is_executable, findings);
    if programs.is_empty() {
        let message = format!("nobody knows which file of {} is the program", artifact.file_name);
        findings.error("brew-no-binary", &message, "name it in the artifact's `binaries`");
    }
    let mut steps: Vec<String> =
        programs.iter().map(|program| format!("bin.install {}", quoted(&program.inner))).collect();
    let below = |path: &str| {
        let prefix = choose::prefix(artifact);
        let rest = prefix.and_then(|prefix| path.strip_prefix(prefix)?.strip_prefix('/'));
        rest.unwrap_or(path).to_owned()
    };
    for program in &programs {
        for entry in &artifact.entries {
            if let Some(step) = extra(&program.command, &below(&entry.path)) {
                steps.push(step);
            }
        }
    }
    steps.dedup();
    steps
}

/// `tool.1` and `tool-sub.1`, not `toolbox.1`.
fn is_page(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('-')
}

/// Manual pages and completions of a command.
fn extra(command: &str, path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let file = quoted(path);
    let ends = |end: &str| name.strip_suffix(end) == Some(command);
    if name.strip_prefix(command).and_then(|rest| rest.strip_suffix(".1")).is_some_and(is_page) {
        return Some(format!("man1.install {file}"));
    }
    if name.strip_prefix('_') == Some(command) {
        return Some(format!("zsh_completion.install {file}"));
    }
    if ends(".fish") {
        return Some(format!("fish_completion.install {file}"));
    }
    if ends(".bash") || ends("-completion.bash") {
        return Some(format!("bash_completion.install {file} => {}", quoted(command)));
    }
    None
}

fn install(platforms: &[Platform<'_>], lines: &mut Lines, findings: &mut Findings) {
    let all: Vec<Vec<String>> = platforms.iter().map(|platform| steps(platform.artifact, None, findings)).collect();
    lines.block("def install", |lines| {
        let Some(first) = all.first() else { return };
        if all.iter().all(|steps| steps == first) {
            for step in first {
                lines.put(step);
            }
            return;
        }
        for (at, (platform, steps)) in platforms.iter().zip(&all).enumerate() {
            let os = if platform.os == "macos" { "OS.mac?" } else { "OS.linux?" };
            let cpu = match platform.cpu {
                "arm" => " && Hardware::CPU.arm?",
                "intel" => " && Hardware::CPU.intel?",
                _ => "",
            };
            lines.put(&format!("{} {os}{cpu}", if at == 0 { "if" } else { "elsif" }));
            for step in steps {
                lines.put(&format!("  {step}"));
            }
        }
        lines.put("end");
    });
}

/// Caveats, service and test: the tap's, else the settings', else a plain one.
fn rest(package: &Package<'_>, platforms: &[Platform<'_>], old: Option<&str>, lines: &mut Lines) {
    for head in ["def post_install", "def caveats"] {
        if let Some(kept) = keep::block(old, head) {
            lines.gap();
            lines.raw(&kept);
        }
    }
    if let Some(caveats) = package.settings.text("caveats").filter(|_| keep::block(old, "def caveats").is_none()) {
        lines.gap();
        lines.block("def caveats", |lines| lines.put(&quoted(&text::paragraphs(caveats))));
    }
    if let Some(kept) = keep::block(old, "service do") {
        lines.gap();
        lines.raw(&kept);
    }
    lines.gap();
    if let Some(kept) = keep::block(old, "test do").filter(|_| package.settings.text("test").is_none()) {
        lines.raw(&kept);
        return;
    }
    let binary = platforms.iter().find_map(|platform| platform.artifact.binaries.first());
    let command = binary.map_or(package.name.as_str(), |path| choose::command(path));
    lines.block("test do", |lines| match package.settings.text("test") {
        Some(test) => {
            for line in text::paragraphs(test).lines() {
                lines.put(line);
            }
        }
        None => lines.put(&format!("system bin/{}, \"--version\"", quoted(command))),
    });
}
