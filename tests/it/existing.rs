//! What is already there: finished files, foreign files, interrupted ones.

use crate::rig::{Answer, Ending, Engine, File, MIB, MIB_PER_SECOND, Origin, Run, Running, file, sha256};

#[test]
fn a_finished_file_is_left_alone() {
    let file = file(2, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &[]).exits(0);
    let modified = || engine.path("out").metadata().and_then(|data| data.modified()).expect("the file exists");
    let before = modified();
    let receipt = engine.fetch(&origin.file_url(), &[]).exits(0).receipt();
    engine.assert_file("out", &file.bytes);
    assert_eq!(before, modified());
    assert_eq!(receipt["already_there"], true);
}

#[test]
fn a_foreign_file_is_refused_and_kept() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.write("out", "mine");
    engine.fetch(&origin.file_url(), &[]).fails(7).says("out");
    engine.assert_file("out", b"mine");
}

#[test]
fn if_exists_decides() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    engine.write("out", "mine");
    engine.fetch(&origin.file_url(), &["--if-exists", "fail"]).fails(7);
    engine.assert_file("out", b"mine");
    engine.fetch(&origin.file_url(), &["--if-exists", "skip"]).exits(0);
    engine.assert_file("out", b"mine");
    assert!(origin.requests().is_empty(), "{:?}", origin.requests());
    engine.fetch(&origin.file_url(), &["--if-exists", "overwrite"]).exits(0);
    engine.assert_file("out", &file.bytes);
}

/// The user's file is not replaced behind their back, nor called current.
#[test]
fn a_finished_file_that_the_origin_replaced_is_kept_and_reported() {
    let (old, new) = (file(2, 1), file(2, 2));
    let (before, after) = (Origin::file(&old), Origin::file(&new));
    let engine = Engine::new();
    let fetch = |origin: &Origin, more: &[&str]| continued(&engine, origin, more);
    fetch(&before, &[]).exits(0);
    fetch(&after, &[]).fails(7).says("--if-exists overwrite");
    engine.assert_file("out", &old.bytes);
    fetch(&after, &["--if-exists", "overwrite"]).exits(0);
    engine.assert_file("out", &new.bytes);
}

/// Serves `file` half-way and then falls silent, so that a run can be ended at
/// a known point.
pub fn half(file: &File) -> Origin {
    let served = file.clone();
    Origin::start(move |request| {
        let answer = served.at(request, "/file.bin");
        let half = served.bytes.len() / 2;
        if request.start() >= half { Answer::silence() } else { answer.cut(half - request.start(), Ending::Stall) }
    })
}

/// The same URL for the server before and the server after the interruption.
pub const URL: &str = "http://files.example/file.bin";

/// An engine whose download of `file` was killed half-way.
pub fn killed_half_way(file: &File) -> Engine {
    let engine = Engine::new();
    let origin = half(file);
    started(&engine, &origin, &[]).kill();
    engine
}

/// Starts a download from a half-way origin and returns once bytes are safe.
pub fn started(engine: &Engine, origin: &Origin, more: &[&str]) -> Running {
    let resolve = origin.resolve("files.example:80");
    let fixed = ["download", "--json", "--no-rules", "--no-cache", "-x", "1", "--stall-timeout", "60", "-o", "out"];
    let mut running = engine.start([&fixed[..], &["--resolve", &resolve, URL], more].concat());
    // Progress goes on being told while the server stalls; the journal follows within a second.
    let safe = |event: &serde_json::Value| {
        event["bytes"].as_u64() >= Some(MIB as u64) && engine.path("out.turbo-state").exists()
    };
    running.wait_for(|event| event["event"] == "progress" && safe(event));
    running
}

/// Continues what [`started`] left, from another server behind the same URL.
pub fn continued(engine: &Engine, server: &Origin, more: &[&str]) -> Run {
    let resolve = server.resolve("files.example:80");
    engine.fetch(URL, &[&["--no-rules", "--no-cache", "--resolve", &resolve], more].concat())
}

#[test]
#[cfg(unix)]
fn an_interrupt_exits_9_and_resumes() {
    let file = file(8, 1);
    let engine = Engine::new();
    let origin = half(&file);
    let running = started(&engine, &origin, &[]);
    running.signal("INT");
    running.finish().fails(9);
    engine.assert_absent("out");
    let honest = Origin::file(&file);
    let receipt = continued(&engine, &honest, &[]).exits(0).receipt();
    engine.assert_file("out", &file.bytes);
    assert!(receipt["resumed_bytes"].as_u64() >= Some(MIB as u64), "{receipt:#}");
    assert_eq!(engine.listing(), ["out"]);
}

#[test]
fn a_killed_download_resumes_to_the_right_bytes() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    engine.assert_absent("out");
    let honest = Origin::file(&file);
    continued(&engine, &honest, &[]).exits(0);
    engine.assert_file("out", &file.bytes);
}

