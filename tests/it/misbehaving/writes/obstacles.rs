//! What somebody has put where a file belongs: never written to, waited for or
//! replaced.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::rig::{Engine, Origin, file};

const MINE: &[u8] = b"the victim's own bytes";

/// Makes a FIFO.
pub(super) fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

/// Puts one thing of each kind at `path`, and says what the engine calls it.
/// What it must not touch is `victim`.
fn plant(kind: &str, path: &Path, victim: &Path) -> Option<UnixListener> {
    match kind {
        "a symbolic link" => symlink(victim, path).expect("a link"),
        "a hard link" => fs::hard_link(victim, path).expect("a link"),
        "a FIFO" => fifo(path),
        "a directory" => fs::create_dir(path).expect("writable"),
        "a socket" => return Some(UnixListener::bind(path).expect("a short path")),
        other => panic!("no such kind: {other}"),
    }
    None
}

/// Seen: a link at `NAME.turbo-part` overwrote its victim, and a FIFO at
/// `NAME.turbo-state` hung the program, deaf to SIGTERM.
#[test]
fn what_is_planted_beside_the_file_is_refused() {
    let origin = Origin::file(&file(1, 1));
    for name in ["out.turbo-part", "out.turbo-state"] {
        for kind in ["a symbolic link", "a hard link", "a FIFO", "a directory", "a socket"] {
            let engine = Engine::new();
            let victim = engine.write("victim", MINE);
            let _held = plant(kind, &engine.path(name), &victim);
            let run = engine.fetch(&origin.file_url(), &["--no-rules"]).fails(7);
            let told = run.stderr.lines().any(|line| line.contains(name) && line.contains(kind));
            assert!(told, "{kind} at {name}:\n{}", run.stderr);
            engine.assert_file("victim", MINE);
            engine.assert_absent("out");
        }
    }
    assert!(origin.requests().is_empty(), "{:?}", origin.requests());
}

/// The server's name is known only after the check of the place: the same holds.
#[test]
fn what_is_planted_under_a_servers_name_is_refused() {
    let served = file(1, 1);
    let origin = Origin::start(move |request| {
        served.answer(request).header("Content-Disposition", "attachment; filename=theirs.bin")
    });
    for name in ["theirs.bin.turbo-part", "theirs.bin.turbo-state", "theirs.bin"] {
        for kind in ["a symbolic link", "a FIFO", "a socket"] {
            let is_link_itself = name == "theirs.bin" && kind == "a symbolic link";
            let engine = Engine::new();
            let victim = engine.write("victim", MINE);
            let _held = plant(kind, &engine.path(name), &victim);
            let run = engine.download(["--no-rules", "--if-exists", "overwrite", &origin.file_url()]);
            assert_eq!(run.code, Some(if is_link_itself { 0 } else { 7 }), "{kind} at {name}: {}", run.stderr);
            engine.assert_file("victim", MINE);
        }
    }
}

/// The journal's temporary file has a name that can be foretold; what stands
/// there loses it and is not written through.
#[test]
fn what_is_planted_for_the_journal_loses_its_name() {
    let served = file(8, 1);
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(8 << 20));
    for kind in ["a symbolic link", "a hard link", "a FIFO", "a socket"] {
        let engine = Engine::new();
        let victim = engine.write("victim", MINE);
        let _held = plant(kind, &engine.path("out.turbo-state.tmp"), &victim);
        engine.fetch(&origin.file_url(), &["--no-rules", "--no-cache", "-x", "1"]).exits(0);
        engine.assert_file("victim", MINE);
        assert_eq!(engine.listing(), ["out", "victim"], "{kind}");
    }
}

