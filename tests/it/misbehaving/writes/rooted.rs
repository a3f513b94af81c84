//! What takes root to set up: devices on scratch nodes, files of other users,
//! small and read-only disks in a mount namespace of their own.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::rig::{Answer, Engine, KIB, MIB_PER_SECOND, Origin, file, impatient, sha256};

/// Runs a program as root.
fn as_root(arguments: &[&str]) {
    let program = if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) { "env" } else { "sudo" };
    let status = Command::new(program).args(arguments).status().expect("it starts");
    assert!(status.success(), "{arguments:?}: {status}");
}

/// Runs `script` as root in a mount namespace of its own; `"$@"` is the command.
fn in_a_namespace(engine: &Engine, arguments: &[&str], script: &str) -> Output {
    let inner = engine.command(impatient(arguments));
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let mut outer = Command::new(if is_root { "env" } else { "sudo" });
    if !is_root {
        outer.args(["-n", "-E"]);
    }
    outer.args(["unshare", "--mount", "sh", "-c", script, "sh"]).arg(inner.get_program()).args(inner.get_args());
    outer.current_dir(engine.path("")).envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer.output().expect("unshare runs")
}

#[track_caller]
fn ends(output: &Output, code: i32) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stderr}\n{stdout:.2000}");
    stderr.into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Seen as root: `/dev/null` became a file. The nodes here are scratch ones.
#[test]
#[ignore = "needs root: makes device nodes"]
fn a_device_is_never_replaced() {
    let file = file(2, 1);
    let origin = Origin::file(&file);
    for (name, kind) in [("-o", "c"), ("-d", "c"), ("-o", "b"), ("-d", "b")] {
        let engine = Engine::new();
        let node = engine.path("file.bin");
        let number = if kind == "c" { ["1", "3"] } else { ["7", "250"] };
        as_root(&["mknod", "-m", "666", text(&node), kind, number[0], number[1]]);
        let place = if name == "-o" { "file.bin" } else { "." };
        let run =
            engine.download(["--json", "--no-rules", "--if-exists", "overwrite", name, place, &origin.file_url()]);
        // The user named the character device itself: its bytes go there.
        if (name, kind) == ("-o", "c") {
            assert_eq!(run.exits(0).receipt()["file"], "file.bin");
        } else {
            run.fails(7).says(if kind == "c" { "a character device" } else { "a block device" });
        }
        let found = fs::symlink_metadata(&node).expect("still there").file_type();
        assert!(if kind == "c" { found.is_char_device() } else { found.is_block_device() }, "{name} {kind}");
        assert_eq!(engine.listing(), ["file.bin"]);
    }
    let engine = Engine::new();
    as_root(&["mknod", "-m", "666", text(&engine.path("full")), "c", "1", "7"]);
    let run = engine.download(["--no-rules", "-o", "full", &origin.file_url()]).fails(7).says("full");
    assert!(!run.stderr.contains("standard output"), "{}", run.stderr);
}

/// In a folder that is open to all, others may have been there first.
#[test]
#[ignore = "needs root: gives files to another user"]
fn other_users_plant_nothing() {
    let origin = Origin::file(&file(1, 1));
    for (made, planted) in [
        ("echo theirs >out.turbo-part", "out.turbo-part"),
        ("echo theirs >out.turbo-state", "out.turbo-state"),
        ("mkdir real; ln -s real link", "link"),
        ("mkfifo out", "out"),
    ] {
        let engine = Engine::new();
        fs::set_permissions(engine.path(""), fs::Permissions::from_mode(0o1777)).expect("our own");
        let script = format!("cd {} && {made} && chown -h nobody {planted}", text(&engine.path("")));
        as_root(&["sh", "-c", &script]);
        let name = if planted == "link" { "link/out" } else { "out" };
        let run = engine.download(["--no-rules", "--if-exists", "overwrite", "-o", name, &origin.file_url()]).fails(7);
        assert!(run.stderr.contains(planted) && run.stderr.contains("another user's"), "{planted}: {}", run.stderr);
        if planted == "link" {
            assert!(!engine.path("real/out").exists());
        }
    }
}

/// A size that is known and does not fit is said before anything is fetched.
/// curl, wget and aria2 fetch until the disk is full.
#[test]
#[ignore = "needs root: mounts a small file system"]
fn a_disk_that_is_too_small_is_said_first() {
    let served = file(8, 1);
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(MIB_PER_SECOND));
    let engine = Engine::new();
    fs::create_dir(engine.path("small")).expect("scratch");
    let arguments = ["--no-rules", "--no-cache", "-o", "small/out", &origin.file_url()];
    let script = "mount -t tmpfs -o size=3m none small && \"$@\"; code=$?; ls -A small; exit $code";
    let output = in_a_namespace(&engine, &arguments, script);
    let stderr = ends(&output, 7);
    assert!(stderr.contains("not enough disk space for small/out") && stderr.contains("8388608"), "{stderr}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(origin.requests().len(), 1);
}

