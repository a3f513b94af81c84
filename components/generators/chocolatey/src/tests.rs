//! Releases, and the packages that they become.

use turbo_component::manifest::{
    Artifact, Delivery, Entry, Generated, InstallerFacts, ManifestGenerator, Nupkg, Outcome, Release,
};
use turbo_component::testing;

use super::Chocolatey;
use crate::scripts::quoted;

fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn artifact(file: &str, arch: &str, format: &str, technology: Option<&str>) -> Artifact {
    let mut artifact = testing::release("tool", "1.2.3").artifacts.remove(0);
    artifact.id = file.to_owned();
    artifact.url = format!("https://tool.example/1.2.3/{file}");
    file.clone_into(&mut artifact.file_name);
    "windows".clone_into(&mut artifact.os);
    arch.clone_into(&mut artifact.arch);
    format.clone_into(&mut artifact.format);
    artifact.installer_type = technology.map(str::to_owned);
    artifact.binaries = if format == "zip" { vec!["tool.exe".to_owned()] } else { Vec::new() };
    artifact
}

fn release(artifacts: Vec<Artifact>) -> Release {
    Release { artifacts, ..testing::release("tool", "1.2.3") }
}

fn package(generated: &Generated) -> &Nupkg {
    match &generated.deliveries[0] {
        Delivery::Nupkg(package) => package,
        other => panic!("{other:?}"),
    }
}

fn made(release: &Release, pairs: &[(&str, &str)]) -> Generated {
    let generated = testing::generate(&Chocolatey, release, &settings(pairs), &[]).unwrap();
    let found = Chocolatey.validate(&generated.deliveries[0], &[]);
    assert!(found.is_empty(), "{found:?}");
    generated
}

fn script<'a>(generated: &'a Generated, name: &str) -> &'a str {
    let path = format!("tools/{name}");
    let file = package(generated).files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {name}"));
    std::str::from_utf8(&file.content).unwrap()
}

#[test]
fn an_archive_is_downloaded_and_checked() {
    let mut zip = artifact("tool-x64.zip", "x64", "zip", None);
    let entry = |path: &str| Entry { path: path.to_owned(), size: 1, executable: true };
    zip.entries = vec![entry("tool.exe"), entry("lib/other.exe"), entry("readme.txt")];
    let generated = made(&release(vec![artifact("tool-x86.zip", "x86", "zip", None), zip]), &[]);
    let install = script(&generated, "chocolateyInstall.ps1");
    for line in [
        "  url            = 'https://tool.example/1.2.3/tool-x86.zip'\r\n",
        "  url64bit       = 'https://tool.example/1.2.3/tool-x64.zip'\r\n",
        "  checksumType64 = 'sha256'\r\n",
        "\r\nInstall-ChocolateyZipPackage @packageArgs\r\n",
    ] {
        assert!(install.contains(line), "{line}: {install}");
    }
    assert_eq!(script(&generated, "lib/other.exe.ignore"), "");
    assert!(script(&generated, "chocolateyBeforeModify.ps1").contains("Uninstall-ChocolateyZipPackage"));
    assert!(package(&generated).nuspec.contains("<id>tool</id>\n    <version>1.2.3</version>"));
    assert_eq!(package(&generated).endpoint, "https://push.chocolatey.org/");
}

#[test]
fn installers_run_without_questions() {
    for (format, technology, args, codes) in [
        ("msi", Some("wix"), "'/qn /norestart'", "@(0, 3010, 1641)"),
        ("exe", Some("inno"), "'/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP-'", "@(0)"),
        ("exe", Some("nullsoft"), "'/S'", "@(0)"),
    ] {
        let generated = made(&release(vec![artifact("setup.x", "x64", format, technology)]), &[]);
        let install = script(&generated, "chocolateyInstall.ps1");
        assert!(install.contains(&format!("silentArgs     = {args}")) && install.contains(codes), "{install}");
        assert_eq!(package(&generated).files.len(), 1, "Chocolatey removes these by itself");
    }
    let mut burn = artifact("setup.exe", "x64", "exe", Some("burn"));
    let facts = InstallerFacts {
        product_code: None,
        upgrade_code: None,
        package_family_name: None,
        display_name: Some("Tool's 1.2.3".to_owned()),
        extra: Vec::new(),
    };
    burn.facts = Some(facts);
    let generated = made(&release(vec![burn]), &[]);
    assert!(script(&generated, "chocolateyUninstall.ps1").contains("-SoftwareName 'Tool''s*'"));
    let unknown = release(vec![artifact("setup.exe", "x64", "exe", None)]);
    let refused = testing::generate(&Chocolatey, &unknown, &[], &[]).unwrap_err();
    assert!(refused.iter().any(|found| found.code == "choco-silent-args"));
    made(&unknown, &[("silent-args", "/quiet"), ("software-name", "Tool*")]);
}

#[test]
fn a_program_by_itself_gets_its_own_name() {
    let generated = made(&release(vec![artifact("tool-1.2.3-x64.exe", "x64", "exe", Some("portable"))]), &[]);
    let install = script(&generated, "chocolateyInstall.ps1");
    assert!(
        install.contains("(Join-Path $toolsDir 'tool.exe')") && install.contains("Get-ChocolateyWebFile @packageArgs"),
        "{install}"
    );
}

