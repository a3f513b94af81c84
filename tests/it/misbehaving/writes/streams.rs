//! Devices, pipes and descriptors: written to as a stream, without a folder
//! that could be written to.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::thread;

use super::obstacles::fifo;
use crate::rig::{Answer, Ending, Engine, MIB_PER_SECOND, Origin, file, impatient, sha256};

/// Nothing can be made below it, by root neither.
const NOWHERE: &str = "/proc/turbo-engine-has-no-such-folder";

/// curl and wget write to it, too.
#[test]
fn a_fifo_is_a_stream() {
    let file = file(4, 1);
    let origin = Origin::file(&file);
    for more in [&[][..], &["--if-exists", "overwrite"], &["--if-exists", "fail"]] {
        let engine = Engine::new();
        fifo(&engine.path("out"));
        let path = engine.path("out");
        let reader = thread::spawn(move || fs::read(path).expect("readable"));
        let receipt = engine.fetch(&origin.file_url(), &[&["--no-rules"], more].concat()).exits(0).receipt();
        assert_eq!(receipt["file"], "out");
        assert_eq!(sha256(&reader.join().expect("a reader")), sha256(&file.bytes), "{more:?}");
        assert!(fs::symlink_metadata(engine.path("out")).expect("there").file_type().is_fifo());
        assert_eq!(engine.listing(), ["out"]);
    }
}

/// A reader that comes late is waited for; one that never comes does not make
/// the process deaf.
#[test]
fn a_fifo_waits_for_its_reader_and_hears_signals() {
    let file = file(2, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    fifo(&engine.path("out"));
    let arguments = impatient(["--json", "--no-rules", "--no-cache", "-o", "out", &origin.file_url()]);
    let mut running = engine.start(&arguments);
    running.wait_for(|event| event["event"] == "start");
    let mut bytes = Vec::new();
    fs::File::open(engine.path("out")).and_then(|mut pipe| pipe.read_to_end(&mut bytes)).expect("readable");
    running.finish().exits(0);
    assert_eq!(sha256(&bytes), sha256(&file.bytes));
    for signal in ["TERM", "INT", "HUP"] {
        let mut running = engine.start(&arguments);
        running.wait_for(|event| event["event"] == "start");
        running.signal(signal);
        let run = running.finish().fails(9);
        assert!(run.took.as_secs() < 20, "{signal}: {:?}", run.took);
    }
}

/// The same for a reader of standard output that has stopped reading.
#[test]
fn a_reader_that_stopped_does_not_make_it_deaf() {
    let origin = Origin::file(&file(8, 1));
    let engine = Engine::new();
    let script = "mkfifo pipe; exec 3<>pipe; \"$0\" \"$@\" >&3 & own=$!; sleep 1; kill -TERM $own; wait $own";
    let arguments = impatient(["--no-rules", "-o", "-", &origin.file_url()]);
    let run = engine.shell(script, arguments).finish().exits(9);
    assert!(run.took.as_secs() < 20, "{:?}", run.took);
}

/// `/dev/stdout` is not a file to be replaced, and what it leads to neither.
#[test]
fn descriptors_are_streams() {
    let file = file(2, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    for name in
        ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].into_iter().filter(|name| fs::exists(name).is_ok_and(|is| is))
    {
        let run = engine.shell("\"$0\" \"$@\" | cat", impatient(["-q", "--no-rules", "-o", name, &origin.file_url()]));
        let run = run.finish().exits(0);
        assert_eq!(sha256(&run.stdout), sha256(&file.bytes), "{name}");
    }
    let script = "echo before >file; \"$0\" \"$@\" >>file && \"$0\" \"$@\" -o /dev/fd/3 3>third";
    let fixed = ["-q", "--no-rules", &origin.file_url()];
    engine.shell(&script.replacen("\"$@\"", "\"$@\" -o /dev/stdout", 1), impatient(fixed)).finish().exits(0);
    engine.assert_file("file", &[b"before\n", &file.bytes[..]].concat());
    engine.assert_file("third", &file.bytes);
    assert_eq!(engine.listing(), ["file", "third"]);
    engine.download(["--no-rules", "-o", "/dev/fd/77", &origin.file_url()]).fails(7).says("/dev/fd/77");
}

/// An engine whose every folder cannot be written to.
fn nowhere() -> Engine {
    let folders = ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "TURBO_ENGINE_CACHE_DIR", "TMPDIR"];
    folders.into_iter().fold(Engine::new(), |engine, name| engine.variable(name, NOWHERE))
}

/// Seen: it wanted a folder below /tmp, and the hint spoke of -d.
#[test]
#[cfg(target_os = "linux")]
fn a_stream_needs_no_folder() {
    let file = file(8, 1);
    let origin = Origin::file(&file);
    let checksum = format!("sha-256:{}", sha256(&file.bytes));
    for more in [&[][..], &["--checksum", &checksum], &["-x", "8"], &["--preallocate", "full"]] {
        let fixed = ["-q", "--no-rules", "-o", "-", &origin.file_url()];
        let run = nowhere().download([&fixed[..], more].concat()).exits(0);
        assert_eq!(sha256(&run.stdout), sha256(&file.bytes), "{more:?}");
    }
    let wrong = format!("sha-256:{}", "0".repeat(64));
    nowhere().download(["--no-rules", "-o", "-", "--checksum", &wrong, &origin.file_url()]).fails(6);
}

/// Without a folder a stream that breaks off is fetched again, and nothing is
/// written twice; what the origin promises later is compared as well.
#[test]
#[cfg(target_os = "linux")]
fn a_stream_without_a_folder_survives_a_break() {
    let file = file(4, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| {
        if request.path.ends_with(".sha512") {
            return Answer::status(404);
        }
        let answer = served.at(request, "/file.bin").paced(16 * MIB_PER_SECOND);
        if request.nth == 0 { answer.cut(1 << 20, Ending::Reset) } else { answer }
    });
    let run = nowhere().download(["-q", "--no-rules", "-o", "-", &origin.file_url()]).exits(0);
    assert_eq!(sha256(&run.stdout), sha256(&file.bytes));
    assert!(origin.requests_for("/file.bin").len() > 1);
}