/// The disk fills up so soon that there is no room for a journal either: the
/// end of what is there makes it, and the promised resume happens.
#[test]
#[ignore = "needs root: mounts a small file system"]
fn a_full_disk_leaves_a_journal() {
    let file = file(16, 1);
    let (served, engine) = (file.clone(), Engine::new());
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND));
    fs::create_dir(engine.path("small")).expect("scratch");
    let arguments = ["--json", "--no-rules", "--no-cache", "-x", "1", "-o", "small/out", &origin.file_url()];
    // Half a MiB is there when something else takes the rest: long before the
    // first journal would be due.
    let script = "mount -t tmpfs -o size=20m none small || exit 99
        (until [ \"$(stat -c %b small/out.turbo-part 2>/dev/null || echo 0)\" -ge 1024 ]; do :; done
         cat /dev/zero >small/filler 2>/dev/null) &
        \"$@\" >&2; [ $? = 7 ] || exit 98
        [ -s small/out.turbo-state ] || exit 97
        wait; rm small/filler; \"$@\" && cp small/out out";
    let output = in_a_namespace(&engine, &arguments, script);
    ends(&output, 0);
    engine.assert_file("out", &file.bytes);
    let text = String::from_utf8_lossy(&output.stdout);
    let mut events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let resumed = events.find_map(|event| event["resumed_bytes"].as_u64());
    assert!(resumed >= Some(128 * KIB as u64), "{text}");
}

/// A file that has its room already needs none for the journal.
#[test]
#[ignore = "needs root: mounts a small file system"]
fn a_disk_that_is_filled_exactly_is_enough() {
    let file = file(4, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND));
    let engine = Engine::new();
    fs::create_dir(engine.path("small")).expect("scratch");
    let arguments = ["--no-rules", "--no-cache", "--preallocate", "full", "-o", "small/out", &origin.file_url()];
    let script = "mount -t tmpfs -o size=4m none small && \"$@\" && cp small/out out";
    ends(&in_a_namespace(&engine, &arguments, script), 0);
    engine.assert_file("out", &file.bytes);
}

/// A container with a read-only root: nothing can be written, and a stream
/// needs nothing written.
#[test]
#[ignore = "needs root: remounts file systems read-only"]
fn a_read_only_root_streams() {
    let file = file(8, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    let arguments = ["-q", "--no-rules", "-o", "-", &origin.file_url()];
    for variables in ["", "env -u HOME -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u TURBO_ENGINE_CACHE_DIR -u TMPDIR"] {
        let script =
            format!("mount -o remount,bind,ro / && mount -t tmpfs -o ro none /dev/shm && exec {variables} \"$@\"");
        let output = in_a_namespace(&engine, &arguments, &script);
        ends(&output, 0);
        assert_eq!(sha256(&output.stdout), sha256(&file.bytes), "{variables}");
    }
}

/// A stream needs no disk for what is read at once: a small one is left alone.
#[test]
#[ignore = "needs root: mounts a small file system"]
fn a_stream_is_larger_than_the_disk() {
    let file = file(16, 1);
    let served = file.clone();
    let origin =
        Origin::start(
            move |request| {
                if request.path.ends_with("/file.bin") { served.answer(request) } else { Answer::status(404) }
            },
        );
    let engine = Engine::new();
    let arguments = ["-q", "--no-rules", "-x", "8", "-o", "-", &origin.file_url()];
    let script = format!("mount -t tmpfs -o size=3m none {} && exec \"$@\"", text(&engine.home().join("cache")));
    let output = in_a_namespace(&engine, &arguments, &script);
    ends(&output, 0);
    assert_eq!(sha256(&output.stdout), sha256(&file.bytes));
}

/// Somebody without a home, as in many a container.
#[test]
#[ignore = "needs root: runs as another user"]
fn a_user_without_a_home_streams() {
    let file = file(4, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    let arguments = ["-q", "--no-rules", "-o", "-", &origin.file_url()];
    // The binary may lie below a folder that others cannot enter.
    let copied = std::env::temp_dir().join(format!("turbo-engine-copy-{}", std::process::id()));
    let script = format!(
        "cp \"$1\" {copy} && chmod 755 {copy} && shift && cd / || exit 99
         exec env -i PATH=\"$PATH\" TMPDIR=/proc/none HOME=/nonexistent \
             setpriv --reuid=65534 --regid=65534 --clear-groups {copy} \"$@\"",
        copy = text(&copied)
    );
    let output = in_a_namespace(&engine, &arguments, &script);
    as_root(&["rm", "-f", text(&copied)]);
    ends(&output, 0);
    assert_eq!(sha256(&output.stdout), sha256(&file.bytes));
}
