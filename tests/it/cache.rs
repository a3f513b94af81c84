//! The cache: what it saves, what it must never serve, and how it is kept.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::rig::{Answer, Engine, File, MIB_PER_SECOND, Origin, file, impatient, sha256};

/// Serves `file`, fresh for an hour.
fn fresh(file: &File) -> Origin {
    let served = file.clone();
    Origin::start(move |request| served.at(request, "/file.bin").header("Cache-Control", "max-age=3600"))
}

#[test]
fn a_fresh_file_is_not_asked_for_again() {
    let file = file(2, 1);
    let origin = fresh(&file);
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    let asked = origin.requests().len();
    let receipt = engine.download(["--json", "-o", "second", &origin.file_url()]).exits(0).receipt();
    engine.assert_file("second", &file.bytes);
    assert_eq!(receipt["from_cache"], true, "{receipt:#}");
    assert_eq!(origin.requests().len(), asked);
}

#[test]
fn a_stale_file_is_revalidated_without_its_bytes() {
    let file = file(2, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    let asked = origin.requests_for("/file.bin").len();
    let receipt = engine.download(["--json", "-o", "second", &origin.file_url()]).exits(0).receipt();
    engine.assert_file("second", &file.bytes);
    assert_eq!(receipt["from_cache"], true, "{receipt:#}");
    let again = origin.requests_for("/file.bin").split_off(asked);
    assert!(again.iter().all(|request| request.header("If-None-Match") == Some("\"v1\"")), "{again:?}");
}

#[test]
fn a_changed_file_is_fetched() {
    let (old, new) = (file(1, 1), file(1, 2));
    let (before, after) = (Origin::file(&old), Origin::file(&new));
    let engine = Engine::new();
    let url = "http://files.example/file.bin";
    for (name, origin, wanted) in [("first", &before, &old), ("second", &after, &new)] {
        engine.download(["-o", name, "--resolve", &origin.resolve("files.example:80"), url]).exits(0);
        engine.assert_file(name, &wanted.bytes);
    }
}

/// What the cache delivered is known by its validators like what was fetched:
/// a file of the same length that replaced it at the origin is another file.
#[test]
fn a_file_from_the_cache_is_not_taken_for_its_successor() {
    let (old, new) = (file(1, 1).etag("\"old\""), file(1, 2).etag("\"new\""));
    let (before, after) = (Origin::file(&old), Origin::file(&new));
    let engine = Engine::new();
    let url = "http://files.example/file.bin";
    let fetch = |name: &str, origin: &Origin| {
        engine.download(["--json", "-o", name, "--resolve", &origin.resolve("files.example:80"), url])
    };
    fetch("first", &before).exits(0);
    assert_eq!(fetch("second", &before).exits(0).receipt()["from_cache"], true);
    assert_eq!(fetch("second", &before).exits(0).receipt()["verified"]["by"], "origin");
    fetch("second", &after).fails(7).says("earlier version");
    engine.assert_file("second", &old.bytes);
}

#[test]
fn a_checksum_is_enough_to_find_the_bytes() {
    let file = file(2, 1);
    let (origin, other) = (Origin::file(&file), Origin::file(&file));
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    let checksum = format!("sha-256:{}", sha256(&file.bytes));
    engine.download(["-o", "second", "--checksum", &checksum, &other.file_url()]).exits(0);
    engine.assert_file("second", &file.bytes);
    assert!(other.requests().is_empty(), "{:?}", other.requests());
}

#[test]
fn no_cache_neither_reads_nor_writes() {
    let file = file(1, 1);
    let origin = fresh(&file);
    let engine = Engine::new();
    for name in ["first", "second"] {
        let run = engine.download(["--json", "--no-cache", "-o", name, &origin.file_url()]).exits(0);
        assert_eq!(run.receipt()["from_cache"], false);
    }
    assert_eq!(origin.requests_for("/file.bin").iter().filter(|request| request.start() == 0).count(), 2);
    engine.download(["-o", "third", "--offline", &origin.file_url()]).fails(4);
}

#[test]
fn offline_serves_what_is_there_and_asks_nobody() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    let asked = origin.requests().len();
    engine.download(["-o", "second", "--offline", &origin.file_url()]).exits(0);
    engine.assert_file("second", &file.bytes);
    engine.download(["-o", "third", "--offline", &origin.url("/else/file.bin")]).fails(4);
    assert_eq!(origin.requests().len(), asked);
    engine.assert_absent("third");
}

