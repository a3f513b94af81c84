//! Releases, and the formulae and casks that they become.

use turbo_component::manifest::{Artifact, Delivery, Entry, Generated, ManifestGenerator, PriorFile, Release};
use turbo_component::testing;

use super::Homebrew;
use crate::formula::class_name;

fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn artifact(os: &str, arch: &str, format: &str) -> Artifact {
    let mut artifact = testing::release("tool", "1.2.3").artifacts.remove(0);
    artifact.file_name = format!("tool-{os}-{arch}.{format}");
    artifact.id.clone_from(&artifact.file_name);
    artifact.url = format!("https://github.com/example/tool/releases/download/v1.2.3/{}", artifact.file_name);
    os.clone_into(&mut artifact.os);
    arch.clone_into(&mut artifact.arch);
    format.clone_into(&mut artifact.format);
    artifact
}

fn release(artifacts: Vec<Artifact>) -> Release {
    Release { artifacts, ..testing::release("tool", "1.2.3") }
}

const TAP: [(&str, &str); 1] = [("repository", "example/homebrew-tap")];

fn made(release: &Release, pairs: &[(&str, &str)], prior: &[PriorFile]) -> (Generated, String) {
    let given: Vec<_> = TAP.iter().chain(pairs).copied().collect();
    let generated = testing::generate(&Homebrew, release, &settings(&given), prior).unwrap();
    let found = Homebrew.validate(&generated.deliveries[0], &[]);
    let Delivery::GitChange(change) = &generated.deliveries[0] else { panic!("{generated:?}") };
    let text = String::from_utf8(change.writes[0].content.clone()).unwrap();
    assert!(found.is_empty(), "{found:?}\n{text}");
    (generated, text)
}

#[test]
fn programs_become_a_formula() {
    let release = release(vec![
        artifact("macos", "arm64", "tar.gz"),
        artifact("macos", "x64", "tar.gz"),
        artifact("linux", "x64", "tar.gz"),
    ]);
    let (generated, text) = made(&release, &[], &[]);
    let hash = "ab".repeat(32);
    let url = "https://github.com/example/tool/releases/download/v1.2.3";
    let expected = format!(
        r#"class Tool < Formula
  desc "Tool"
  homepage "https://tool.example/"
  version "1.2.3"
  license "MIT"

  livecheck do
    url :stable
    strategy :github_latest
  end

  on_macos do
    on_arm do
      url "{url}/tool-macos-arm64.tar.gz"
      sha256 "{hash}"
    end
    on_intel do
      url "{url}/tool-macos-x64.tar.gz"
      sha256 "{hash}"
    end
  end

  on_linux do
    on_intel do
      url "{url}/tool-linux-x64.tar.gz"
      sha256 "{hash}"
    end
  end

  def install
    bin.install "tool"
  end

  test do
    system bin/"tool", "--version"
  end
end
"#
    );
    assert_eq!(text, expected);
    let Delivery::GitChange(change) = &generated.deliveries[0] else { panic!() };
    assert_eq!(
        (change.title.as_str(), change.writes[0].path.as_str()),
        ("tool 1.2.3 (new formula)", "Formula/tool.rb")
    );
}

