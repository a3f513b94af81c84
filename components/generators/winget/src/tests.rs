//! Releases, and the manifests that they become.

use generator_common::{Value, yaml};
use turbo_component::manifest::{
    Artifact, Delivery, Generated, GitChange, InstallerFacts, ManifestGenerator, Outcome, PriorFile, Release, Severity,
};
use turbo_component::testing;

use super::Winget;

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

const ID: [(&str, &str); 1] = [("identifier", "Example.Tool")];

fn change(generated: &Generated) -> &GitChange {
    match &generated.deliveries[0] {
        Delivery::GitChange(change) => change,
        other => panic!("{other:?}"),
    }
}

fn file(generated: &Generated, end: &str) -> Value {
    let file = change(generated).writes.iter().find(|file| file.path.ends_with(end)).expect("the file is written");
    yaml::read(std::str::from_utf8(&file.content).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_text).unwrap_or_default()
}

fn codes(generated: &Generated) -> Vec<&str> {
    generated.diagnostics.iter().map(|found| found.code.as_str()).collect()
}

#[test]
fn a_portable_zip_becomes_three_files() {
    let release = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    let generated = testing::generate(&Winget, &release, &settings(&ID), &[]).unwrap();
    let change = change(&generated);
    let paths: Vec<_> = change.writes.iter().map(|file| file.path.as_str()).collect();
    let folder = "manifests/e/Example/Tool/1.2.3/Example.Tool";
    assert_eq!(paths, [".yaml", ".installer.yaml", ".locale.en-US.yaml"].map(|end| format!("{folder}{end}")));
    assert_eq!(change.title, "New package: Example.Tool version 1.2.3");
    assert!(change.branch.as_ref().unwrap().starts_with("Example.Tool-1.2.3-"));
    let installer = file(&generated, ".installer.yaml");
    assert_eq!(text(&installer, "NestedInstallerType"), "portable");
    assert_eq!(text(&installer.get("Installers").unwrap().items()[0], "InstallerSha256"), "AB".repeat(32));
    assert_eq!(text(&installer, "ReleaseDate"), "2026-01-02");
    let content = std::str::from_utf8(&change.writes[1].content).unwrap();
    assert!(content.contains("installer.1.12.0.schema.json\r\n\r\nPackageIdentifier: Example.Tool\r\n"), "{content}");
    assert!(Winget.validate(&generated.deliveries[0], &[]).is_empty());
}

#[test]
fn the_previous_version_lends_what_the_release_does_not_say() {
    let release =
        Release { license_spdx: String::new(), ..release(vec![artifact("setup.exe", "x64", "exe", Some("inno"))]) };
    let old = "manifests/e/Example/Tool/1.2.2/Example.Tool";
    let prior = |end: &str, content: &str| PriorFile {
        path: format!("{old}{end}"),
        content: Some(content.as_bytes().to_vec()),
    };
    let prior = [
        prior(
            ".installer.yaml",
            "PackageIdentifier: Example.Tool\nPackageVersion: 1.2.2\nScope: machine\nReleaseDate: 2020-01-01\nFileExtensions: [tl, to]\nInstallers:\n- Architecture: x64\n  InstallerType: inno\n  InstallerSwitches:\n    Custom: /NOICONS\n  ProductCode: '{A}_is1'\n  InstallerUrl: https://old.example/a\n",
        ),
        prior(
            ".locale.en-US.yaml",
            "PackageLocale: en-US\nLicense: Zlib\nMoniker: tl\nTags:\n- old\nReleaseNotes: old news\nPrivacyUrl: https://tool.example/privacy\n",
        ),
        prior(".locale.de-DE.yaml", "PackageLocale: de-DE\nPackageVersion: 1.2.2\nShortDescription: Ein Werkzeug\n"),
    ];
    let settings =
        settings(&[("identifier", "Example.Tool"), ("previous-version", "1.2.2"), ("previous-locales.0", "de-DE")]);
    let wants = Winget.wants(&release, &settings);
    assert!(prior.iter().all(|file| wants.contains(&file.path)), "{wants:?}");
    let generated = testing::generate(&Winget, &release, &settings, &prior).unwrap();
    assert_eq!(change(&generated).title, "New version: Example.Tool version 1.2.3");
    let installer = file(&generated, ".installer.yaml");
    let first = &installer.get("Installers").unwrap().items()[0];
    assert_eq!(text(first.get("InstallerSwitches").unwrap(), "Custom"), "/NOICONS");
    assert_eq!(text(first, "ProductCode"), "{A}_is1");
    assert_eq!((text(&installer, "Scope"), text(&installer, "ReleaseDate")), ("machine", "2026-01-02"));
    assert_eq!(installer.get("FileExtensions").unwrap().items().len(), 2);
    let english = file(&generated, "en-US.yaml");
    assert_eq!((text(&english, "License"), text(&english, "Moniker")), ("Zlib", "tl"));
    assert!(english.get("ReleaseNotes").is_none() && english.get("Tags").is_some());
    let german = file(&generated, "de-DE.yaml");
    assert_eq!((text(&german, "ShortDescription"), text(&german, "PackageVersion")), ("Ein Werkzeug", "1.2.3"));
    assert!(Winget.validate(&generated.deliveries[0], &[]).is_empty());
}