/// A private answer is for one user's eyes: it must not be kept for others.
#[test]
fn no_store_is_honoured() {
    let file = file(1, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").header("Cache-Control", "no-store"));
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    engine.download(["-o", "second", "--offline", &origin.file_url()]).fails(4);
}

/// A bit that rotted on disk must not come back as the user's file.
#[test]
fn a_damaged_blob_is_found_and_fetched_again() {
    let file = file(2, 1);
    let origin = fresh(&file);
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    // The output may share its blocks with the blob.
    fs::remove_file(engine.path("first")).expect("the output exists");
    damage_blobs(&engine, file.bytes.len());
    let run = engine.run(["cache", "verify"]);
    assert_ne!(run.code, Some(0), "{}", run.text());
    engine.download(["-o", "second", &origin.file_url()]).exits(0);
    engine.assert_file("second", &file.bytes);
}

#[test]
fn a_damaged_blob_is_not_served_unseen() {
    let file = file(2, 1);
    let origin = fresh(&file);
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    fs::remove_file(engine.path("first")).expect("the output exists");
    damage_blobs(&engine, file.bytes.len());
    engine.download(["-o", "second", &origin.file_url()]).exits(0);
    engine.assert_file("second", &file.bytes);
}

/// Flips a bit of every cached file of `size` bytes.
fn damage_blobs(engine: &Engine, size: usize) {
    let mut damaged = 0;
    for path in engine.cached_files() {
        let mut bytes = fs::read(&path).expect("a readable file");
        if bytes.len() == size {
            bytes[size / 3] ^= 1;
            make_writable(&path);
            fs::write(&path, bytes).expect("a writable file");
            damaged += 1;
        }
    }
    assert!(damaged > 0, "no blob in {:?}", engine.cached_files());
}

/// Blobs may be read-only, so that nobody changes them by accident.
fn make_writable(path: &std::path::Path) {
    let mut permissions = fs::metadata(path).expect("an existing file").permissions();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    #[cfg(not(unix))]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions).expect("our own file");
}

/// A user edits the file they downloaded: the cache must not change with it.
#[test]
fn editing_an_output_does_not_change_the_cache() {
    let file = file(1, 1);
    let origin = fresh(&file);
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    engine.download(["-o", "second", &origin.file_url()]).exits(0);
    let mut edited = engine.read("second");
    edited[0] ^= 1;
    // Written in place, as editors of binaries do.
    if fs::write(engine.path("second"), &edited).is_err() {
        make_writable(&engine.path("second"));
        fs::write(engine.path("second"), &edited).expect("a writable file");
    }
    engine.assert_file("first", &file.bytes);
    engine.download(["-o", "third", &origin.file_url()]).exits(0);
    engine.assert_file("third", &file.bytes);
}

#[test]
fn list_gc_and_clear_keep_house() {
    let (first, second) = (file(2, 1), file(1, 2));
    let (left, right) = (fresh(&first), fresh(&second));
    let engine = Engine::new();
    engine.download(["-o", "a", &left.file_url()]).exits(0);
    engine.download(["-o", "b", &right.file_url()]).exits(0);
    let listed = engine.run(["cache", "list"]).exits(0).text();
    for file in [&first, &second] {
        assert!(listed.contains(&sha256(&file.bytes)[..12]), "{listed}");
    }
    engine.run(["cache", "list", "--json"]).exits(0).events();
    engine.run(["cache", "verify"]).exits(0);
    engine.run(["cache", "gc"]).exits(0);
    engine.run(["cache", "clear"]).exits(0);
    let blobs = engine
        .cached_files()
        .into_iter()
        .filter(|path| fs::metadata(path).is_ok_and(|data| data.len() >= second.bytes.len() as u64));
    assert_eq!(blobs.count(), 0);
    engine.assert_file("a", &first.bytes);
}

/// Four processes, one file: one of them fetches, the others wait for it.
#[test]
fn processes_share_one_flight() {
    let file = file(4, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| {
        let answer = if request.path == "/file.bin" { served.answer(request) } else { Answer::status(404) };
        answer.header("Cache-Control", "max-age=3600").paced(2 * MIB_PER_SECOND)
    });
    let engine = Engine::new();
    let url = origin.file_url();
    let runs = ["a", "b", "c", "d"].map(|name| engine.start(impatient(["-x", "1", "-o", name, &url])));
    for run in runs {
        run.finish().exits(0);
    }
    for name in ["a", "b", "c", "d"] {
        engine.assert_file(name, &file.bytes);
    }
    assert_eq!(origin.requests_for("/file.bin").len(), 1, "{:?}", origin.requests());
}

/// A server whose clock is years ahead must not keep an old file alive.
#[test]
fn a_date_in_the_future_makes_nothing_fresh() {
    let (old, new) = (file(1, 1), file(1, 2));
    let asked = AtomicUsize::new(0);
    let (first, second) = (old.clone(), new.clone());
    let origin = Origin::start(move |request| {
        let served = if asked.fetch_add(1, Ordering::SeqCst) == 0 { &first } else { &second };
        served.at(request, "/file.bin").header("Last-Modified", "Fri, 31 Dec 2100 00:00:00 GMT")
    });
    let engine = Engine::new();
    for (name, file) in [("one", old), ("two", new)] {
        engine.download(["--no-rules", "-x", "1", "-o", name, &origin.file_url()]).exits(0);
        engine.assert_file(name, &file.bytes);
    }
}
