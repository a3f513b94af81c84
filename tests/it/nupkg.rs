//! Packages: packed, and installed by the real client.

use std::fs;
use std::path::Path;

use crate::rig::{Engine, Minchoc, nuget, sha256};

/// A nuspec as Chocolatey's template has it. Without an ampersand: `minchoc`
/// writes it unescaped into its own answers.
pub const NUSPEC: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2015/06/nuspec.xsd">
  <metadata>
    <id>turbo-tool</id>
    <version>1.2.3</version>
    <title>Turbo tool</title>
    <authors>Jane Doe</authors>
    <projectUrl>https://tool.example/</projectUrl>
    <requireLicenseAcceptance>false</requireLicenseAcceptance>
    <description>Does things, and does them fast.</description>
    <summary>Does things</summary>
    <tags>tool cli</tags>
  </metadata>
  <files>
    <file src="tools\**" target="tools" />
  </files>
</package>
"#;

/// A folder that Chocolatey's packages look like.
pub fn source(engine: &Engine) {
    for folder in ["pkg", "pkg/tools", "pkg/tools/deep er"] {
        fs::create_dir(engine.path(folder)).expect("scratch is writable");
    }
    engine.write("pkg/turbo-tool.nuspec", NUSPEC);
    engine.write("pkg/README.md", "not packed");
    engine.write("pkg/tools/chocolateyInstall.ps1", "Install-ChocolateyZipPackage\r\n");
    engine.write("pkg/tools/LICENSE", "none");
    engine.write("pkg/tools/deep er/100% ü.txt", "text");
}

/// What the client makes of the package, below the folder it installs into.
fn assert_installed(folder: &Path) {
    for (path, content) in [
        ("tools/chocolateyInstall.ps1", "Install-ChocolateyZipPackage\r\n"),
        ("tools/LICENSE", "none"),
        ("tools/deep er/100% ü.txt", "text"),
    ] {
        let path = folder.join("out/turbo-tool.1.2.3").join(path);
        let found = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(found, content, "{}", path.display());
    }
}

#[test]
fn two_packs_are_the_same_bytes() {
    let (one, other) = (Engine::new(), Engine::new());
    for engine in [&one, &other] {
        source(engine);
    }
    // Other times and another order in the directory.
    fs::rename(other.path("pkg/tools/LICENSE"), other.path("x")).expect("a file");
    fs::rename(other.path("x"), other.path("pkg/tools/LICENSE")).expect("a file");
    let run = one.run(["publish", "pack", "pkg"]).exits(0);
    let packed = one.read("turbo-tool.1.2.3.nupkg");
    let line = format!("{}  turbo-tool.1.2.3.nupkg  {} bytes, 3 files\n", sha256(&packed), packed.len());
    assert_eq!(run.text(), line);
    other.run(["publish", "pack", "pkg/turbo-tool.nuspec", "-o", "own.nupkg"]).exits(0);
    other.assert_file("own.nupkg", &packed);
    let event = other.run(["publish", "pack", "pkg", "--json"]).exits(0).events().remove(0);
    assert_eq!(event["digest"], format!("sha-256:{}", sha256(&packed)));
}

/// Neither the processor nor a new version of what compresses may change them
/// unnoticed.
#[test]
fn the_bytes_are_the_same_on_every_system() {
    let engine = Engine::new();
    source(&engine);
    let text: String = (0_u64..60_000).map(|number| format!("{}\n", number * number % 9973)).collect();
    engine.write("pkg/tools/numbers.txt", text);
    engine.run(["publish", "pack", "pkg"]).exits(0);
    let digest = sha256(&engine.read("turbo-tool.1.2.3.nupkg"));
    assert_eq!(digest, "fdaacadb65f46d05608ffed0945a72b9aec4532716b4a219330a5d80132f5f11");
}

#[test]
fn what_cannot_be_packed_is_explained() {
    let engine = Engine::new();
    source(&engine);
    let pack = || engine.run(["publish", "pack", "pkg"]);
    for (from, to, code, what) in [
        ("1.2.3<", "1.2<", 1, "not normalised"),
        ("turbo-tool</id>", "..\\evil</id>", 1, "not an identifier"),
        ("tools\\**", "..\\**", 1, "leads out of the folder"),
        ("target=\"tools\"", "target=\"../up\"", 1, "leads out of the folder"),
        ("<package", "<!DOCTYPE x><package", 1, "document type"),
        ("tools\\**", "tools\\absent.exe", 1, "no file is meant"),
    ] {
        engine.write("pkg/turbo-tool.nuspec", NUSPEC.replace(from, to));
        pack().fails(code).says(what);
    }
    engine.write("pkg/turbo-tool.nuspec", NUSPEC);
    engine.write("pkg/other.nuspec", NUSPEC);
    pack().fails(2).says("several nuspecs");
    fs::remove_file(engine.path("pkg/other.nuspec")).expect("a file");
    engine.run(["publish", "pack", "pkg/tools"]).fails(2).says("no nuspec");
    engine.run(["publish", "pack", "absent"]).fails(7);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/hostname", engine.path("pkg/tools/link")).expect("a link");
        pack().fails(7).says("is a link");
    }
    assert_eq!(engine.listing(), ["pkg"]);
}

#[test]
#[ignore = "needs nuget"]
fn the_real_client_installs_from_a_folder() {
    let engine = Engine::new();
    source(&engine);
    engine.write("pkg/turbo-tool.nuspec", NUSPEC.replace("things,", "&lt;things&gt; &amp; more,"));
    engine.run(["publish", "pack", "pkg"]).exits(0);
    let folder = engine.path("");
    let output =
        nuget(&folder, &["install", "turbo-tool", "-Source", &folder.to_string_lossy(), "-OutputDirectory", "out"]);
    assert!(output.status.success(), "{output:?}");
    assert_installed(&folder);
}

/// Pushed by the engine, installed from the feed by the client; then what a
/// feed refuses.
#[test]
#[ignore = "needs minchoc and nuget"]
fn a_real_feed_gives_the_real_client_what_was_pushed() {
    let feed = Minchoc::start();
    let engine = Engine::new().variable("TURBO_ENGINE_NUGET_KEY", Minchoc::KEY);
    source(&engine);
    engine.run(["publish", "pack", "pkg"]).exits(0);
    let source = feed.url();
    let push = |engine: &Engine| engine.run(["publish", "push", "turbo-tool.1.2.3.nupkg", "--source", &source]);
    let run = push(&engine).exits(0);
    assert_eq!(run.text(), format!("{source}/api/v2/Packages(Id='turbo-tool',Version='1.2.3')  pushed\n"));
    let folder = engine.path("");
    let output =
        nuget(&folder, &["install", "turbo-tool", "-Source", &format!("{source}/api/v2/"), "-OutputDirectory", "out"]);
    assert!(output.status.success(), "{output:?}");
    assert_installed(&folder);
    // This feed tells no hash, so that the same bytes are a conflict as well.
    push(&engine).fails(5).says("has turbo-tool 1.2.3 already").says("(400)").says("already been uploaded");
    engine.write("pkg/tools/LICENSE", "a longer one");
    engine.run(["publish", "pack", "pkg"]).exits(0);
    push(&engine).fails(5).says("already, with other bytes").says("1.2.3.2026");
    let stranger = Engine::new().variable("TURBO_ENGINE_NUGET_KEY", Minchoc::STRANGER);
    stranger.write("turbo-tool.1.2.3.nupkg", engine.read("turbo-tool.1.2.3.nupkg"));
    push(&stranger).fails(5).says("does not let this key push turbo-tool 1.2.3 (403)").says("Not authorized");
}