#[test]
fn a_previous_file_that_nobody_can_read_is_no_reason_to_lose_it() {
    let release = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    let path = "manifests/e/Example/Tool/1.2.2/Example.Tool.installer.yaml".to_owned();
    let prior = [PriorFile { path, content: Some(b"a: &b c\n".to_vec()) }];
    let mut given = settings(&[("identifier", "Example.Tool"), ("previous-version", "1.2.2")]);
    let refused = testing::generate(&Winget, &release, &given, &prior).unwrap_err();
    assert_eq!(refused[0].code, "winget-previous-unreadable");
    given.extend(settings(&[("carry-forward", "false")]));
    assert!(testing::generate(&Winget, &release, &given, &prior).is_ok());
}

#[test]
fn every_technology_gets_its_facts() {
    let facts = |code: &str| InstallerFacts {
        product_code: Some(code.to_owned()),
        upgrade_code: Some("{U}".to_owned()),
        package_family_name: Some("Example.Tool_8wekyb3d8bbwe".to_owned()),
        display_name: Some("Tool (x64)".to_owned()),
        extra: vec![("signature-sha256".to_owned(), "0a".repeat(32))],
    };
    let with = |mut artifact: Artifact| {
        artifact.facts = Some(facts("{P}"));
        artifact
    };
    let release = release(vec![
        with(artifact("tool.msix", "x64", "msix", None)),
        with(artifact("tool.msi", "x64", "msi", Some("wix"))),
        with(artifact("bare.exe", "arm64", "exe", Some("portable"))),
    ]);
    let generated = testing::generate(&Winget, &release, &settings(&ID), &[]).unwrap();
    let installer = file(&generated, ".installer.yaml");
    let [msix, wix, portable] = installer.get("Installers").unwrap().items() else { panic!("{installer:?}") };
    assert_eq!(text(msix, "PackageFamilyName"), "Example.Tool_8wekyb3d8bbwe");
    assert_eq!(text(msix, "SignatureSha256"), "0A".repeat(32));
    assert!(msix.get("ProductCode").is_none() && portable.get("ProductCode").is_none());
    assert_eq!((text(wix, "InstallerType"), text(wix, "ProductCode")), ("wix", "{P}"));
    assert_eq!(text(&wix.get("AppsAndFeaturesEntries").unwrap().items()[0], "UpgradeCode"), "{U}");
    assert_eq!(portable.get("Commands").unwrap().all_texts(), ["bare"]);
}

#[test]
fn what_winget_cannot_tell_apart_is_left_out() {
    let mut other = artifact("tool-gnu.zip", "x64", "zip", None);
    other.libc = Some("gnu".to_owned());
    let release =
        release(vec![other, artifact("tool.zip", "x64", "zip", None), artifact("tool.7z", "x64", "7z", None)]);
    let generated = testing::generate(&Winget, &release, &settings(&ID), &[]).unwrap();
    assert_eq!(codes(&generated), ["winget-type", "winget-duplicate-installer"]);
    let installer = file(&generated, ".installer.yaml");
    let [only] = installer.get("Installers").unwrap().items() else { panic!("{installer:?}") };
    assert_eq!(text(only, "InstallerUrl"), "https://tool.example/1.2.3/tool.zip");
}

