//! Releases, and the manifest that they become.

use generator_common::{Value, json};
use turbo_component::manifest::{Artifact, Delivery, Entry, Generated, ManifestGenerator, Outcome, PriorFile, Release};
use turbo_component::testing;

use super::Scoop;

fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn artifact(file: &str, arch: &str, format: &str, technology: Option<&str>) -> Artifact {
    let mut artifact = testing::release("tool", "1.2.3").artifacts.remove(0);
    artifact.id = file.to_owned();
    artifact.url = format!("https://github.com/example/tool/releases/download/v1.2.3/{file}");
    file.clone_into(&mut artifact.file_name);
    "windows".clone_into(&mut artifact.os);
    arch.clone_into(&mut artifact.arch);
    format.clone_into(&mut artifact.format);
    artifact.installer_type = technology.map(str::to_owned);
    artifact.binaries = if format == "exe" { Vec::new() } else { vec!["tool.exe".to_owned()] };
    artifact
}

fn release(artifacts: Vec<Artifact>) -> Release {
    let source = ("source".to_owned(), "https://github.com/example/tool".to_owned());
    let mut release = Release { artifacts, ..testing::release("tool", "1.2.3") };
    release.links.push(source);
    release
}

const BUCKET: [(&str, &str); 1] = [("repository", "example/bucket")];

fn manifest(generated: &Generated) -> Value {
    let Delivery::GitChange(change) = &generated.deliveries[0] else { panic!("{generated:?}") };
    assert!(Scoop.validate(&generated.deliveries[0], &[]).is_empty());
    json::read(&change.writes[0].content).unwrap()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = pointer.split('/').try_fold(value, |value, name| value.get(name));
    found.and_then(Value::as_text).unwrap_or_default()
}

fn title(generated: &Generated) -> &str {
    match &generated.deliveries[0] {
        Delivery::GitChange(change) => &change.title,
        other => panic!("{other:?}"),
    }
}

fn prior(content: &str) -> [PriorFile; 1] {
    [PriorFile { path: "bucket/tool.json".to_owned(), content: Some(content.as_bytes().to_vec()) }]
}

#[test]
fn processors_have_their_blocks() {
    let with = |file, arch, prefix: &str| Artifact {
        strip_prefix: Some(prefix.to_owned()),
        ..artifact(file, arch, "zip", None)
    };
    let release = release(vec![
        with("tool-1.2.3-arm64.zip", "arm64", "tool-arm64"),
        with("tool-1.2.3-x64.zip", "x64", "tool-1.2.3"),
    ]);
    let generated = testing::generate(&Scoop, &release, &settings(&BUCKET), &[]).unwrap();
    assert_eq!(title(&generated), "tool: Add version 1.2.3");
    let found = manifest(&generated);
    assert_eq!(text(&found, "architecture/64bit/extract_dir"), "tool-1.2.3");
    assert_eq!(text(&found, "architecture/64bit/hash"), "ab".repeat(32));
    assert_eq!(text(&found, "bin"), "tool.exe");
    let url = "https://github.com/example/tool/releases/download/v$version/tool-$version-x64.zip";
    assert_eq!(text(&found, "autoupdate/architecture/64bit/url"), url);
    assert_eq!(text(&found, "autoupdate/architecture/64bit/extract_dir"), "tool-$version");
    assert_eq!(text(&found, "autoupdate/architecture/arm64/extract_dir"), "");
    assert_eq!(text(&found, "checkver/github"), "https://github.com/example/tool");
    let names: Vec<_> = found.as_fields().unwrap().iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(
        names,
        ["version", "description", "homepage", "license", "architecture", "bin", "checkver", "autoupdate"]
    );
}

#[test]
fn what_people_wrote_stays() {
    let old = r###"{"version":"1.2.2","license":"Zlib","homepage":"https://old.example","notes":["a","b"],"url":"x","hash":"y",
        "bin":[["tool.exe","tl","--fast"],"gone.exe"],"persist":"data","##":"mind this","checkver":{"url":"https://a.example","regex":"v(.+)"},
        "architecture":{"64bit":{"url":"u","hash":"h","pre_install":"echo hi"}},
        "autoupdate":{"architecture":{"64bit":{"url":"https://github.com/example/tool/releases/download/v$version/tool.zip"}},"hash":{"url":"$url.sha256"}}}"###;
    let mut release = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    release.artifacts[0].entries = vec![Entry { path: "tool.exe".to_owned(), size: 1, executable: true }];
    let generated = testing::generate(&Scoop, &release, &settings(&BUCKET), &prior(old)).unwrap();
    assert_eq!(title(&generated), "tool: Update to version 1.2.3");
    assert_eq!(generated.diagnostics.len(), 1, "{:?}", generated.diagnostics);
    assert_eq!(generated.diagnostics[0].code, "scoop-bin-gone");
    let found = manifest(&generated);
    assert_eq!((text(&found, "persist"), text(&found, "##"), text(&found, "license")), ("data", "mind this", "MIT"));
    assert_eq!(text(&found, "architecture/64bit/pre_install"), "echo hi");
    assert_eq!(found.get("bin").unwrap().items().len(), 1);
    assert_eq!(found.get("bin").unwrap().all_texts(), ["tool.exe", "tl", "--fast"]);
    assert_eq!((text(&found, "checkver/regex"), text(&found, "autoupdate/hash/url")), ("v(.+)", "$url.sha256"));
    assert!(found.get("url").is_none());
    let moved = old.replace("tool.zip", "other.zip");
    let generated = testing::generate(&Scoop, &release, &settings(&BUCKET), &prior(&moved)).unwrap();
    assert_eq!(generated.diagnostics[1].code, "scoop-autoupdate-rewritten");
    assert!(text(&manifest(&generated), "autoupdate/architecture/64bit/url").ends_with("v$version/tool.zip"));
}

