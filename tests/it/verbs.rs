//! The verbs that look after the engine: stats, doctor, cache.

use std::fs;

use serde_json::Value;

use crate::rig::{Answer, Engine, MIB, Origin, Run, file, fixture, sha256};

fn stats(engine: &Engine) -> Value {
    engine.run(["stats", "--json"]).exits(0).events().remove(0)
}

#[test]
fn stats_count_every_download_once() {
    let file = file(2, 1);
    let (origin, refusing) = (Origin::file(&file), Origin::start(|_| Answer::status(404)));
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    engine.download(["-o", "second", &origin.file_url()]).exits(0);
    engine.download(["-o", "third", &refusing.file_url()]).fails(5);
    let totals = stats(&engine);
    assert_eq!((&totals["downloads"], &totals["failures"]["5"]), (&3.into(), &1.into()), "{totals:#}");
    let size = Value::from(file.bytes.len());
    assert_eq!((&totals["bytes"], &totals["cached_bytes"]), (&size, &size), "{totals:#}");
    let host = &totals["hosts"]["127.0.0.1"];
    assert_eq!(host["bytes"], size, "{totals:#}");
    assert!(host["requests"].as_u64() >= Some(1) && host["seconds"].as_f64() > Some(0.0), "{totals:#}");
    let table = engine.run(["stats"]).exits(0).text();
    assert!(table.contains("3, 1 failed: 1 with exit code 5") && table.contains("127.0.0.1"), "{table}");
}

#[test]
fn stats_of_processes_at_once_add_up() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    let url = origin.file_url();
    let runs: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| engine.start(["download", "-o", name, &url])).into();
    for run in runs {
        run.finish().exits(0);
    }
    assert_eq!(stats(&engine)["downloads"], 5);
}

#[test]
fn stats_begin_anew_and_can_be_switched_off() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    engine.run(["stats", "--reset"]).exits(0);
    assert_eq!(stats(&engine)["downloads"], 0);
    let engine = engine.variable("TURBO_ENGINE_STATS", "false");
    engine.download(["-o", "second", &origin.file_url()]).exits(0);
    assert_eq!(stats(&engine)["downloads"], 0);
}

#[test]
fn damaged_stats_fail_no_download() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    let totals = engine.home().join("cache/stats-v1/totals.json");
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    fs::write(&totals, "{").unwrap();
    engine.run(["stats"]).fails(2).says("--reset");
    engine.download(["-o", "second", &origin.file_url()]).exits(0);
    assert_eq!(stats(&engine)["downloads"], 1);
    fs::remove_dir_all(totals.parent().unwrap()).unwrap();
    fs::write(totals.parent().unwrap(), "in the way").unwrap();
    engine.download(["-o", "third", &origin.file_url()]).exits(0);
}

/// The verdict of each check, and what it found.
fn verdicts(run: &Run) -> Vec<(String, String, String)> {
    let text = |event: &Value, key: &str| event[key].as_str().expect("a text").to_owned();
    run.events().iter().map(|event| (text(event, "check"), text(event, "verdict"), text(event, "what"))).collect()
}

#[track_caller]
fn assert_finds(run: &Run, check: &str, verdict: &str, what: &str) {
    let all = verdicts(run);
    let found = all.iter().any(|found| found.0 == check && found.1 == verdict && found.2.contains(what));
    assert!(found, "no `{verdict}` of `{check}` with `{what}` in {all:#?}");
}

#[test]
fn a_healthy_machine_passes() {
    let engine = Engine::new();
    let run = engine.run(["doctor", "--json"]).exits(0);
    assert!(verdicts(&run).iter().all(|(_, verdict, _)| verdict == "ok"), "{:#?}", verdicts(&run));
    for check in ["version", "configuration", "certificates", "proxies", "region", "clock", "rules"] {
        assert_finds(&run, check, "ok", "");
    }
    assert_finds(&run, "rule github", "ok", "passes its self-test");
    assert_finds(&run, "compiled code", "ok", "kept");
    let lines = engine.run(["doctor"]).exits(0).text();
    assert!(lines.lines().all(|line| line.starts_with("ok    ")), "{lines}");
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let engine = Engine::new().variable("TURBO_ENGINE_CONECTIONS", "3");
    let config = engine.write("wrong.toml", "retry = 'often'\n");
    let run = engine.run(["doctor", "--json", "--config", &config.to_string_lossy()]).exits(1);
    assert_finds(&run, "configuration", "fail", "wrong.toml");
    assert_finds(&run, "environment", "warn", "TURBO_ENGINE_CONECTIONS");

    let config = engine.write("typo.toml", "[rules.githup]\nuse = 'x'\n");
    let rule = fixture("self-test-fails");
    let run = engine.run(["doctor", "--json", "--config", &config.to_string_lossy(), "--rule", &rule]).exits(1);
    assert_finds(&run, "rules", "warn", "`githup`");
    assert_finds(&run, "rule self-test-fails", "fail", "fails its own example");

    let occupied = engine.write("file", "");
    let run = engine.run(["doctor", "--cache-dir", &occupied.to_string_lossy()]).exits(1);
    assert!(run.text().contains("\nfail  cache") && run.text().contains("hint: "), "{}", run.text());
}

