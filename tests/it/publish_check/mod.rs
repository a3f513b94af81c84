//! `publish check`: manifests of package managers, as their authors meet it.

mod differential;
mod mutate;
mod sets;

use std::fs;

use serde_json::Value;

use crate::rig::{Engine, Run};

const SCOOP: &str = r#"{
    "version": "1.2.3",
    "description": "Does what a tool does.",
    "homepage": "https://example.org/tool",
    "license": "MIT",
    "url": "https://example.org/1.2.3/tool.zip",
    "hash": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bin": "tool.exe"
}
"#;

const WINGET: [(&str, &str); 3] = [
    (
        "",
        "PackageIdentifier: Example.Tool\nPackageVersion: 1.10\nDefaultLocale: en-US\nManifestType: version\nManifestVersion: 1.12.0\n",
    ),
    (
        ".installer",
        "PackageIdentifier: Example.Tool\nPackageVersion: '1.10'\nInstallers:\n- Architecture: amd64\n  InstallerType: inno\n  InstallerURL: https://example.org/\u{1f980}/tool.exe\n  InstallerSha256: C0FFEE\nManifestType: installer\nManifestVersion: 1.12.0\n",
    ),
    (
        ".locale.en-US",
        "PackageIdentifier: Example.Tool\nPackageVersion: '1.10'\nPackageLocale: en-US\nPublisher: Example\nPackageName: Tool\nLicense: MIT\nShortDescription: Does what a tool does.\nManifestType: defaultLocale\nManifestVersion: 1.12.0\n",
    ),
];

const FORMULA: &str = "class Tool < Formula\n  desc \"The tool.\"\n  homepage \"https://example.org\"\n  url \"https://example.org/tool.tar.gz\"\n\n  def install\n    bin.install \"tool\"\n  end\nend\n";

const NUSPEC: &str = r#"<?xml version="1.0"?>
<package xmlns="http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd">
  <metadata>
    <id>tool</id>
    <version>1.2</version>
    <authors>Example</authors>
    <projectUrl>https://example.org</projectUrl>
    <tags>tool, cli</tags>
    <description>Does what a tool does, at some length.</description>
  </metadata>
</package>
"#;

const VERSION_FOLDER: &str = "manifests/e/Example/Tool/1.10";

/// A folder for each manager, with something wrong in each.
fn world() -> Engine {
    let engine = Engine::new();
    write(&engine, "bucket/tool.json", SCOOP);
    write(&engine, "bucket/broken.json", SCOOP.replace("\"1.2.3\"", "1.2").replace("\"bin\"", "\"bni\""));
    for (suffix, text) in WINGET {
        write(&engine, &format!("{VERSION_FOLDER}/Example.Tool{suffix}.yaml"), text);
    }
    write(&engine, "Formula/tool.rb", FORMULA);
    write(&engine, "choco/tool.nuspec", NUSPEC);
    write(&engine, "choco/tools/chocolateyinstall.ps1", "choco install other\n");
    write(&engine, "choco/tools/tool.exe", b"MZ");
    write(&engine, "package.json", "{\"version\": 1}");
    engine
}

fn write(engine: &Engine, path: &str, content: impl AsRef<[u8]>) {
    let full = engine.path(path);
    fs::create_dir_all(full.parent().expect("a folder")).expect("scratch is writable");
    fs::write(full, content).expect("scratch is writable");
}

fn check(engine: &Engine, arguments: &[&str]) -> Run {
    engine.run([&["publish", "check"], arguments].concat())
}