#[test]
fn embedded_files_come_with_their_proof() {
    let with_licence = Release {
        license_text: Some("Do what you like.".to_owned()),
        ..release(vec![artifact("tool.zip", "x64", "zip", None)])
    };
    let generated = made(&with_licence, &[("embed", "true")]);
    assert_eq!(generated.extra, [("embed:tools/tool.zip".to_owned(), "tool.zip".to_owned())]);
    assert!(script(&generated, "VERIFICATION.txt").contains(&"ab".repeat(32)));
    assert_eq!(script(&generated, "LICENSE.txt"), "Do what you like.\r\n");
    assert!(script(&generated, "chocolateyInstall.ps1").contains("FileFullPath64 = (Join-Path $toolsDir 'tool.zip')"));
    let both = Release {
        artifacts: vec![
            artifact("a.exe", "x86", "exe", Some("portable")),
            artifact("b.exe", "x64", "exe", Some("portable")),
        ],
        ..with_licence.clone()
    };
    assert!(script(&made(&both, &[("embed", "true")]), "chocolateyInstall.ps1").contains("Get-OSArchitectureWidth 64"));
    let without = Release { license_text: None, ..with_licence };
    let refused = testing::generate(&Chocolatey, &without, &settings(&[("embed", "true")]), &[]).unwrap_err();
    assert!(refused.iter().any(|found| found.code == "choco-license-text"), "{refused:?}");
}

#[test]
fn the_nuspec_keeps_the_gallerys_rules() {
    let mut release = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    release.version = "1.2-rc.1".to_owned();
    release.authors = vec!["Ann <ann@tool.example>".to_owned(), "Bo & Co".to_owned()];
    release.texts[0].summary = "A <small> tool".to_owned();
    release.texts[0].description = "##Heading\n\n```\n#no\n```".to_owned();
    release.texts[0].tags = vec!["Command Line".to_owned(), "a,b".to_owned(), "chocolatey".to_owned()];
    release.dependencies =
        vec![("chocolatey".to_owned(), "vcredist >= 14".to_owned()), ("winget".to_owned(), "A.B".to_owned())];
    let generated = made(&release, &[("package-fix", "20260102")]);
    let nuspec = &package(&generated).nuspec;
    for part in [
        "<version>1.2.0.20260102-rc1</version>",
        "<authors>Ann, Bo &amp; Co</authors>",
        "<summary>A &lt;small&gt; tool</summary>",
        "A &lt;small&gt; tool\n\n## Heading\n\n```\n#no\n```</description>",
        "<tags>command-line a-b</tags>",
        "<dependency id=\"vcredist\" version=\"14.0.0\" />",
    ] {
        assert!(nuspec.contains(part), "{part}: {nuspec}");
    }
    assert!(generated.diagnostics.iter().any(|found| found.code == "choco-version-renamed"));
}

#[test]
fn refusals_say_what_to_do() {
    let good = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    let cases = [
        (release(vec![artifact("tool.zip", "arm64", "zip", None)]), "choco-no-artifact"),
        (Release { version: "latest".to_owned(), ..good.clone() }, "choco-version"),
        (Release { links: Vec::new(), ..good.clone() }, "choco-project-url"),
        (Release { name: "tool-beta".to_owned(), ..good.clone() }, "choco-id"),
        (Release { authors: Vec::new(), publisher: String::new(), ..good.clone() }, "choco-authors"),
    ];
    for (release, code) in cases {
        let refused = testing::generate(&Chocolatey, &release, &[], &[]).unwrap_err();
        assert!(refused.iter().any(|found| found.code == code && found.suggestion.is_some()), "{code}: {refused:?}");
    }
}

#[test]
fn powershell_takes_texts_as_they_are() {
    assert_eq!(quoted("it's ’odd‘ $x `n"), "'it''s ’’odd‘‘ $x `n'");
}

#[test]
fn moderation_is_followed() {
    let generated = made(&release(vec![artifact("tool.zip", "x64", "zip", None)]), &[]);
    let urls = Chocolatey.poll(&generated.deliveries[0], "tool 1.2.3");
    assert_eq!(urls, ["https://community.chocolatey.org/api/v2/Packages(Id='tool',Version='1.2.3')"]);
    // Where a package is pushed to, it cannot be read.
    let pushed = "https://push.chocolatey.org/api/v2/Packages(Id='tool',Version='1.2.3')";
    assert_eq!(Chocolatey.poll(&generated.deliveries[0], pushed), urls);
    let elsewhere = "https://feed.example/nuget/Packages(Id='tool',Version='1.2.3')";
    assert_eq!(Chocolatey.poll(&generated.deliveries[0], elsewhere), [elsewhere]);
    let local = made(
        &release(vec![artifact("tool.zip", "x64", "zip", None)]),
        &[("endpoint", "http://localhost:8000/nuget/api/v2/package/")],
    );
    assert_eq!(
        Chocolatey.poll(&local.deliveries[0], ""),
        ["http://localhost:8000/nuget/api/v2/Packages(Id='tool',Version='1.2.3')"]
    );
    let ask = |fields: &str| {
        let body = format!("<entry><m:properties><d:Version>1.2.3</d:Version>{fields}</m:properties></entry>");
        Chocolatey.interpret(&generated.deliveries[0], &[(200, body.into_bytes())])
    };
    assert_eq!(ask(""), Outcome::Succeeded);
    assert_eq!(ask("<d:PackageStatus>Approved</d:PackageStatus>"), Outcome::Succeeded);
    let submitted = "<d:PackageStatus>Submitted</d:PackageStatus>";
    assert_eq!(ask(submitted), Outcome::Pending);
    assert!(matches!(ask("<d:PackageStatus>Rejected</d:PackageStatus>"), Outcome::Failed(_)));
    let failing = format!("{submitted}<d:PackageTestResultStatus>Failing</d:PackageTestResultStatus>");
    assert!(matches!(ask(&failing), Outcome::NeedsAction(text) if text.contains("test installation")));
    let missing = Chocolatey.interpret(&generated.deliveries[0], &[(404, Vec::new())]);
    assert!(matches!(missing, Outcome::Retryable(_)));
}