#[test]
fn the_doctor_checks_certificates_and_proxies() {
    let engine = Engine::new();
    let empty = engine.write("empty.pem", "no certificate");
    let run = engine.run(["doctor", "--json", "--no-rules", "--insecure"]).exits(0);
    assert_finds(&run, "certificates", "warn", "--insecure");
    let run = engine.run(["doctor", "--json", "--no-rules", "--cacert", &empty.to_string_lossy()]).exits(1);
    assert_finds(&run, "certificates", "fail", "empty.pem: there is no certificate in it");
    let run = engine.run(["doctor", "--json", "--no-rules", "--proxy", "http://user:s3cr3t@proxy.example:1"]).exits(0);
    assert_finds(&run, "proxies", "ok", "https by http://proxy.example:1");
    assert!(!run.text().contains("s3cr3t"), "{}", run.text());
    let run = engine.run(["doctor", "--json", "--no-rules", "--proxy", "gopher://proxy.example"]).exits(1);
    assert_finds(&run, "proxies", "fail", "gopher");
}

/// An engine whose cache holds two files of one and two MiB, the larger one older.
fn stocked() -> (Engine, [Origin; 2]) {
    let files = [file(2, 1), file(1, 2)];
    let origins = [Origin::file(&files[0]), Origin::file(&files[1])];
    let engine = Engine::new();
    for (name, origin) in ["older", "newer"].iter().zip(&origins) {
        engine.download(["-o", name, &origin.file_url()]).exits(0);
    }
    (engine, origins)
}

#[test]
fn cache_list_says_what_is_kept() {
    let (engine, [older, _newer]) = stocked();
    let listed = engine.run(["cache", "list", "--json"]).exits(0).events();
    assert_eq!(listed.len(), 2, "{listed:#?}");
    let entry = listed.iter().find(|entry| entry["url"] == older.file_url()).expect("the older file");
    assert_eq!(entry["digest"], format!("sha-256:{}", sha256(&engine.read("older"))));
    assert_eq!(entry["size"], 2 * MIB);
    engine.run(["cache", "list"]).exits(0).says("3.00 MiB in all, for 2 URLs");
    let elsewhere = engine.path("elsewhere");
    let empty = engine.run(["cache", "list", "--cache-dir", &elsewhere.to_string_lossy()]).exits(0);
    assert!(empty.stdout.is_empty(), "{}", empty.text());
}

#[test]
fn cache_gc_keeps_the_size_and_clear_keeps_nothing() {
    let (engine, _origins) = stocked();
    let freed = engine.run(["cache", "gc", "--json"]).exits(0).events().remove(0);
    assert_eq!((&freed["files"], &freed["left_bytes"]), (&0.into(), &(3 * MIB).into()), "{freed}");
    let freed = engine.run(["cache", "gc", "--json", "--cache-size", "2M"]).exits(0).events().remove(0);
    assert_eq!((&freed["files"], &freed["left_bytes"]), (&1.into(), &MIB.into()), "{freed}");
    let freed = engine.run(["cache", "clear", "--json"]).exits(0).events().remove(0);
    assert_eq!((&freed["files"], &freed["left_bytes"]), (&1.into(), &0.into()), "{freed}");
    assert!(engine.run(["cache", "list"]).exits(0).stdout.is_empty());
    engine.run(["cache", "gc", "--cache-size", "much"]).fails(2);
}

#[test]
fn cache_verify_exits_6_once_for_what_rotted() {
    let (engine, _origins) = stocked();
    engine.run(["cache", "verify"]).exits(0);
    let blob = engine.cached_files().into_iter().find(|path| fs::metadata(path).unwrap().len() == MIB as u64);
    let blob = blob.expect("the smaller file");
    let mut bytes = fs::read(&blob).unwrap();
    bytes[0] ^= 1;
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, bytes).unwrap();
    let run = engine.run(["cache", "verify"]).fails(6);
    assert!(run.text().starts_with("1 sound\ndropped "), "{}", run.text());
    let again = engine.run(["cache", "verify", "--json"]).exits(0).events();
    assert_eq!((again.len(), &again[0]["sound"]), (1, &1.into()), "{again:#?}");
}
