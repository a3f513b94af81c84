//! The cache against users who edit, disks that rot and processes that race.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use tempfile::TempDir;

use super::*;
use crate::plan::freshness::StoredResponse;
use crate::store::Hashes;

/// Above the size from which hard links are used.
const LARGE: usize = 2 * 1024 * 1024;

struct Rig {
    folder: TempDir,
    cache: Cache,
}

impl Rig {
    fn new() -> Self {
        Self::holding(1 << 30)
    }

    fn holding(max_bytes: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let cache = Cache::open(&folder.path().join("cache"), max_bytes).unwrap();
        Self { folder, cache }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Inserts a file of `byte`s and gives its path and digest.
    fn insert(&self, byte: u8, len: usize) -> (PathBuf, Digest) {
        let path = self.path(&format!("file-{byte}"));
        fs::write(&path, vec![byte; len]).unwrap();
        let digest = digest_of(&vec![byte; len]);
        assert_eq!(self.cache.insert(&path, &digest).unwrap(), Insertion::Kept);
        (path, digest)
    }

    /// Inserts a file of ten `byte`s for a URL.
    fn remember(&self, byte: u8, text: &str) -> Entry {
        let (_, digest) = self.insert(byte, 10);
        let entry = Entry { url: url(text), digest, size: 10, proof: "origin".into(), response: response() };
        self.cache.remember(entry.clone()).unwrap();
        entry
    }

    fn has(&self, digest: &Digest) -> bool {
        self.cache.by_digest(digest).unwrap().is_some()
    }

    /// The bytes that the cache hands out, if any.
    fn bytes(&self, digest: &Digest) -> Option<Vec<u8>> {
        let blob = self.cache.by_digest(digest).unwrap()?;
        let path = self.path("copy");
        self.cache.copy_out(blob, &path).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        Some(bytes)
    }

    fn entry_path(&self, text: &str) -> PathBuf {
        self.cache.layout.entry(&url(text))
    }
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn response() -> StoredResponse {
    let headers: HeaderMap = [(http::header::ETAG, "\"a\"".parse().unwrap())].into_iter().collect();
    StoredResponse::new(&HeaderMap::new(), &headers, SystemTime::now()).unwrap()
}

fn digest_of(bytes: &[u8]) -> Digest {
    let mut hashes = Hashes::new([]);
    hashes.update(bytes);
    hashes.finish().swap_remove(0)
}

/// Overwrites the first byte in place, and gives the file a date that differs
/// from the old one even where clocks are coarse.
fn edit(path: &Path) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(b"!").unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(10)).unwrap();
}

fn wait(at_most: Duration) -> LockWait<'static> {
    LockWait { at_most, cancelled: &|| false }
}

const URL: &str = "https://h.example/f";

#[test]
fn a_url_leads_to_its_bytes() {
    let rig = Rig::new();
    let entry = rig.remember(1, URL);
    let hit = rig.cache.lookup(&url("https://h.example/f#part")).unwrap().expect("a hit");
    assert_eq!((hit.entry, hit.blob.size()), (entry.clone(), 10));
    let mut bytes = Vec::new();
    hit.blob.into_file().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, [1; 10]);
    assert!(rig.cache.lookup(&url("https://h.example/g")).unwrap().is_none());
    rig.cache.forget(&url(URL)).unwrap();
    assert!(rig.cache.lookup(&url(URL)).unwrap().is_none());
    assert!(rig.has(&entry.digest), "the bytes stay for their digest");
}

#[test]
fn a_url_with_a_secret_leaves_no_trace() {
    let rig = Rig::new();
    let secret = "https://h.example/f?token=x";
    rig.remember(1, secret);
    assert!(rig.cache.lookup(&url(secret)).unwrap().is_none());
    assert_eq!(fs::read_dir(rig.cache.layout.index()).unwrap().count(), 0);
}

#[test]
fn only_sha_256_names_a_blob() {
    let rig = Rig::new();
    let (path, _) = rig.insert(1, 1);
    let md5: Digest = "md5:00000000000000000000000000000000".parse().unwrap();
    assert!(rig.cache.by_digest(&md5).unwrap().is_none());
    assert!(matches!(rig.cache.insert(&path, &md5), Err(CacheError::Algorithm("md5"))));
}

