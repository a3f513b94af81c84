//! Disks that are full, too small or read-only: exit 7 with what to do, nothing
//! under the final name, and nothing lost.

use crate::rig::{Answer, Engine, Origin, file};

/// A size that no disk of a test machine has.
const HUGE_BYTES: u64 = 1 << 43;

#[test]
fn too_small_a_disk_is_told_before_anything_is_fetched() {
    let origin = Origin::start(|_| {
        let range = format!("bytes 0-{}/{HUGE_BYTES}", HUGE_BYTES - 1);
        Answer::status(206).header("Content-Range", range).declare(usize::try_from(HUGE_BYTES).expect("64 bits"))
    });
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--preallocate", "full"]).fails(7);
    let run = run.says("not enough disk space").says("free some space");
    assert!(run.events().iter().all(|event| event["event"] == "error"), "{}", run.text());
    assert!(engine.listing().is_empty(), "{:?}", engine.listing());
}

#[test]
fn how_to_preallocate_is_none_or_full() {
    let engine = Engine::new();
    engine.fetch("http://files.example/file.bin", &["--preallocate", "some"]).fails(2).says("neither none nor full");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::fs::MetadataExt as _;
    use std::process::{Command, Output};

    use serde_json::Value;

    use super::*;
    use crate::existing::{continued, half, started};
    use crate::rig::MIB_PER_SECOND;

    /// The part has all its room while half of its bytes are missing.
    #[test]
    fn preallocation_takes_the_room_at_once() {
        let file = file(8, 1);
        let held = |more: &[&str]| {
            let engine = Engine::new();
            let origin = half(&file);
            let running = started(&engine, &origin, more);
            let blocks = engine.path("out.turbo-part").metadata().expect("a part").blocks();
            running.kill();
            continued(&engine, &Origin::file(&file), more).exits(0);
            engine.assert_file("out", &file.bytes);
            blocks * 512
        };
        let size = file.bytes.len() as u64;
        assert!(held(&["--preallocate", "full"]) >= size);
        assert!(held(&[]) < size);
    }

    /// Runs `script` as root with a tmpfs of 20 MiB mounted at `small`, where
    /// only it sees that; `"$@"` is a download of `url` to `small/out`.
    fn on_a_small_disk(engine: &Engine, url: &str, more: &[&str], script: &str) -> Output {
        std::fs::create_dir(engine.path("small")).expect("scratch");
        let fixed = ["download", "--json", "--no-cache", "--no-rules", "-o", "small/out", url];
        let inner = engine.command([&fixed, more].concat());
        let script = format!("mount -t tmpfs -o size=20m none small || exit 99; {script}");
        let mut outer = Command::new("sudo");
        if am_root() {
            outer = Command::new("env");
        } else {
            outer.args(["-n", "-E"]);
        }
        outer.args(["unshare", "--mount", "sh", "-c", &script, "sh"]).arg(inner.get_program()).args(inner.get_args());
        outer.current_dir(engine.path("")).envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        outer.output().expect("unshare runs")
    }

    fn am_root() -> bool {
        std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
    }

    #[track_caller]
    fn fails_with_7(output: &Output) -> String {
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(7), "{stdout}{stderr}");
        assert!(stderr.contains("error: ") && stderr.contains("hint: "), "{stderr}");
        assert!(!stdout.lines().any(|name| name == "out"), "{stdout}");
        stdout.into_owned()
    }

    /// Something else fills the disk once `$1` blocks of the part are there.
    const FILLED: &str = "fill() { (until [ \"$(stat -c %b small/out.turbo-part 2>/dev/null || echo 0)\" -ge $1 ]; \
                          do :; done; cat /dev/zero >small/filler 2>/dev/null) & }; ";

    #[test]
    #[ignore = "needs root: mounts a small file system"]
    fn a_full_disk_exits_7() {
        let file = file(16, 1);
        let origin = Origin::start(move |request| file.at(request, "/file.bin").paced(8 * MIB_PER_SECOND));
        let engine = Engine::new();
        let script = format!("{FILLED} fill 1024; \"$@\"; code=$?; wait; ls small; exit $code");
        let stdout = fails_with_7(&on_a_small_disk(&engine, &origin.file_url(), &[], &script));
        assert!(stdout.lines().any(|name| name == "out.turbo-part"), "{stdout}");
        let script = "mount -o remount,size=3m small; \"$@\"; code=$?; ls small; exit $code";
        for more in [&[][..], &["--preallocate", "full"]] {
            let engine = Engine::new();
            let stdout = fails_with_7(&on_a_small_disk(&engine, &origin.file_url(), more, script));
            assert!(!stdout.lines().any(|name| name.starts_with("out")), "{stdout}");
        }
    }

    /// The disk fills up in the middle; once there is room the rest is fetched.
    #[test]
    #[ignore = "needs root: mounts a small file system"]
    fn a_disk_that_was_full_is_resumed() {
        let file = file(16, 1);
        let served = file.clone();
        let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND));
        let engine = Engine::new();
        let script = format!(
            "{FILLED} fill 6144; \"$@\"; [ $? = 7 ] || exit 98; wait; rm small/filler; \"$@\" >&2 && cp small/out out"
        );
        let output = on_a_small_disk(&engine, &origin.file_url(), &["-x", "1"], &script);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {stderr}", output.status);
        engine.assert_file("out", &file.bytes);
        let mut events = stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let resumed = events.find_map(|event| event["resumed_bytes"].as_u64());
        assert!(resumed > Some(1 << 20), "{stderr}");
    }

    #[test]
    #[ignore = "needs root: mounts a small file system"]
    fn a_read_only_target_exits_7() {
        let origin = Origin::file(&file(1, 1));
        let engine = Engine::new();
        let script = "mount -o remount,ro small; \"$@\"; code=$?; ls small; exit $code";
        fails_with_7(&on_a_small_disk(&engine, &origin.file_url(), &[], script));
        assert!(origin.requests().is_empty(), "{:?}", origin.requests());
    }
}