/// The worst silent corruption of the peers: half of the old file, half of the new.
#[test]
fn a_file_that_changed_meanwhile_is_fetched_anew() {
    let old = file(8, 1);
    let new = file(8, 2);
    let engine = killed_half_way(&old);
    let replaced = Origin::file(&new);
    continued(&engine, &replaced, &[]).exits(0);
    engine.assert_file("out", &new.bytes);
}

/// Without validators nothing can tell: there is no journal, and the file is
/// fetched again.
#[test]
fn a_change_without_validators_is_found_too() {
    let old = File::new(file(8, 1).bytes);
    let new = File::new(file(8, 2).bytes);
    // Paced: a stream tells of its progress while bytes come.
    let origin = Origin::start(move |request| old.at(request, "/file.bin").paced(4 * MIB_PER_SECOND));
    let engine = Engine::new();
    let resolve = origin.resolve("files.example:80");
    let fixed = ["download", "--json", "--no-rules", "--no-cache", "--resolve", &resolve, "-o", "out", URL];
    let mut running = engine.start(fixed);
    running.wait_for(|event| event["event"] == "progress" && event["bytes"].as_u64() >= Some(MIB as u64));
    running.kill();
    assert_eq!(engine.listing(), ["out.turbo-part"]);
    let replaced = Origin::file(&new);
    continued(&engine, &replaced, &[]).exits(0);
    engine.assert_file("out", &new.bytes);
}

/// Some servers answer a resume with the whole file whatever `If-Range` says.
#[test]
fn a_200_to_a_resume_restarts_without_mixing() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    let stubborn = Origin::file(&file.clone().without_ranges());
    continued(&engine, &stubborn, &[]).exits(0);
    engine.assert_file("out", &file.bytes);
}

/// Only the origin can say that the file is still the same: a moment of its
/// weakness must not cost what is there.
#[test]
fn a_mirror_that_answers_first_does_not_end_a_resume() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    let (served, mirror) = (file.clone(), Origin::file(&file));
    let busy = Origin::start(
        move |request| {
            if request.nth == 0 { Answer::status(503) } else { served.at(request, "/file.bin") }
        },
    );
    let receipt = continued(&engine, &busy, &["--mirror", &mirror.file_url()]).exits(0).receipt();
    assert!(receipt["resumed_bytes"].as_u64() >= Some(MIB as u64), "{receipt:#}");
    engine.assert_file("out", &file.bytes);
}

/// What a bad disk does to a file.
type Harm = fn(&mut Vec<u8>);

#[test]
fn a_bit_that_rotted_in_the_part_is_found_by_a_digest() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    let mut bytes = engine.read("out.turbo-part");
    bytes[MIB / 2] ^= 1;
    engine.write("out.turbo-part", bytes);
    let honest = Origin::file(&file);
    continued(&engine, &honest, &["--checksum", &format!("sha-256:{}", sha256(&file.bytes))]).exits(0);
    engine.assert_file("out", &file.bytes);
}

/// A disk that lost the journal, or half of it, costs time and never truth.
#[test]
fn damaged_journals_and_parts_never_give_wrong_bytes() {
    let file = file(8, 1);
    let damage: [(&str, Harm); 4] = [
        (".turbo-state", |bytes| bytes.truncate(bytes.len() / 2)),
        (".turbo-state", Vec::clear),
        (".turbo-state", |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0x55)),
        (".turbo-part", |bytes| bytes.truncate(MIB / 3)),
    ];
    for (suffix, harm) in damage {
        let engine = killed_half_way(&file);
        let name = engine.listing().into_iter().find(|name| name.ends_with(suffix));
        let name = name.unwrap_or_else(|| panic!("no {suffix} in {:?}", engine.listing()));
        let mut bytes = engine.read(&name);
        harm(&mut bytes);
        engine.write(&name, bytes);
        let honest = Origin::file(&file);
        continued(&engine, &honest, &[]).exits(0);
        engine.assert_file("out", &file.bytes);
    }
}

/// `overwrite` is about the final name: a part that is still current is no less welcome.
#[test]
fn overwrite_continues_what_is_current() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    let honest = Origin::file(&file);
    engine.write("out", "mine");
    let overwrite = ["--if-exists", "overwrite"];
    let receipt = continued(&engine, &honest, &overwrite).exits(0).receipt();
    assert!(receipt["resumed_bytes"].as_u64() >= Some(MIB as u64), "{receipt:#}");
    engine.assert_file("out", &file.bytes);
}

/// Two processes must not write one file.
#[test]
fn a_second_process_on_the_same_output_is_refused() {
    let file = file(8, 1);
    let engine = Engine::new();
    let origin = half(&file);
    let running = started(&engine, &origin, &[]);
    continued(&engine, &origin, &[]).fails(7);
    running.kill();
}
