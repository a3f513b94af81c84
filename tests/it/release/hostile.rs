//! Generators that mean harm: each is refused before anything has an effect.

use super::{dry, event, packed, project, release, with_lists};
use crate::rig::{Engine, fixture};

const URL: &str = "https://dl.example/tool.zip";

fn named(name: &str, channel: &str) -> Engine {
    let engine = project(&(release(name, URL) + channel));
    engine.write("tool.zip", packed::zip(&[("tool.exe", b"MZ")]));
    engine
}

#[test]
fn every_kind_of_harm_is_refused() {
    for (name, reason) in [
        ("links", "has the URL https://evil.example/tool.zip, which the release does not have"),
        ("hides", "has the URL https://evil.example, which the release does not have"),
        ("forges", "which no artifact has"),
        ("escapes", "the path `../outside.txt`"),
        ("wavers", "asked twice the same, it gives another"),
        ("floods", "over its memory limit"),
        ("spills", "over its result size limit"),
        ("loops", "out of fuel"),
        ("panics", "the generator gave up on panics"),
    ] {
        let engine = named(name, "");
        let run = engine.run(["publish", "--dry-run", "--no-gate", "--out", "out"]).fails(8).says(reason);
        assert_eq!(run.text(), "", "{name}: nothing is shown");
        engine.assert_absent("out");
        engine.assert_absent("outside.txt");
    }
    named("tool", "").run(["publish", "--no-gate", "--out", "out"]).exits(0);
}

#[test]
fn deliveries_go_where_the_user_said_and_no_further() {
    let repository = "repository = 'me/lists'\nprefix = ['tool/', 'diverts/']\n";
    let run = |name: &str, channel: &str| {
        let engine = Engine::new();
        engine.write("turbo-release.toml", with_lists(&release(name, URL)) + channel);
        engine.write("tool.zip", packed::zip(&[("tool.exe", b"MZ")]));
        dry(&engine, &[])
    };
    let good = run("tool", repository).exits(0);
    let delivery = event(&good, "proposed")["deliveries"][0].clone();
    assert_eq!((&delivery["kind"], &delivery["repository"]), (&"git-change".into(), &"me/lists".into()));
    run("diverts", repository).fails(8).says("the repository is `evil/elsewhere`, configured is `me/lists`");
    run("strays", repository).fails(8).says("the path `elsewhere/files.txt` is not below tool/ or diverts/");
    run("tool", "repository = 'me/lists'\n")
        .fails(8)
        .says("no folder is known that a generator for `lists` may write to");
    run("tool", &format!("{repository}base = 'trunk'\n")).fails(8).says("the branch to change is `main`");
    let own = "[channel.lists.settings]\nrepository = 'evil/elsewhere'\n";
    run("tool", own).fails(8).says("but none is configured");
}

#[test]
fn what_is_no_generator_is_refused() {
    let engine = named("tool", "");
    engine.write("nonsense.wasm", "nonsense");
    for (component, code, reason) in [
        (fixture("swap-host"), 8, "is not a manifest generator"),
        ("missing.wasm".to_owned(), 8, "cannot read component missing.wasm"),
        ("nonsense.wasm".to_owned(), 8, "is not a WebAssembly component"),
        ("unheard-of".to_owned(), 8, "there is no component `unheard-of`"),
    ] {
        dry(&engine, &["--component", &component]).fails(code).says(reason);
    }
}

#[test]
fn only_what_is_vouched_for_is_run_where_that_is_demanded() {
    let engine = named("tool", "");
    dry(&engine, &["--require-signature"]).fails(8).says("is refused");
    dry(&engine, &["--frozen"]).fails(8).says("is not in the lockfile");
}

#[test]
fn limits_and_grants_count_for_generators() {
    let engine = named("loops", "");
    let sha256 = crate::rig::sha256(&std::fs::read(fixture("list-files")).expect("a committed component"));
    let grant = format!("[grants.list-files]\nsha256 = '{sha256}'\nfuel = 600000000\n");
    engine.write("turbo.toml", grant);
    dry(&engine, &["--config", "turbo.toml"]).fails(8).says("more than 600000000 units");
    engine.write("turbo.toml", "[limits]\ngenerate_fuel = 1000000\n");
    dry(&engine, &["--config", "turbo.toml"]).fails(8).says("more than 1000000 units");
}