/// Codes of a run's findings, with their severities.
fn codes(run: &Run) -> Vec<String> {
    let findings = run.events().into_iter().filter(|event| event["event"] == "finding");
    findings.map(|event| format!("{}[{}]", text(&event["severity"]), text(&event["code"]))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn findings_read_like_those_of_a_compiler() {
    let engine = world();
    let run = check(&engine, &["."]).fails(6).says("must not be published");
    insta::assert_snapshot!("findings", run.text());
    insta::assert_snapshot!("summary", run.stderr);
}

#[test]
fn a_manifest_that_is_right_passes_in_silence() {
    let engine = world();
    let run = check(&engine, &["bucket/tool.json"]).exits(0);
    assert_eq!(run.text(), "");
    run.says("1 file of scoop: 0 errors, 0 warnings, 1 note (--notes shows them)");
    let noted = check(&engine, &["--notes", "bucket/tool.json"]).exits(0);
    assert!(noted.text().contains("bucket/tool.json:1:2: note[scoop-line-ends]"), "{}", noted.text());
}

#[test]
fn json_has_every_finding_and_their_number() {
    let engine = world();
    let run = check(&engine, &["--json", VERSION_FOLDER]);
    let events = run.exits(6).events();
    let architecture = events.iter().find(|event| event["code"] == "winget-enum").expect("amd64 is flagged");
    assert_eq!(architecture["pointer"], "/Installers/0/Architecture");
    assert_eq!((&architecture["line"], &architecture["column"]), (&4.into(), &17.into()));
    assert_eq!(architecture["manager"], "winget");
    assert!(text(&architecture["file"]).ends_with("Example.Tool.installer.yaml"));
    let sum = events.iter().find(|event| event["event"] == "checked").expect("a summary");
    let errors = events.iter().filter(|event| event["severity"] == "error").count();
    assert_eq!((sum["files"].as_u64(), sum["errors"].as_u64()), (Some(3), Some(errors as u64)));
    assert_eq!(events.last().expect("events")["exit_code"], 6);
}

#[test]
fn one_file_brings_those_it_belongs_to() {
    let engine = world();
    let version = format!("{VERSION_FOLDER}/Example.Tool.yaml");
    let run = check(&engine, &["--json", &version]);
    assert!(codes(&run).contains(&"error[winget-enum]".to_owned()), "{:?}", codes(&run));
    let run = check(&engine, &["--json", "choco/tool.nuspec"]);
    for code in ["CPMR0005", "CPMR0006", "CPMR0010", "CPMR0014"] {
        assert!(codes(&run).contains(&format!("error[{code}]")), "{code}: {:?}", codes(&run));
    }
}

#[test]
fn warnings_fail_when_they_are_denied() {
    let engine = Engine::new();
    write(&engine, "tool.json", SCOOP.replace("https://example.org/tool", "http://example.org/tool"));
    check(&engine, &["tool.json"]).exits(0);
    check(&engine, &["--deny", "warnings", "tool.json"]).fails(6);
    check(&engine, &["--deny", "notes", "tool.json"]).fails(6);
}

#[test]
fn a_manager_that_is_named_is_believed() {
    let engine = world();
    check(&engine, &["package.json"]).fails(2).says("no manifest was found");
    let run = check(&engine, &["--json", "--manager", "scoop", "package.json"]).exits(6);
    assert!(codes(&run).contains(&"error[scoop-required]".to_owned()));
    check(&engine, &["--manager", "npm", "."]).exits(2).says("no package manager");
    check(&engine, &["nowhere"]).fails(7).says("nowhere");
}

/// Whatever a file holds, a check ends soon and says what is wrong.
#[test]
fn hostile_files_are_findings() {
    let engine = Engine::new();
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000)).into_bytes();
    let aliases = "PackageIdentifier: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n";
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("bucket/deep.json", deep("[", "]"), "scoop-syntax"),
        ("bucket/large.json", vec![b' '; 2 << 20], "scoop-syntax"),
        ("bucket/binary.json", vec![0xff, 0xfe, 0, 1], "scoop-syntax"),
        ("bucket/empty.json", Vec::new(), "scoop-syntax"),
        ("bucket/escape.json", b"{\"\\u001b[2J\": 1}".to_vec(), "scoop-unknown"),
        ("a/deep.yaml", [b"PackageIdentifier: ".to_vec(), deep("[", "]")].concat(), "winget-syntax"),
        ("b/aliases.yaml", aliases.into(), "winget-syntax"),
        ("c/x.nuspec", deep("<a>", "</a>"), "choco-syntax"),
        ("d/x.nuspec", b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_vec(), "choco-syntax"),
    ];
    for (path, content, code) in cases {
        write(&engine, path, content);
        let run = check(&engine, &["--json", path]).exits(6);
        assert!(codes(&run).contains(&format!("error[{code}]")), "{path}: {:?}", codes(&run));
        let shown = check(&engine, &[path]).exits(6).text();
        assert!(!shown.contains(|letter: char| letter.is_control() && letter != '\n'), "{path}: {shown:?}");
    }
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere() {
    let engine = world();
    let outside = tempfile::tempdir().expect("a scratch folder");
    fs::write(outside.path().join("secret.json"), "{}").expect("scratch is writable");
    std::os::unix::fs::symlink(outside.path(), engine.path("bucket/link")).expect("a link");
    std::os::unix::fs::symlink(outside.path().join("secret.json"), engine.path("bucket/link.json")).expect("a link");
    let run = check(&engine, &["--json", "bucket"]).exits(6);
    assert!(!run.text().contains("link"), "{}", run.text());
}