#[test]
fn refusals_say_what_to_do() {
    let good = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    let mut bare = good.clone();
    bare.artifacts[0].binaries.clear();
    let mut plain = good.clone();
    plain.artifacts[0].url = "http://tool.example/tool.zip".to_owned();
    let cases = [
        (release(Vec::new()), "winget-no-installer"),
        (Release { license_spdx: String::new(), ..good.clone() }, "winget-required"),
        (Release { version: "1/2".to_owned(), ..good.clone() }, "winget-version"),
        (Release { default_locale: "english".to_owned(), ..good.clone() }, "winget-locale"),
        (bare, "winget-no-binary"),
        (plain, "not-https"),
    ];
    for (release, code) in cases {
        let refused = testing::generate(&Winget, &release, &settings(&ID), &[]).unwrap_err();
        let found = refused.iter().find(|found| found.severity == Severity::Error).unwrap();
        assert_eq!(found.code, code);
        assert!(found.suggestion.is_some(), "{found:?}");
    }
    let bad = settings(&[("identifier", "Tool"), ("manifest-version", "1.9.0")]);
    assert_eq!(testing::generate(&Winget, &good, &bad, &[]).unwrap_err().len(), 2);
}

#[test]
fn long_and_odd_texts_are_tamed() {
    let mut release = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    release.texts[0].summary = "- \"odd\": 'text' #1 ".repeat(30);
    release.texts[0].description = "é".repeat(10_001);
    release.texts[0].tags = (0..20).map(|at| format!("tag {at}")).chain(["Tag 1".to_owned()]).collect();
    let generated = testing::generate(&Winget, &release, &settings(&ID), &[]).unwrap();
    let english = file(&generated, "en-US.yaml");
    assert_eq!(text(&english, "Description").chars().count(), 10_000);
    assert!(text(&english, "ShortDescription").chars().count() <= 256);
    assert_eq!(english.get("Tags").unwrap().items().len(), 16);
    assert_eq!(codes(&generated), ["winget-text-cut", "winget-text-cut", "winget-tags"]);
}

#[test]
fn validate_sees_what_was_changed_by_hand() {
    let release = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    let generated = testing::generate(&Winget, &release, &settings(&ID), &[]).unwrap();
    let edits: [(usize, &str, &str, &str); 6] = [
        (1, "AB", "XY", "winget-installer"),
        (1, "PackageVersion: 1.2.3", "PackageVersion: 1.2.4", "winget-consistency"),
        (0, "\r\n", "\n", "winget-line-ends"),
        (0, "version.1.12.0", "version.1.10.0", "winget-head"),
        (2, "ManifestType: defaultLocale", "ManifestType: locale", "winget-files"),
        (1, "https://", "http://", "winget-installer"),
    ];
    for (at, from, to, code) in edits {
        let mut change = change(&generated).clone();
        let content = String::from_utf8(change.writes[at].content.clone()).unwrap();
        let edited = if from == "https://" {
            content.replace("InstallerUrl: https", "InstallerUrl: http")
        } else {
            content.replace(from, to)
        };
        assert_ne!(content, edited, "{from}");
        change.writes[at].content = edited.into_bytes();
        let found = Winget.validate(&Delivery::GitChange(change), &[]);
        assert!(found.iter().any(|found| found.code == code), "{code}: {found:?}");
    }
}

#[test]
fn pull_requests_are_followed() {
    let delivery = Delivery::Files(Vec::new());
    let urls = Winget.poll(&delivery, "https://github.com/microsoft/winget-pkgs/pull/12");
    let api = "https://api.github.com/repos/microsoft/winget-pkgs";
    let checks = format!("{api}/commits/pull/12/head/check-runs?per_page=100");
    assert_eq!(urls, [format!("{api}/pulls/12"), checks]);
    let ask = |labels: &str| {
        let body = format!("{{\"state\":\"open\",\"labels\":[{labels}]}}").into_bytes();
        Winget.interpret(&delivery, &[(200, body)])
    };
    assert_eq!(ask("{\"name\":\"Azure-Pipeline-Passed\"},{\"name\":\"Validation-Completed\"}"), Outcome::Pending);
    assert!(
        matches!(ask("{\"name\":\"Needs-Author-Feedback\"}"), Outcome::NeedsAction(text) if text.contains("10 days"))
    );
    assert!(matches!(ask("{\"name\":\"Manifest-Validation-Error\"}"), Outcome::NeedsAction(_)));
    assert!(matches!(ask("{\"name\":\"Internal-Error\"}"), Outcome::Retryable(_)));
}
