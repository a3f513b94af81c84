//! Where it writes: links, devices, long names, full disks, and places where
//! nothing can be written.
//!
//! curl, wget and aria2 follow a link under the final name and write through
//! it. Nothing here does: what somebody else has put in the way is named and
//! refused, or loses its name.

use crate::rig::{Answer, Engine, File, Origin, file};

#[cfg(unix)]
mod cache;
#[cfg(unix)]
mod ends;
#[cfg(unix)]
mod obstacles;
#[cfg(target_os = "linux")]
mod rooted;
#[cfg(unix)]
mod streams;

/// Serves `file` under any path.
fn anywhere(file: &File) -> Origin {
    let file = file.clone();
    Origin::start(move |request| file.answer(request))
}

/// The name takes all 255 bytes, or less than the engine's own files need: the
/// probe of the folder was called after it, and did not fit. curl has no such
/// files and takes all 255.
#[test]
fn long_names_are_written() {
    let file = file(1, 1);
    let origin = anywhere(&file);
    for bytes in [235, 236, 239, 240, 243, 250, 255] {
        let engine = Engine::new();
        let name = "n".repeat(bytes);
        engine.download(["--no-rules", "-o", &name, &origin.file_url()]).exits(0);
        engine.assert_file(&name, &file.bytes);
        assert_eq!(engine.listing(), [name]);
    }
    let engine = Engine::new();
    let name = "n".repeat(256);
    let run = engine.download(["--no-rules", "-o", &name, &origin.file_url()]).fails(7);
    let named = run.stderr.lines().any(|line| line.contains(&name) && !line.contains(&format!("{name}.")));
    assert!(named && run.stderr.contains("shorter name"), "{}", run.stderr);
}

/// curl -O and aria2 fail (23, 16), wget shortens to 236 bytes and loses the
/// extension; here it stays.
#[test]
fn a_long_segment_is_shortened() {
    let file = file(1, 1);
    let origin = anywhere(&file);
    let disposed = file.clone();
    let named = Origin::start(move |request| {
        let name = format!("attachment; filename=\"{}.tar.gz\"", "d".repeat(300));
        disposed.answer(request).header("Content-Disposition", name)
    });
    let long = format!("/{}.tar.gz", "s".repeat(300));
    for url in [origin.url(&long), named.file_url()] {
        let engine = Engine::new();
        engine.download(["--no-rules", &url]).exits(0);
        let [name] = &engine.listing()[..] else { panic!("{:?}", engine.listing()) };
        assert!(name.ends_with(".tar.gz") && name.len() > 200 && name.len() <= 255, "{name}");
        engine.assert_file(name, &file.bytes);
    }
}

/// A long name is found again by the run that resumes.
#[test]
fn a_long_name_is_resumed() {
    let file = file(8, 1);
    let engine = Engine::new();
    let name = "n".repeat(255);
    let served = file.clone();
    let broken = Origin::start(move |request| {
        let answer = served.answer(request).paced(4 * crate::rig::MIB_PER_SECOND);
        if request.start() >= 6 << 20 { Answer::silence() } else { answer.cut(6 << 20, crate::rig::Ending::Stall) }
    });
    let url = "http://files.example/file.bin";
    let fetch = |origin: &Origin| {
        let resolve = origin.resolve("files.example:80");
        let fixed = ["--json", "--no-rules", "--no-cache", "-x", "1", "-o", &name];
        engine.download([&fixed[..], &["--resolve", &resolve, url]].concat())
    };
    let run = fetch(&broken);
    assert_ne!(run.code, Some(0));
    assert_eq!(engine.listing().len(), 2, "{:?}", engine.listing());
    let receipt = fetch(&Origin::file(&file)).exits(0).receipt();
    assert!(receipt["resumed_bytes"].as_u64() > Some(0), "{receipt:#}");
    engine.assert_file(&name, &file.bytes);
    assert_eq!(engine.listing(), std::slice::from_ref(&name));
}

/// `rm *` in the folder must not meet an option. curl -O, wget and aria2 write
/// `-rf`.
#[test]
fn no_name_of_a_server_is_an_option() {
    let file = file(1, 1);
    let origin = anywhere(&file);
    let disposed = file.clone();
    let named = Origin::start(move |request| {
        disposed.answer(request).header("Content-Disposition", "attachment; filename=-rf")
    });
    for (url, name) in [
        (origin.url("/-rf"), "_rf"),
        (origin.url("/%2Drf"), "_rf"),
        (origin.url("/--help"), "_-help"),
        (named.file_url(), "_rf"),
    ] {
        let engine = Engine::new();
        engine.download(["--no-rules", &url]).exits(0);
        assert_eq!(engine.listing(), [name], "{url}");
    }
}

/// What the user types stays, and is shown so that it can be copied.
#[test]
fn a_typed_name_may_begin_with_a_hyphen() {
    let file = file(1, 1);
    let origin = anywhere(&file);
    let engine = Engine::new();
    let run = engine.download(["--no-rules", "-o", "-rf", &origin.file_url()]).exits(0);
    engine.assert_file("-rf", &file.bytes);
    assert!(run.stderr.lines().any(|line| line.starts_with("./-rf: ")), "{}", run.stderr);
    let receipt = engine.download(["--json", "--no-rules", "--output=-rf", &origin.file_url()]).exits(0).receipt();
    assert_eq!((receipt["file"].as_str(), &receipt["already_there"]), (Some("./-rf"), &true.into()));
    engine.write("-foreign", "mine");
    engine.download(["--no-rules", "-o", "-foreign", &origin.file_url()]).fails(7).says("./-foreign exists");
}