#[test]
fn archives_bring_pages_and_completions() {
    let mut archive = artifact("linux", "x64", "tar.gz");
    archive.strip_prefix = Some("tool-1.2.3".to_owned());
    let entry = |path: &str, executable| Entry { path: format!("tool-1.2.3/{path}"), size: 1, executable };
    archive.entries = vec![
        entry("bin/tool", true),
        entry("doc/tool.1", false),
        entry("complete/_tool", false),
        entry("complete/tool.bash", false),
    ];
    archive.binaries = vec!["bin/tool".to_owned()];
    let (_, text) = made(&release(vec![archive]), &[], &[]);
    for line in [
        "bin.install \"bin/tool\"",
        "man1.install \"doc/tool.1\"",
        "zsh_completion.install \"complete/_tool\"",
        "bash_completion.install \"complete/tool.bash\" => \"tool\"",
        "depends_on :linux",
        "depends_on arch: :x86_64",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn layouts_that_differ_are_told_apart() {
    let mut bare = artifact("linux", "arm64", "raw");
    bare.file_name = "tool-linux".to_owned();
    let mut wide = artifact("macos", "neutral", "zip");
    wide.binaries = vec!["tool".to_owned(), "toolctl".to_owned()];
    let (_, text) =
        made(&release(vec![bare, wide]), &[("test", "assert_match \"1\", shell_output(\"#{bin}/tool -V\")")], &[]);
    for line in [
        "    if OS.mac?\n",
        "      bin.install \"toolctl\"\n",
        "    elsif OS.linux? && Hardware::CPU.arm?\n",
        "      bin.install \"tool-linux\" => \"tool\"\n",
        "shell_output(\"#{bin}/tool -V\")",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn what_people_wrote_stays() {
    let old = "class Tool < Formula\n  livecheck do\n    url \"https://tool.example/news\"\n  end\n\n  def caveats\n    \"mind this\"\n  end\n\n  service do\n    run bin/\"tool\"\n  end\n\n  test do\n    system \"mine\"\n  end\nend\n";
    let prior = [PriorFile { path: "Formula/tool.rb".to_owned(), content: Some(old.as_bytes().to_vec()) }];
    let (generated, text) = made(&release(vec![artifact("macos", "arm64", "tar.gz")]), &[], &prior);
    for part in ["tool.example/news", "mind this", "run bin/\"tool\"", "system \"mine\"", "depends_on :macos"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let Delivery::GitChange(change) = &generated.deliveries[0] else { panic!() };
    assert_eq!(change.title, "tool 1.2.3");
}

#[test]
fn an_application_becomes_a_cask() {
    let images = vec![artifact("macos", "arm64", "dmg"), artifact("macos", "x64", "dmg")];
    let (generated, text) =
        made(&release(images), &[("app", "Tool.app"), ("zap.0", "~/Library/Tool"), ("macos", "big_sur")], &[]);
    for part in [
        "cask \"tool\" do\n  version \"1.2.3\"\n\n  on_arm do\n    sha256 \"",
        "  name \"tool\"\n",
        "  depends_on macos: \">= :big_sur\"\n",
        "  app \"Tool.app\"\n",
        "  zap trash: \"~/Library/Tool\"\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(generated.diagnostics.is_empty(), "{:?}", generated.diagnostics);
    let mut zip = artifact("macos", "neutral", "zip");
    zip.entries = vec![Entry { path: "My Tool.app/Contents/MacOS/tool".to_owned(), size: 1, executable: true }];
    let (_, text) = made(&release(vec![zip]), &[], &[]);
    assert!(text.contains("app \"My Tool.app\"") && !text.contains("on_arm"), "{text}");
    let pkg = release(vec![artifact("macos", "neutral", "pkg")]);
    let refused = testing::generate(&Homebrew, &pkg, &settings(&TAP), &[]).unwrap_err();
    assert_eq!(refused[0].code, "brew-pkgutil");
    made(&pkg, &[("pkgutil", "example.tool")], &[]);
}

#[test]
fn names_licences_and_texts_are_homebrews() {
    for (name, class) in [("my-tool@2", "MyToolAT2"), ("c++filt", "Cxxfilt"), ("a_b.c", "ABC"), ("7zip", "7zip")] {
        assert_eq!(class_name(name), class);
    }
    let mut release = release(vec![artifact("linux", "x64", "tar.gz")]);
    release.license_spdx = "MIT OR (Apache-2.0 WITH LLVM-exception AND Zlib)".to_owned();
    release.texts[0].summary = "the #{odd} \"tool\".".to_owned();
    let (_, text) = made(&release, &[], &[]);
    assert!(text.contains(r#"desc "\#{odd} \"tool\"""#), "{text}");
    let license = r#"license any_of: ["MIT", { all_of: ["Apache-2.0" => { with: "LLVM-exception" }, "Zlib"] }]"#;
    assert!(text.contains(license), "{text}");
}

#[test]
fn refusals_say_what_to_do() {
    let good = release(vec![artifact("linux", "x64", "tar.gz")]);
    let mut nothing = good.clone();
    nothing.artifacts[0].binaries.clear();
    let cases = [
        (release(vec![artifact("windows", "x64", "zip")]), "brew-no-artifact"),
        (Release { links: Vec::new(), ..good.clone() }, "brew-homepage"),
        (Release { version: "1 2".to_owned(), ..good.clone() }, "brew-version"),
        (nothing, "brew-no-binary"),
    ];
    for (release, code) in cases {
        let refused = testing::generate(&Homebrew, &release, &settings(&TAP), &[]).unwrap_err();
        assert!(refused.iter().any(|found| found.code == code && found.suggestion.is_some()), "{code}: {refused:?}");
    }
}