#[test]
fn the_users_edit_never_comes_back_out() {
    for len in [10, LARGE] {
        let rig = Rig::new();
        let (path, digest) = rig.insert(7, len);
        edit(&path);
        // Where the bytes were copied the blob is intact, where they were
        // linked it is gone: in no case are the edited ones handed out.
        assert!(rig.bytes(&digest).is_none_or(|bytes| digest_of(&bytes) == digest));
        fs::write(&path, vec![7; len]).unwrap();
        rig.cache.insert(&path, &digest).unwrap();
        assert_eq!(rig.bytes(&digest).map(|bytes| digest_of(&bytes)), Some(digest));
    }
}

#[test]
fn a_copy_may_be_edited() {
    let rig = Rig::new();
    let (_, digest) = rig.insert(7, LARGE);
    let out = rig.path("out");
    rig.cache.copy_out(rig.cache.by_digest(&digest).unwrap().unwrap(), &out).unwrap();
    edit(&out);
    assert_eq!(rig.bytes(&digest).map(|bytes| digest_of(&bytes)), Some(digest));
}

#[test]
fn a_new_date_alone_costs_one_hash_and_no_file() {
    let rig = Rig::new();
    let (_, digest) = rig.insert(7, LARGE);
    let blob = rig.cache.layout.blob(&digest);
    let stamp = blob.with_extension("json");
    let before = fs::read(&stamp).unwrap();
    File::options().write(true).open(&blob).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert!(rig.has(&digest));
    assert_ne!(fs::read(&stamp).unwrap(), before, "the new date is vouched for");
    fs::write(&stamp, "{").unwrap();
    assert!(rig.has(&digest));
}

#[test]
fn a_copy_does_not_replace_a_file() {
    let rig = Rig::new();
    let (path, digest) = rig.insert(1, 10);
    let blob = rig.cache.by_digest(&digest).unwrap().unwrap();
    assert!(matches!(rig.cache.copy_out(blob, &path), Err(CacheError::Io { .. })));
    assert_eq!(fs::read(path).unwrap(), [1; 10]);
}

#[test]
fn a_change_during_the_copy_is_noticed() {
    let rig = Rig::new();
    let (_, digest) = rig.insert(1, 10);
    let blob = rig.cache.by_digest(&digest).unwrap().unwrap();
    edit(&rig.cache.layout.blob(&digest));
    let out = rig.path("out");
    assert!(matches!(rig.cache.copy_out(blob, &out), Err(CacheError::Changed(_))));
    assert!(!out.exists());
    assert!(!rig.has(&digest));
}

#[test]
fn an_open_blob_outlives_its_eviction() {
    let rig = Rig::new();
    let (_, digest) = rig.insert(1, 10);
    let blob = rig.cache.by_digest(&digest).unwrap().unwrap();
    rig.cache.clear().unwrap();
    let out = rig.path("out");
    rig.cache.copy_out(blob, &out).unwrap();
    assert_eq!(fs::read(out).unwrap(), [1; 10]);
}

#[test]
fn a_bad_entry_is_a_miss_and_goes() {
    let good = serde_json::to_string(&Rig::new().remember(1, URL)).unwrap();
    let edits = [
        String::new(),
        "[]".into(),
        good[..good.len() / 2].into(),
        good.replace("h.example/f", "h.example/other"),
        good.replace("\"size\":10", "\"size\":11"),
        good.replace("sha-256:", "sha-512:"),
        " ".repeat(200_000) + &good,
    ];
    for edited in edits {
        let rig = Rig::new();
        rig.remember(1, URL);
        fs::write(rig.entry_path(URL), &edited).unwrap();
        assert!(rig.cache.lookup(&url(URL)).unwrap().is_none(), "{edited:.80}");
        assert!(!rig.entry_path(URL).exists(), "{edited:.80}");
    }
}