/// curl and wget write through a link, aria2 too; a rename replaces the link
/// itself and never what it leads to.
#[test]
fn a_link_under_the_final_name_is_replaced_and_its_end_is_not() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    for kind in ["a symbolic link", "a hard link"] {
        let engine = Engine::new();
        let victim = engine.write("victim", MINE);
        plant(kind, &engine.path("out"), &victim);
        engine.fetch(&origin.file_url(), &["--no-rules"]).fails(7);
        engine.assert_file("out", MINE);
        engine.fetch(&origin.file_url(), &["--no-rules", "--if-exists", "overwrite"]).exits(0);
        engine.assert_file("victim", MINE);
        engine.assert_file("out", &file.bytes);
        assert!(fs::symlink_metadata(engine.path("out")).expect("there").is_file(), "{kind}");
    }
    let engine = Engine::new();
    symlink(engine.path("nowhere"), engine.path("out")).expect("a link");
    engine.fetch(&origin.file_url(), &["--no-rules", "--if-exists", "overwrite"]).exits(0);
    engine.assert_absent("nowhere");
    engine.assert_file("out", &file.bytes);
}

/// `--if-exists` never makes a file of something that is none, nor reads it.
#[test]
fn what_is_no_file_is_never_replaced() {
    let origin = Origin::file(&file(1, 1));
    let checksum = format!("sha-256:{}", "0".repeat(64));
    for kind in ["a FIFO", "a socket", "a directory"] {
        for more in [&["--if-exists", "overwrite"][..], &["--if-exists", "resume", "--checksum", &checksum]] {
            let engine = Engine::new();
            let _held = plant(kind, &engine.path("file.bin"), Path::new("victim"));
            let before = fs::symlink_metadata(engine.path("file.bin")).expect("planted").ino();
            let run = engine.download([&["--no-rules", &origin.file_url()], more].concat()).fails(7);
            assert!(run.stderr.contains(kind) && run.stderr.contains("file.bin"), "{}", run.stderr);
            assert_eq!(fs::symlink_metadata(engine.path("file.bin")).expect("still there").ino(), before, "{kind}");
        }
    }
    for name in ["socket", "link"] {
        let engine = Engine::new();
        let _held = UnixListener::bind(engine.path("socket")).expect("a short path");
        symlink(engine.path("socket"), engine.path("link")).expect("a link");
        let overwrite = ["--no-rules", "--if-exists", "overwrite", "-o", name, &origin.file_url()];
        engine.download(overwrite).fails(7).says("a socket");
        assert!(fs::metadata(engine.path(name)).expect("still there").file_type().is_socket());
    }
    assert!(origin.requests().is_empty(), "{:?}", origin.requests());
}

/// The receipt is written as carefully as the file.
#[test]
fn a_receipt_goes_through_no_link() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    let victim = engine.write("victim", MINE);
    symlink(&victim, engine.path("receipt")).expect("a link");
    engine.fetch(&origin.file_url(), &["--no-rules", "--receipt", "receipt"]).exits(0);
    engine.assert_file("victim", MINE);
    assert!(engine.read("receipt").starts_with(b"{"));
    let _held = UnixListener::bind(engine.path("socket")).expect("a short path");
    engine.fetch(&origin.file_url(), &["--no-rules", "--receipt", "socket"]).fails(7).says("a socket");
    let long = "r".repeat(255);
    engine.fetch(&origin.file_url(), &["--no-rules", "--receipt", &long]).exits(0);
    assert!(engine.read(&long).starts_with(b"{"));
    let run = engine.fetch(&origin.file_url(), &["-q", "--no-rules", "--receipt", "/dev/stdout"]).exits(0);
    assert!(run.text().contains("\"verified\": {"), "{}", run.text());
}

/// A folder by a link is the user's own choice.
#[test]
fn a_linked_folder_is_followed() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    fs::create_dir(engine.path("real")).expect("writable");
    symlink("real", engine.path("link")).expect("a link");
    engine.download(["--no-rules", "-d", "link", &origin.file_url()]).exits(0);
    engine.download(["--no-rules", "-o", "link/other", &origin.file_url()]).exits(0);
    engine.assert_file("real/file.bin", &file.bytes);
    engine.assert_file("real/other", &file.bytes);
}
