//! Channels: which take part, what they show, and that none stops another.

use super::{dry, event, packed, release};
use crate::rig::{Engine, fixture};

fn user(channels: &str) -> Engine {
    let engine = Engine::new();
    let channels = channels.replace("LISTS", &fixture("list-files"));
    engine.write("turbo-release.toml", release("tool", "https://dl.example/tool.zip") + &channels);
    engine.write("tool.zip", packed::zip(&[("tool.exe", b"MZ")]));
    engine
}

const GOOD: &str = "[channel.good]\ncomponent = 'LISTS'\n";
const BAD: &str = "[channel.bad]\ncomponent = 'missing.wasm'\n";

#[test]
fn a_channel_that_fails_stops_no_other() {
    let run = dry(&user(&format!("{BAD}{GOOD}")), &[]).exits(3);
    assert_eq!(event(&run, "proposed")["channel"], "good");
    let failed = event(&run, "error");
    assert!(failed["error"].as_str().is_some_and(|text| text.contains("the channel `bad` failed")), "{failed}");
    let summary = event(&run, "summary");
    assert_eq!((&summary["proposed"], &summary["failed"]), (&1.into(), &1.into()));
    let engine = user(&format!("{BAD}{GOOD}"));
    dry(&engine, &["--only", "good"]).exits(0);
    dry(&engine, &["--only", "bad"]).fails(8);
    dry(&engine, &["--only", "other"]).fails(2).says("there is no channel `other`; there is bad, good");
}

#[test]
fn components_on_the_command_line_take_the_place_of_the_channels() {
    let engine = user(&format!("{BAD}[channel.lists]\nrepository = 'me/lists'\nprefix = ['tool']\n"));
    let run = dry(&engine, &["--component", &fixture("list-files")]).exits(0);
    let proposed = event(&run, "proposed");
    // By its package manager, it is for the channel of that name.
    assert_eq!((&proposed["channel"], &proposed["deliveries"][0]["repository"]), (&"lists".into(), &"me/lists".into()));
    let bare = user("");
    assert_eq!(
        event(&dry(&bare, &["--component", &fixture("list-files")]).exits(0), "proposed")["channel"],
        "list-files"
    );
    dry(&bare, &[]).fails(2).says("the release goes to no channel");
}

#[test]
fn the_whole_effect_is_shown_against_what_is_there() {
    let engine = user("[channel.lists]\ncomponent = 'LISTS'\nrepository = 'me/lists'\nprefix = ['tool/']\n");
    std::fs::create_dir_all(engine.path("before/lists/tool")).expect("scratch is writable");
    engine.write("before/lists/tool/1.2.3.txt", "# My own head\n");
    let run = engine.run(["publish", "--dry-run", "--no-gate", "--prior", "before", "--out", "after"]).exits(0);
    let shown = run.text();
    for line in [
        "channel lists, by list-files 0.1.0",
        "pull request to me/lists main from branch tool-1.2.3",
        "title: tool 1.2.3",
        "--- a/tool/1.2.3.txt",
        "+++ b/tool/1.2.3.txt",
        " # My own head",
    ] {
        assert!(shown.lines().any(|found| found == line), "no `{line}`:\n{shown}");
    }
    assert!(run.stderr.contains("the change says nothing of itself (no-body)"), "{}", run.stderr);
    let written = String::from_utf8(engine.read("after/lists/tool/1.2.3.txt")).expect("text");
    assert!(written.starts_with("# My own head\n"), "{written}");
}

#[test]
fn staging_has_a_target_of_its_own() {
    let channel = "[channel.lists]\ncomponent = 'LISTS'\nrepository = 'me/lists'\nprefix = ['tool/']\n";
    let engine = user(&format!("{channel}staging = {{ repository = 'me/trial' }}\n"));
    let run = dry(&engine, &["--staging"]).exits(0);
    assert_eq!(event(&run, "proposed")["deliveries"][0]["repository"], "me/trial");
    dry(&user(channel), &["--staging"]).fails(2).says("has no staging target");
}

#[test]
fn a_release_without_files_goes_nowhere() {
    let engine = user(GOOD);
    engine.write("turbo-release.toml", "[release]\nname = 't'\nversion = '1'\n");
    dry(&engine, &[]).fails(2).says("the release has no artifact");
}

#[test]
fn an_installed_generator_is_known_by_its_name() {
    let engine = user("[channel.lists]\ncomponent = 'list-files'\n");
    dry(&engine, &[]).fails(8).says("there is no component `list-files`");
    engine.run(["component", "add", &fixture("list-files")]).exits(0);
    assert_eq!(event(&dry(&engine, &[]).exits(0), "proposed")["channel"], "lists");
    dry(&engine, &["--frozen"]).exits(0);
    let listed = engine.run(["component", "list"]).exits(0).text();
    let line = listed.lines().find(|line| line.starts_with("list-files")).expect("it is listed");
    assert!(line.contains("active"), "{line}");
    // Downloads have nothing to do with it.
    let doctor = engine.run(["doctor"]).text();
    assert!(!doctor.contains("list-files"), "{doctor}");
    // Touched, it is refused by name, and by `publish` as well.
    let kept = engine.cached_files().into_iter().find(|path| path.extension().is_some_and(|it| it == "wasm"));
    std::fs::write(kept.expect("a kept component"), b"touched").expect("scratch is writable");
    dry(&engine, &[]).fails(8).says("is not the one that was installed");
}
