//! The cache is for its owner's eyes, and what it delivers is the user's own.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::obstacles::fifo;
use crate::rig::{Engine, File, Origin, file, impatient};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("there").permissions().mode() & 0o777
}

fn cache(engine: &Engine) -> PathBuf {
    engine.home().join("cache")
}

/// Every folder and file below, the folder itself among them.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if fs::symlink_metadata(&path).expect("there").is_dir() {
            found.extend(everything(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[track_caller]
fn assert_private(engine: &Engine) {
    for path in everything(&cache(engine)) {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), wanted, "{} has mode {:o}", path.display(), mode(&path));
    }
}

/// Serves `file`, fresh for an hour.
fn fresh(file: &File) -> Origin {
    let served = file.clone();
    Origin::start(move |request| served.answer(request).header("Cache-Control", "max-age=3600"))
}

/// Whatever the umask says of other files. A file from the cache has the mode
/// of any new file, and its own inode.
#[test]
fn all_of_it_is_the_owners() {
    for (umask, delivered) in [("000", 0o666), ("022", 0o644), ("077", 0o600), ("027", 0o640)] {
        let engine = Engine::new();
        for size in [1, 4] {
            let file = file(size, 7);
            let origin = fresh(&file);
            for name in ["first", "second"].map(|name| format!("{name}-{size}")) {
                let arguments = impatient(["-o", &name, &origin.file_url()]);
                let script = format!("umask {umask}; exec \"$0\" \"$@\"");
                engine.shell(&script, arguments).finish().exits(0);
                engine.assert_file(&name, &file.bytes);
                let metadata = engine.path(&name).metadata().expect("there");
                assert_eq!((mode(&engine.path(&name)), metadata.nlink()), (delivered, 1), "{name} at {umask}");
            }
            assert_eq!(origin.requests().iter().filter(|request| request.start() == 0).count(), 1);
        }
        let script = format!("umask {umask}; exec \"$0\" \"$@\" >copy");
        let origin = fresh(&file(2, 9));
        engine.shell(&script, impatient(["-q", "-o", "-", &origin.file_url()])).finish().exits(0);
        assert_private(&engine);
    }
}

/// A cache of an earlier version: its files had the user's umask, and large
/// ones shared an inode with the user's own, whose mode must stay.
#[test]
fn an_earlier_cache_is_closed() {
    let file = file(2, 7);
    let origin = fresh(&file);
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    for path in everything(&cache(&engine)) {
        let is_folder_of_code = path.components().any(|part| part.as_os_str() == "aot-v1");
        let open = if path.is_dir() { 0o755 } else { 0o644 };
        if !is_folder_of_code {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).expect("our own");
        }
    }
    let blob = everything(&cache(&engine)).into_iter().find(|path| path.metadata().expect("there").len() == 2 << 20);
    fs::hard_link(blob.expect("a blob"), engine.path("shared")).expect("a link");
    engine.download(["-o", "second", &origin.file_url()]).exits(0);
    engine.assert_file("second", &file.bytes);
    assert_private(&engine);
    assert_eq!((mode(&engine.path("shared")), engine.path("shared").metadata().expect("there").nlink()), (0o644, 1));
}

/// A folder that the user named and that is theirs keeps its mode.
#[test]
fn a_folder_of_the_users_keeps_its_mode() {
    let engine = Engine::new();
    fs::create_dir(engine.path("mine")).expect("writable");
    engine.write("mine/notes", "mine");
    let before = mode(&engine.path("mine"));
    let origin = fresh(&file(1, 1));
    engine.download(["--cache-dir", "mine", "-o", "out", &origin.file_url()]).exits(0);
    assert_eq!(mode(&engine.path("mine")), before);
    let inner = everything(&engine.path("mine")).into_iter().skip(1).filter(|path| !path.ends_with("notes"));
    inner.for_each(|path| assert_eq!(mode(&path) & 0o077, 0, "{}", path.display()));
}

/// Whatever stands in the place of its files is not written through, and
/// nobody waits for it.
#[test]
fn what_is_planted_in_it_is_not_used() {
    let file = file(2, 1);
    let origin = fresh(&file);
    for by_pipe in [false, true] {
        let engine = Engine::new();
        engine.download(["-o", "out", &origin.file_url()]).exits(0);
        let victim = engine.write("victim", "mine");
        for path in everything(&cache(&engine)).into_iter().filter(|path| path.is_file()) {
            fs::remove_file(&path).expect("our own");
            if by_pipe { fifo(&path) } else { symlink(&victim, &path).expect("a link") }
        }
        for more in [&["-o", "again"][..], &["-o", "-"], &["-o", "out", "--if-exists", "overwrite"]] {
            engine.download([&["-q", &origin.file_url()], more].concat()).exits(0);
        }
        engine.assert_file("again", &file.bytes);
        engine.assert_file("out", &file.bytes);
        engine.assert_file("victim", b"mine");
        engine.run(["cache", "verify"]);
        engine.run(["cache", "gc"]);
        engine.run(["stats"]);
        engine.assert_file("victim", b"mine");
    }
}
