//! One command from a release to all of its channels.

use serde_json::Value;

use super::world::{KEY, World};
use crate::rig::github::{TOKEN, UPSTREAM};
use crate::rig::{Answer, Origin, Request, Run, fixture, sha256};
use crate::signing::{RSA, SECRET, certificate, run_verify};

/// The records of the package.
const CHOCOLATEY: &str = ".turbo-publish/tool-1.2.0/chocolatey";

fn delivered(run: &Run) -> Vec<(String, String)> {
    let events = run.events().into_iter().filter(|event| event["event"] == "delivery");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events.map(|event| (text(&event["channel"]), text(&event["state"]))).collect()
}

fn states(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(channel, state)| ((*channel).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn a_release_reaches_every_channel_and_once() {
    let world = World::new();
    let run = world.publish(&["--json"]).exits(0);
    assert_eq!(delivered(&run), states(&[("chocolatey", "delivered"), ("winget", "delivered")]));
    let [pull] = &world.github.pulls()[..] else { panic!("one pull request: {:?}", world.github.pulls()) };
    assert_eq!(pull.title, "New package: Acme.Tool version 1.2.0");
    let files: Vec<String> = world.github.files(&pull.sha).into_keys().collect();
    let folder = "manifests/a/Acme/Tool/1.2.0/Acme.Tool";
    for end in [".yaml", ".installer.yaml", ".locale.en-US.yaml"] {
        assert!(files.contains(&format!("{folder}{end}")), "{files:?}");
    }
    assert_eq!(world.feed.pushes().into_iter().collect::<Vec<_>>(), [("tool 1.2.0".to_owned(), 1)]);
    world.check_records();
    // What was pushed is kept, byte for byte.
    let pushed = world.feed.origin.requests().into_iter().find(|request| request.method == "PUT").expect("one push");
    let kept = world.engine.read(".turbo-publish/tool-1.2.0/chocolatey/tool.1.2.0.nupkg");
    assert!(pushed.body.windows(kept.len()).any(|window| window == kept), "the package is not the one that is kept");
    // A second run asks for nothing and does nothing.
    let (effects, requests) = (world.github.effects(), world.github.origin.requests().len());
    let again = world.publish(&["--json"]).exits(0);
    assert_eq!(delivered(&again), states(&[("chocolatey", "already-there"), ("winget", "already-there")]));
    assert_eq!(world.github.effects(), effects);
    assert_eq!(world.github.origin.requests().len(), requests, "what is over needs no question");
    assert_eq!(world.feed.pushes()["tool 1.2.0"], 1);
}

/// On a fresh machine, without the records, the other side is asked.
#[test]
fn without_records_nothing_is_done_twice() {
    let world = World::new();
    world.publish(&[]).exits(0);
    std::fs::remove_dir_all(world.engine.path(".turbo-publish")).expect("it is there");
    let effects = world.github_effects();
    let run = world.publish(&["--json", "--only", "winget"]).exits(0);
    assert_eq!(delivered(&run), states(&[("winget", "already-there")]));
    assert_eq!(world.github_effects(), effects);
    // The feed does not tell which bytes it has.
    world.publish(&["--only", "chocolatey"]).fails(5).says("has tool 1.2.0 already");
}

#[test]
fn a_channel_that_fails_stops_no_other_and_is_resumed() {
    let world = World::new();
    world
        .github
        .bend(|request| (request.method == "POST" && request.path.ends_with("/pulls")).then(|| Answer::status(422)));
    let run = world.publish(&["--json"]).exits(3);
    assert_eq!(delivered(&run), states(&[("chocolatey", "delivered")]));
    let summary = run.events().into_iter().find(|event| event["event"] == "summary").expect("a summary");
    assert_eq!((&summary["delivered"], &summary["failed"]), (&1.into(), &1.into()));
    world.github.straighten();
    world.publish(&["--only", "winget"]).fails(2).says("an earlier run has left").says("--resume");
    // On another day, which is the release's where it names none.
    let file = String::from_utf8(world.engine.read("turbo-release.toml")).expect("text");
    world.engine.write("turbo-release.toml", file.replace("date = \"2026-11-24\"\n", ""));
    let run = world.publish(&["--json", "--resume"]).exits(0);
    assert_eq!(delivered(&run), states(&[("chocolatey", "already-there"), ("winget", "delivered")]));
    assert_eq!(world.github.pulls().len(), 1);
    assert_eq!(world.feed.pushes()["tool 1.2.0"], 1);
    world.check_records();
}

#[test]
fn who_looks_after_the_release_is_told_what_failed() {
    let pager = Origin::start(|_| Answer::status(200));
    let world = World::new().variable("PAGER", &pager.url("/s3cr3t-path-of-the-pager"));
    let refused = |request: &Request| request.method == "POST" && request.path.ends_with("/pulls");
    world.github.bend(move |request| refused(request).then(|| Answer::status(422)));
    let run = world.publish(&["--webhook", "env:PAGER", "-vv"]).exits(3);
    assert!(!run.stderr.contains("s3cr3t-path"), "{}", run.stderr);
    let [told] = &pager.requests()[..] else { panic!("one alert: {:?}", pager.requests().len()) };
    let told: Value = serde_json::from_slice(&told.body).expect("JSON");
    assert_eq!((&told["channel"], &told["reason"]), (&"winget".into(), &"failed".into()));
    assert!(told["text"].as_str().is_some_and(|text| text.starts_with("tool 1.2.0 on winget: failed: ")), "{told}");
    world.github.straighten();
    world.publish(&["--webhook", "env:PAGER", "--resume"]).exits(0);
    assert_eq!(pager.requests().len(), 1, "nothing failed");
    world.publish(&["--webhook", "http://pager.example/x"]).fails(2).says("not encrypted");
}

#[test]
fn what_was_begun_is_not_exchanged_for_something_else() {
    let world = World::new();
    world
        .github
        .bend(|request| (request.method == "POST" && request.path.ends_with("/pulls")).then(|| Answer::status(422)));
    world.publish(&["--only", "winget"]).fails(5).says("refuses");
    world.github.straighten();
    let changed = world.winget().replace("identifier = ", "moniker = 'tool', identifier = ");
    world.write(&changed);
    world.publish(&["--resume"]).fails(2).says("what would be published has changed since");
    assert_eq!(world.github.pulls().len(), 0);
    // What is over may be published anew with other settings: the pull request
    // of the version is found, and nothing is done twice.
    world.write(&world.winget());
    world.publish(&["--resume"]).exits(0);
    world.write(&changed);
    let run = world.publish(&["--json"]).exits(0);
    assert_eq!(delivered(&run), states(&[("winget", "already-there")]));
    assert_eq!(world.github.pulls().len(), 1);
}

#[test]
fn a_dry_run_asks_and_tells_everything_and_changes_nothing() {
    let world = World::new();
    let run = world.publish(&["--dry-run"]).exits(0);
    let text = run.text();
    for line in [
        "  POST /repos/mona/winget-pkgs/git/commits",
        "+PackageIdentifier: Acme.Tool",
        "+++ b/manifests/a/Acme/Tool/1.2.0/Acme.Tool.yaml",
        "  X-NuGet-ApiKey: [redacted]",
        "+++ b/tools/chocolateyInstall.ps1",
    ] {
        assert!(text.lines().any(|found| found == line), "no `{line}`:\n{text}");
    }
    assert!(!text.contains(KEY) && !text.contains(TOKEN), "{text}");
    assert_eq!((world.github.effects().len(), world.feed.pushes().len()), (0, 0));
    assert!(world.feed.origin.requests().is_empty(), "nothing is asked of a feed");
    assert!(!world.engine.path(".turbo-publish").exists(), "nothing is recorded");
    // Without its secret it still shows what it can.
    let world = World::new();
    world.write(&world.winget().replace("GITHUB_TOKEN", "NO_TOKEN"));
    let run = world.publish(&["--dry-run"]).exits(0);
    assert!(run.text().contains(&format!("pull request to {UPSTREAM} master")), "{}", run.text());
    world.publish(&[]).fails(2).says("the variable NO_TOKEN is not set");
    assert_eq!(world.github.effects().len(), 0);
}

#[test]
fn the_gate_stands_before_everything_that_is_sent() {
    let world = World::new();
    world.engine.write("tool-1.2.0.zip", crate::release::packed::zip(&[("tool.exe", b"MZ rebuilt")]));
    world.publish(&[]).fails(6).says("gives other bytes");
    world.engine.run(["publish", "--no-gate"]).fails(2).says("--no-gate");
    assert_eq!((world.github.origin.requests().len(), world.feed.origin.requests().len()), (0, 0));
}

/// The generator keeps what people wrote in the bucket; the checks know better.
#[test]
fn what_breaks_the_rules_of_its_manager_is_not_sent() {
    let world = World::new();
    world.write("[channel.scoop]\nrepository = 'acme/bucket'\nbase = 'main'\n");
    std::fs::create_dir_all(world.engine.path("before/bucket")).expect("scratch is writable");
    let standing = r#"{"version": "1.0", "homepage": "https://tool.example", "license": "MIT", "persist": 5}"#;
    world.engine.write("before/bucket/tool.json", standing);
    let run = world.publish(&["--dry-run", "--prior", "before"]).fails(6);
    let run = run.says("what the generator made must not be published: bucket/tool.json:");
    run.says("(scoop-type)");
    world.engine.write("before/bucket/tool.json", standing.replace(r#", "persist": 5"#, ""));
    let run = world.publish(&["--dry-run", "--prior", "before"]).exits(0);
    assert!(run.text().contains("title: tool: Update to version 1.2.0"), "{}", run.text());
}

#[test]
fn a_generator_that_means_harm_has_no_effect() {
    for (name, reason) in [
        ("links", "has the URL https://evil.example/tool.zip, which the release does not have"),
        ("forges", "which no artifact has"),
        ("escapes", "the path `../outside.txt`"),
        ("strays", "the path `elsewhere/files.txt` is not below strays/"),
        ("diverts", "the repository is `evil/elsewhere`"),
        ("wavers", "asked twice the same, it gives another"),
        ("spills", "over its result size limit"),
    ] {
        let world = World::new();
        let channel = world.winget().replace("[channel.winget]", "[channel.lists]");
        let more = format!("component = '{}'\nprefix = ['{name}/']\nsettings = {{", fixture("list-files"));
        world.write_as(name, &channel.replace("settings = {", &more));
        world.publish(&[]).fails(8).says(reason);
        let records: Vec<_> = world.records().into_iter().filter(|path| !path.ends_with("audit.jsonl")).collect();
        assert!(world.github.effects().is_empty() && records.is_empty(), "{name}: {records:?}");
    }
}

#[test]
fn artifacts_lie_inside_of_a_package_when_that_is_asked_for() {
    let world = World::new();
    world.engine.write("LICENSE", "MIT License\n");
    world.write(&world.chocolatey().replace("credential", "settings = { embed = true }\ncredential"));
    let file = String::from_utf8(world.engine.read("turbo-release.toml")).expect("text");
    let file = file.replace("license = \"MIT\"\n", "license = \"MIT\"\nlicense-file = \"LICENSE\"\n");
    world.engine.write("turbo-release.toml", file);
    world.publish(&[]).exits(0);
    assert_eq!(packed(&world, "tools/tool-1.2.0.zip"), world.engine.read("tool-1.2.0.zip"));
}

/// A file of the package that was pushed.
fn packed(world: &World, name: &str) -> Vec<u8> {
    let kept = world.engine.read(&format!("{CHOCOLATEY}/tool.1.2.0.nupkg"));
    let mut package = zip::ZipArchive::new(std::io::Cursor::new(kept)).expect("a zip");
    let mut inside = Vec::new();
    std::io::Read::read_to_end(&mut package.by_name(name).expect(name), &mut inside).expect("readable");
    inside
}

#[test]
fn packages_are_signed_beside_what_is_pushed() {
    let world = World::new();
    world.engine.write("author.key", include_str!("../../fixtures/keys/author.key"));
    world.write(&("[sign]\nkey = 'author.key'\n".to_owned() + &world.chocolatey() + &world.winget()));
    world.publish(&["--dry-run"]).exits(0);
    world.publish(&[]).exits(0);
    let read = |name: &str| String::from_utf8(world.engine.read(&format!("{CHOCOLATEY}/{name}"))).expect("text");
    let package = world.engine.read(&format!("{CHOCOLATEY}/tool.1.2.0.nupkg"));
    assert_eq!(read("SHA256SUMS"), format!("{}  tool.1.2.0.nupkg\n", sha256(&package)));
    for name in ["tool.1.2.0.nupkg.minisig", "SHA256SUMS.minisig"] {
        assert!(read(name).contains(&format!("trusted comment: file:{}", name.trim_end_matches(".minisig"))));
    }
    // The signature is the one that the verb makes of the very package.
    let signature = read("tool.1.2.0.nupkg.minisig");
    world.engine.run(["component", "sign", &format!("{CHOCOLATEY}/tool.1.2.0.nupkg"), "--key", "author.key"]).exits(0);
    assert_eq!(read("tool.1.2.0.nupkg.minisig"), signature);
    world.engine.write("author.key", "no key");
    world.publish(&["--only", "winget"]).fails(2).says("the key author.key");
}

#[test]
#[ignore = "needs osslsigncode"]
fn scripts_in_packages_are_signed_and_stay_what_was_pushed() {
    let world = World::new();
    let folder = world.engine.path("");
    certificate(&folder, "rsa", RSA);
    let sign = "[sign]\npfx = 'rsa.pfx'\ncertificate-password = 'env:CERTIFICATE_PASSWORD'\n";
    world.write(&(sign.to_owned() + &world.chocolatey()));
    world.publish(&[]).fails(2).says("the variable CERTIFICATE_PASSWORD is not set");
    let world = world.variable("CERTIFICATE_PASSWORD", SECRET);
    // A signature has a moment: what was packed is kept for whoever resumes.
    world.feed.bend(|request| (request.method == "PUT").then(|| Answer::status(500)));
    assert_ne!(world.publish(&[]).code, Some(0));
    world.feed.bend(|_| None);
    let package = world.engine.read(&format!("{CHOCOLATEY}/tool.1.2.0.nupkg"));
    world.publish(&["--resume"]).exits(0);
    world.engine.assert_file(&format!("{CHOCOLATEY}/tool.1.2.0.nupkg"), &package);
    world.engine.write("install.ps1", packed(&world, "tools/chocolateyInstall.ps1"));
    let (accepted, said) = run_verify(&folder, "install.ps1", "rsa.pem");
    assert!(accepted, "{said}");
    world.check_records();
}