#[test]
fn a_manifest_that_nobody_can_read_is_no_reason_to_lose_it() {
    let release = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    let refused = testing::generate(&Scoop, &release, &settings(&BUCKET), &prior("{\"a\": }")).unwrap_err();
    assert_eq!(refused[0].code, "scoop-previous-unreadable");
}

#[test]
fn programs_and_installers_are_unpacked() {
    let bare = artifact("tool-1.2.3-x64.exe", "x64", "exe", Some("portable"));
    let found = manifest(&testing::generate(&Scoop, &release(vec![bare]), &settings(&BUCKET), &[]).unwrap());
    assert!(text(&found, "architecture/64bit/url").ends_with("/tool-1.2.3-x64.exe#/tool.exe"), "{found:?}");
    assert_eq!(text(&found, "bin"), "tool.exe");
    let mut inno = artifact("setup.exe", "neutral", "exe", Some("inno"));
    inno.url = "https://tool.example/1_2_3/setup.exe".to_owned();
    let given = settings(&[
        ("repository", "example/bucket"),
        ("bin.0.0", "a.exe"),
        ("bin.0.1", "b"),
        ("shortcuts.0.0", "a.exe"),
        ("shortcuts.0.1", "A"),
    ]);
    let source = vec![("homepage".to_owned(), "https://github.com/example/tool".to_owned())];
    let found =
        manifest(&testing::generate(&Scoop, &Release { links: source, ..release(vec![inno]) }, &given, &[]).unwrap());
    assert_eq!(found.get("innosetup"), Some(&Value::Bool(true)));
    assert_eq!(
        (text(&found, "checkver"), text(&found, "autoupdate/url")),
        ("github", "https://tool.example/$underscoreVersion/setup.exe")
    );
    assert_eq!(found.get("shortcuts").unwrap().all_texts(), ["a.exe", "A"]);
    let nullsoft = artifact("setup.exe", "x64", "exe", Some("nullsoft"));
    let found = manifest(&testing::generate(&Scoop, &release(vec![nullsoft]), &settings(&BUCKET), &[]).unwrap());
    assert!(text(&found, "architecture/64bit/url").ends_with("setup.exe#/dl.7z"));
}

#[test]
fn refusals_say_what_to_do() {
    let good = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    let mut dollar = good.clone();
    dollar.artifacts[0].url.push_str("?a=$b");
    let cases = [
        (release(vec![artifact("tool.msix", "x64", "msix", None)]), "scoop-no-artifact"),
        (Release { license_spdx: String::new(), ..good.clone() }, "scoop-license"),
        (Release { links: Vec::new(), ..good.clone() }, "scoop-homepage"),
        (Release { version: "1 2".to_owned(), ..good.clone() }, "scoop-version"),
        (dollar, "scoop-url"),
    ];
    for (release, code) in cases {
        let refused = testing::generate(&Scoop, &release, &settings(&BUCKET), &[]).unwrap_err();
        assert!(refused.iter().any(|found| found.code == code && found.suggestion.is_some()), "{code}: {refused:?}");
    }
    let files = testing::generate(&Scoop, &good, &[], &[]).unwrap();
    assert!(matches!(&files.deliveries[0], Delivery::Files(_)));
    assert_eq!(files.diagnostics[0].code, "scoop-no-bucket");
}

#[test]
fn licences_are_scoops_own_shape() {
    let mut release = release(vec![artifact("tool.zip", "x64", "zip", None)]);
    for (spdx, scoop) in [
        ("MIT OR Apache-2.0", "MIT|Apache-2.0"),
        ("MIT AND Zlib", "MIT,Zlib"),
        ("A AND (B OR C)", "A AND (B OR C)"),
        ("Freeware", "Freeware"),
    ] {
        spdx.clone_into(&mut release.license_spdx);
        let found = manifest(&testing::generate(&Scoop, &release, &settings(&BUCKET), &[]).unwrap());
        assert_eq!(text(&found, "license"), scoop);
    }
    release.license_url = Some("https://tool.example/license".to_owned());
    let found = manifest(&testing::generate(&Scoop, &release, &settings(&BUCKET), &[]).unwrap());
    assert_eq!(text(&found, "license/identifier"), "Freeware");
}

#[test]
fn a_version_inside_another_is_no_version() {
    use super::renew::template;
    assert_eq!(template("v1.2/tool-1.2.3.zip", "1.2").unwrap(), "v$version/tool-1.2.3.zip");
    assert_eq!(template("tool-11.2.zip", "1.2"), None);
    assert_eq!(template("tool_1-2.zip", "1.2").unwrap(), "tool_$dashVersion.zip");
    assert_eq!(template("1.2.3-rc.1/x", "1.2.3-rc.1").unwrap(), "$version/x");
}

#[test]
fn a_push_arrived_when_the_commit_is_there() {
    let delivery = Delivery::Files(Vec::new());
    let commit = "https://github.com/example/bucket/commit/0123456789abcdef0123456789abcdef01234567";
    assert_eq!(Scoop.poll(&delivery, commit).len(), 1);
    assert_eq!(Scoop.interpret(&delivery, &[(200, b"{\"sha\":\"0123456789abcdef\"}".to_vec())]), Outcome::Succeeded);
    let body = b"{\"state\":\"open\",\"labels\":[{\"name\":\"manifest-fix-needed\"}]}".to_vec();
    assert!(matches!(Scoop.interpret(&delivery, &[(200, body)]), Outcome::NeedsAction(_)));
}