#[test]
fn an_entry_without_its_blob_is_a_miss_and_goes() {
    let rig = Rig::new();
    let entry = rig.remember(1, URL);
    fs::remove_file(rig.cache.layout.blob(&entry.digest)).unwrap();
    assert!(rig.cache.list().unwrap().is_empty());
    assert!(rig.cache.lookup(&url(URL)).unwrap().is_none());
    assert!(!rig.entry_path(URL).exists());
}

#[test]
fn lists_what_is_there() {
    let rig = Rig::new();
    rig.remember(2, "https://h.example/b");
    rig.remember(1, "https://h.example/a");
    fs::write(rig.cache.layout.index().join("junk"), "x").unwrap();
    let urls: Vec<String> = rig.cache.list().unwrap().into_iter().map(|listed| listed.entry.url.into()).collect();
    assert_eq!(urls, ["https://h.example/a", "https://h.example/b"]);
    assert_eq!(rig.cache.bytes().unwrap(), 20);
}

#[test]
fn verify_drops_what_rotted() {
    let rig = Rig::new();
    let (rotten, sound) = (rig.remember(1, "https://h.example/a"), rig.remember(2, "https://h.example/b"));
    let blob = rig.cache.layout.blob(&rotten.digest);
    let modified = fs::metadata(&blob).unwrap().modified().unwrap();
    edit(&blob);
    // A disk that rots leaves the date alone, and the stamp fits.
    File::options().write(true).open(&blob).unwrap().set_modified(modified).unwrap();
    assert_eq!(rig.cache.verify().unwrap(), Verified { sound: 1, dropped: vec![rotten.digest] });
    let left: Vec<Entry> = rig.cache.list().unwrap().into_iter().map(|listed| listed.entry).collect();
    assert_eq!(left, [sound]);
    assert!(!rig.entry_path("https://h.example/a").exists());
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let rig = Rig::holding(29);
    let (old, recent) = (rig.remember(1, "https://h.example/1"), rig.remember(2, "https://h.example/2"));
    let hour = Duration::from_hours(1);
    rig.cache.layout.set_last_used(&recent.digest, SystemTime::now() - hour);
    rig.cache.layout.set_last_used(&old.digest, SystemTime::now() - 2 * hour);
    rig.cache.touch(&rig.cache.by_digest(&old.digest).unwrap().unwrap());
    let (_, newest) = rig.insert(3, 10);
    assert_eq!([&old.digest, &recent.digest, &newest].map(|digest| rig.has(digest)), [true, false, true]);
    assert_eq!(rig.cache.gc().unwrap(), Freed { left_bytes: 20, ..Freed::default() });
    assert!(!rig.entry_path("https://h.example/2").exists(), "its bytes are gone");
}

#[test]
fn a_file_that_fills_the_cache_stays() {
    let rig = Rig::holding(10);
    let ((_, first), (_, second)) = (rig.insert(1, 5), rig.insert(2, 10));
    assert_eq!((rig.has(&first), rig.has(&second)), (false, true));
}

#[test]
fn a_cache_that_was_made_smaller_shrinks_at_gc() {
    let rig = Rig::new();
    rig.insert(1, 10);
    let smaller = Cache::open(&rig.path("cache"), 9).unwrap();
    assert_eq!(smaller.gc().unwrap(), Freed { blobs: 1, bytes: 10, left_bytes: 0 });
}

#[test]
fn a_file_larger_than_the_cache_is_not_taken() {
    let rig = Rig::holding(9);
    let path = rig.path("f");
    fs::write(&path, [1; 10]).unwrap();
    assert_eq!(rig.cache.insert(&path, &digest_of(&[1; 10])).unwrap(), Insertion::TooLarge);
    assert_eq!(rig.cache.bytes().unwrap(), 0);
}

#[test]
fn clear_leaves_the_users_files() {
    let rig = Rig::new();
    let (path, _) = rig.insert(1, LARGE);
    let (empty, _) = rig.insert(2, 0);
    assert_eq!(rig.cache.clear().unwrap(), Freed { blobs: 2, bytes: LARGE as u64, left_bytes: 0 });
    assert_eq!((rig.cache.bytes().unwrap(), rig.cache.list().unwrap().len()), (0, 0));
    assert_eq!((fs::read(path).unwrap().len(), fs::read(empty).unwrap().len()), (LARGE, 0));
}

