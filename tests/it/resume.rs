//! What a disk, a clock or a stranger did to an interrupted download before it
//! goes on: nothing of it ends up in the file, and no more than it is lost.

use std::fs::File as DiskFile;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::existing::{continued, killed_half_way};
use crate::rig::{Engine, MIB, Origin, Run, file, sha256};

/// What the journal vouches for: first byte and one past the last.
fn runs(engine: &Engine) -> Vec<(u64, u64)> {
    let journal: Value = serde_json::from_slice(&engine.read("out.turbo-state")).expect("a journal");
    let runs = journal["runs"].as_array().expect("a journal lists its runs");
    runs.iter().map(|run| (run[0].as_u64().expect("a start"), run[1].as_u64().expect("an end"))).collect()
}

fn length(runs: &[(u64, u64)]) -> u64 {
    runs.iter().map(|(start, end)| end - start).sum()
}

fn change(engine: &Engine, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = engine.read(name);
    change(&mut bytes);
    engine.write(name, bytes);
}

#[track_caller]
fn resumed_bytes(run: &Run) -> u64 {
    run.receipt()["resumed_bytes"].as_u64().expect("a count of bytes")
}

fn warnings(run: &Run) -> Vec<String> {
    let events = run.events().into_iter().filter(|event| event["event"] == "warning");
    events.map(|event| event["message"].as_str().expect("a text").to_owned()).collect()
}

/// No digest is known: only the journal can tell.
#[test]
fn a_bit_that_rotted_costs_its_block_and_nothing_else() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    let before = runs(&engine);
    let (start, end) = before[before.len() / 2];
    let middle = usize::try_from(start.midpoint(end)).expect("a small file");
    change(&engine, "out.turbo-part", |bytes| bytes[middle] ^= 1);
    let run = continued(&engine, &Origin::file(&file), &[]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!(resumed_bytes(&run), length(&before) - (end - start));
    assert_eq!(warnings(&run), [format!("{} bytes of the earlier run have rotted and are fetched again", end - start)]);
}

/// A power failure can leave zeros where the journal says that bytes are.
#[test]
fn all_that_a_crash_lost_is_fetched_again() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    change(&engine, "out.turbo-part", |bytes| bytes.fill(0));
    let run = continued(&engine, &Origin::file(&file), &[]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!(resumed_bytes(&run), 0);
}

#[test]
fn a_part_that_was_cut_or_grew_keeps_what_is_left() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    let before = length(&runs(&engine));
    change(&engine, "out.turbo-part", |bytes| bytes.extend([7; 1000]));
    let run = continued(&engine, &Origin::file(&file), &[]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!((resumed_bytes(&run), warnings(&run).len()), (before, 0));

    let engine = killed_half_way(&file);
    let (left, gone): (Vec<_>, Vec<_>) = runs(&engine).into_iter().partition(|(_, end)| *end <= MIB as u64);
    change(&engine, "out.turbo-part", |bytes| bytes.truncate(MIB));
    let run = continued(&engine, &Origin::file(&file), &[]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!((resumed_bytes(&run), warnings(&run).is_empty()), (length(&left), gone.is_empty()));
}

/// Somebody moved files about: the journal is of another download.
#[test]
fn a_journal_of_another_file_or_size_is_not_believed() {
    let (file, other) = (file(8, 1), file(4, 2));
    let foreign = killed_half_way(&other);
    let engine = killed_half_way(&file);
    engine.write("out.turbo-state", foreign.read("out.turbo-state"));
    let run = continued(&engine, &Origin::file(&file), &[]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!(resumed_bytes(&run), 0);

    // The same file by another URL: nobody said that it is the same.
    let engine = killed_half_way(&file);
    let run = engine.fetch(&Origin::file(&file).file_url(), &["--no-rules", "--no-cache"]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!(resumed_bytes(&run), 0);
}

/// The format before checksums: refused in words, and nothing of it is used.
#[test]
fn a_journal_of_an_earlier_version_starts_over() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    let journal = format!(
        r#"{{"v":1,"url_digest":"sha-256:{}","size":{},"validators":{{}},"written":[[0,1048576]]}}"#,
        sha256(b"http://files.example/file.bin"),
        file.bytes.len()
    );
    engine.write("out.turbo-state", journal);
    let run = continued(&engine, &Origin::file(&file), &[]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!(resumed_bytes(&run), 0);
    let expected = "the journal has format 1, and this version reads format 2 alone; starting from the beginning";
    assert_eq!(warnings(&run), [expected]);
}

/// Times of files are no evidence: a clock that jumped changes nothing.
#[test]
fn a_clock_that_jumped_between_runs_changes_nothing() {
    let years = Duration::from_hours(10 * 365 * 24);
    for time in [SystemTime::now() + years, SystemTime::now() - years, SystemTime::UNIX_EPOCH] {
        let file = file(8, 1);
        let engine = killed_half_way(&file);
        let before = length(&runs(&engine));
        for name in ["out.turbo-part", "out.turbo-state"] {
            let file = DiskFile::options().append(true).open(engine.path(name)).expect("it is there");
            file.set_modified(time).expect("our own file");
        }
        let honest = Origin::file(&file);
        let run = continued(&engine, &honest, &[]).exits(0);
        engine.assert_file("out", &file.bytes);
        assert_eq!(resumed_bytes(&run), before);
        // The record of finished downloads has the file's own time, whatever clock that was.
        let again = continued(&engine, &honest, &[]).exits(0);
        assert_eq!(again.receipt()["already_there"], true);
    }
}

/// Whoever is killed between the rename and the end leaves a journal alone.
#[test]
fn a_journal_without_a_part_is_cleared_away() {
    let file = file(1, 1);
    let engine = Engine::new();
    let origin = Origin::file(&file);
    continued(&engine, &origin, &[]).exits(0);
    engine.write("out.turbo-state", "anything");
    engine.write("out.turbo-state.tmp", "half a jour");
    let receipt = continued(&engine, &origin, &[]).exits(0).receipt();
    assert_eq!(receipt["already_there"], true);
    assert_eq!(engine.listing(), ["out"]);
}
