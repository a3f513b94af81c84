//! Limits and signals: an end in order, from which the same command goes on.

use crate::existing::{continued, half, started};
use crate::rig::{Answer, Engine, MIB, MIB_PER_SECOND, Origin, file, impatient};

/// A terminal that closes, and Ctrl-\, are no reason to lose what is there.
/// curl and wget die by them; aria2 saves its control file.
#[test]
fn hangup_and_quit_end_as_term_does() {
    let file = file(8, 1);
    for signal in ["TERM", "HUP", "QUIT"] {
        let engine = Engine::new();
        let origin = half(&file);
        let running = started(&engine, &origin, &[]);
        running.signal(signal);
        running.finish().fails(9).says("run the same command again");
        engine.assert_absent("out");
        let receipt = continued(&engine, &Origin::file(&file), &[]).exits(0).receipt();
        engine.assert_file("out", &file.bytes);
        assert!(receipt["resumed_bytes"].as_u64() >= Some(MIB as u64), "{signal}: {receipt:#}");
    }
}

/// `nohup` has the signal ignored, and it stays so.
#[test]
#[cfg(target_os = "linux")]
fn nohup_outlives_its_terminal() {
    let file = file(4, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(2 * MIB_PER_SECOND));
    let engine = Engine::new();
    let script = "nohup \"$0\" \"$@\" >log 2>&1 & own=$!; \
                  until [ -e out.turbo-part ]; do sleep 0.05; done; kill -HUP $own; wait $own";
    let arguments = impatient(["--no-rules", "--no-cache", "-x", "1", "-o", "out", &origin.file_url()]);
    engine.shell(script, arguments).finish().exits(0);
    engine.assert_file("out", &file.bytes);
}

/// `ulimit -f` sends a signal that ends a process which does not expect it.
/// curl and wget die by it (exit 153).
#[test]
fn a_file_beyond_the_limit_is_an_error() {
    let file = file(4, 1);
    let sized = Origin::file(&file);
    let served = file.clone();
    let endless = Origin::start(move |_| Answer::whole(200, served.bytes.clone()).chunked());
    for origin in [&sized, &endless] {
        let engine = Engine::new();
        let arguments = impatient(["--no-rules", "--no-cache", "-o", "out", &origin.file_url()]);
        // In blocks of 512 bytes, or of a KiB: half of the file at most.
        let run = engine.shell("ulimit -f 2048; exec \"$0\" \"$@\"", arguments).finish().fails(7);
        let run = run.says("out.turbo-part").says("ulimit -f");
        assert!(run.stderr.contains("large"), "{}", run.stderr);
        engine.assert_absent("out");
    }
}