#[test]
fn gc_removes_what_a_killed_process_left() {
    let rig = Rig::new();
    let temp = rig.cache.layout.temp();
    let living = rig.cache.layout.temporary();
    for path in [temp.join("1000000000-1-0"), temp.join("junk"), living.clone()] {
        fs::write(path, "x").unwrap();
    }
    rig.cache.gc().unwrap();
    let left: Vec<PathBuf> = fs::read_dir(temp).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [living]);
}

#[test]
fn only_one_process_fetches_a_url() {
    let rig = Rig::new();
    let first = rig.cache.lock(&url(URL), wait(Duration::ZERO)).unwrap();
    assert!(first.is_some());
    assert!(rig.cache.lock(&url(URL), wait(Duration::ZERO)).unwrap().is_none());
    assert!(rig.cache.lock(&url("https://h.example/g"), wait(Duration::ZERO)).unwrap().is_some());
    let cancelled = LockWait { at_most: Duration::from_hours(1), cancelled: &|| true };
    assert!(rig.cache.lock(&url(URL), cancelled).unwrap().is_none());

    let (started, waiting) = mpsc::channel();
    let cache = rig.cache.clone();
    let second = thread::spawn(move || {
        let cancelled = move || {
            let _ = started.send(());
            false
        };
        let wait = LockWait { at_most: Duration::from_hours(1), cancelled: &cancelled };
        cache.lock(&url(URL), wait).unwrap().is_some()
    });
    waiting.recv().expect("the second has failed to lock once");
    drop(first);
    assert!(second.join().unwrap());
}

#[cfg(unix)]
#[test]
fn gc_keeps_a_lock_that_is_held() {
    let rig = Rig::new();
    let held = rig.cache.lock(&url(URL), wait(Duration::ZERO)).unwrap();
    let path = rig.cache.layout.lock(&url(URL));
    let age =
        |path: &Path| File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    age(&path);
    rig.cache.gc().unwrap();
    assert!(path.exists() && held.is_some());
    drop(held);
    rig.cache.gc().unwrap();
    assert!(!path.exists());
    assert!(rig.cache.lock(&url(URL), wait(Duration::ZERO)).unwrap().is_some());
}

#[test]
fn threads_may_insert_and_read_at_once() {
    let rig = Rig::new();
    let file = rig.path("shared");
    fs::write(&file, vec![9; LARGE]).unwrap();
    let digest = digest_of(&vec![9; LARGE]);
    thread::scope(|scope| {
        for number in 0..8 {
            let (rig, file, digest) = (&rig, &file, &digest);
            scope.spawn(move || {
                rig.cache.insert(file, digest).unwrap();
                let out = rig.path(&format!("out-{number}"));
                rig.cache.copy_out(rig.cache.by_digest(digest).unwrap().unwrap(), &out).unwrap();
                assert_eq!(fs::read(out).unwrap().len(), LARGE);
            });
        }
    });
    assert_eq!(rig.cache.bytes().unwrap(), LARGE as u64);
    assert_eq!(fs::read_dir(rig.cache.layout.temp()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn others_cannot_look_in() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let rig = Rig::new();
    let index = rig.cache.layout.index();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&index), 0o700);
    fs::set_permissions(&index, fs::Permissions::from_mode(0o755)).unwrap();
    let root = rig.path("cache");
    Cache::open(&root, 1).unwrap();
    assert_eq!(mode(&index), 0o700);
    fs::remove_dir(&index).unwrap();
    symlink(rig.folder.path(), &index).unwrap();
    assert!(matches!(Cache::open(&root, 1), Err(CacheError::NotAFolder(path)) if path == index));
}

#[test]
fn backup_programs_pass_it_by() {
    let rig = Rig::new();
    let tag = fs::read_to_string(rig.path("cache/CACHEDIR.TAG")).unwrap();
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55"));
}
