//! Every way to touch a log is found; every way to crash is survived.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

struct Kept {
    _folder: TempDir,
    path: PathBuf,
}

impl Kept {
    /// A log with this many lines.
    fn with(lines: u64) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let kept = Self { path: folder.path().join("audit.jsonl"), _folder: folder };
        let log = AuditLog::open(&kept.path, None).expect("a new log");
        for number in 0..lines {
            append(&log, &format!("effect-{number}"));
        }
        kept
    }

    fn content(&self) -> Vec<u8> {
        fs::read(&self.path).expect("a log")
    }

    fn put(&self, content: impl AsRef<[u8]>) {
        fs::write(&self.path, content).expect("writable");
    }

    fn fault(&self) -> Fault {
        match verify(&self.path, None, &[]) {
            Err(AuditError::Tampered { source, .. }) => source,
            other => panic!("not found: {other:?}"),
        }
    }
}

fn append(log: &AuditLog, effect: &str) {
    let digests = ["sha256:00".to_owned()];
    let entry = Entry { release: "tool 1.0", channel: "scoop", effect, digests: &digests, ..Entry::default() };
    log.append(What::Intent, &entry).expect("writable");
}

#[test]
fn every_changed_byte_is_found_and_its_line_named() {
    let kept = Kept::with(4);
    let content = kept.content();
    let mut line = 1;
    for at in 0..content.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut changed = content.clone();
            changed[at] ^= flip;
            kept.put(&changed);
            let found = kept.fault().line;
            let is_end = content[at] == b'\n';
            assert!(found == line || (is_end && found == line + 1), "byte {at} ^ {flip} of line {line}: {found}");
        }
        line += usize::from(content[at] == b'\n');
    }
    kept.put(&content);
    assert_eq!(verify(&kept.path, None, &[]).expect("untouched").records, 4);
}

#[test]
fn every_line_removed_swapped_or_doubled_is_found() {
    let kept = Kept::with(5);
    let content = kept.content();
    let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
    for gone in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(gone);
        kept.put(rest.concat());
        assert_eq!(kept.fault().line, gone + 1, "line {} removed", gone + 1);
        let mut doubled = lines.clone();
        doubled.insert(gone, lines[gone]);
        kept.put(doubled.concat());
        assert_eq!(kept.fault().line, gone + 2, "line {} doubled", gone + 1);
    }
    for first in 0..lines.len() {
        for second in first + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(first, second);
            kept.put(swapped.concat());
            assert_eq!(kept.fault().line, first + 1, "{first} and {second} swapped");
        }
    }
}

#[test]
fn every_cut_is_found_against_the_head() {
    let kept = Kept::with(3);
    let content = kept.content();
    // The end of the last line alone says nothing.
    for length in 0..content.len() - 1 {
        kept.put(&content[..length]);
        let lines = content[..length].split(|byte| *byte == b'\n').count() - 1;
        // A line that lacks nothing but its end is whole.
        let whole = lines + usize::from(content[length] == b'\n');
        let fault = kept.fault();
        assert_eq!(fault.line, whole + 1, "cut at {length}");
    }
    // Without the head beside it, a state file's still tells.
    let head = verify_head(&kept, &content);
    kept.put(content.split_inclusive(|byte| *byte == b'\n').next().expect("a line"));
    fs::remove_file(head_path(&kept.path)).expect("a head");
    let found = verify(&kept.path, None, &[head]);
    assert!(matches!(found, Err(AuditError::Tampered { .. })), "{found:?}");
}

fn verify_head(kept: &Kept, content: &[u8]) -> Head {
    kept.put(content);
    verify(&kept.path, None, &[]).expect("untouched").head.expect("a last line")
}

#[test]
fn every_crash_in_a_line_is_continued_and_told() {
    let whole = Kept::with(3);
    let content = whole.content();
    let start = content[..content.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("three lines") + 1;
    for length in start + 1..=content.len() {
        let kept = Kept::with(2);
        // The same two lines, whatever the clock said of them.
        let mut log = kept.content();
        log.extend_from_slice(&content[start..length]);
        let is_whole = length >= content.len() - 1;
        if is_whole {
            // Only the line that was meant for this log can belong to it.
            continue;
        }
        kept.put(&log);
        assert_eq!(verify(&kept.path, None, &[]).expect("a crash is no fault").torn_bytes, length - start);
        // Killed again in the middle of owning up to it.
        let opened = AuditLog::open(&kept.path, None).expect("continued");
        append(&opened, "after");
        drop(opened);
        let verified = verify(&kept.path, None, &[]).expect("honestly continued");
        assert_eq!((verified.records, verified.torn_bytes), (4, 0), "cut at {length}");
        // The torn bytes stay, and nobody can change them any more.
        let mut changed = kept.content();
        assert!(changed.starts_with(&log));
        changed[log.len() - 1] ^= 1;
        kept.put(changed);
        assert_eq!(kept.fault().line, 3);
    }
}

#[test]
fn a_crash_while_recovering_is_survived() {
    let kept = Kept::with(2);
    let mut torn = kept.content();
    torn.extend_from_slice(b"{\"v\":1,\"seq");
    kept.put(&torn);
    drop(AuditLog::open(&kept.path, None).expect("continued"));
    let recovered = kept.content();
    let head = fs::read(head_path(&kept.path)).expect("a head");
    for length in torn.len()..recovered.len() {
        let kept = Kept { _folder: tempfile::tempdir().expect("scratch"), path: kept.path.clone() };
        kept.put(&recovered[..length]);
        fs::write(head_path(&kept.path), Head { sequence: 2, sha256: second(&torn) }.text(None)).expect("writable");
        let log = AuditLog::open(&kept.path, None).unwrap_or_else(|error| panic!("cut at {length}: {error:?}"));
        append(&log, "after");
        drop(log);
        verify(&kept.path, None, &[]).unwrap_or_else(|error| panic!("cut at {length}: {error:?}"));
    }
    fs::write(head_path(&kept.path), head).expect("writable");
}

fn second(log: &[u8]) -> String {
    sha256(log.split(|byte| *byte == b'\n').nth(1).expect("two lines")).hex()
}

#[test]
fn a_line_that_the_head_missed_is_told_once_and_no_second_one() {
    let kept = Kept::with(2);
    let before = fs::read(head_path(&kept.path)).expect("a head");
    append(&AuditLog::open(&kept.path, None).expect("a log"), "third");
    fs::write(head_path(&kept.path), &before).expect("writable");
    assert_eq!(verify(&kept.path, None, &[]).expect("a crash is no fault").unconfirmed, Some(3));
    append(&AuditLog::open(&kept.path, None).expect("continued"), "fifth");
    let verified = verify(&kept.path, None, &[]).expect("continued");
    assert_eq!((verified.records, verified.unconfirmed), (5, None));
    fs::write(head_path(&kept.path), &before).expect("writable");
    assert_eq!(kept.fault().line, 3, "more lines than a crash leaves");
    fs::remove_file(head_path(&kept.path)).expect("a head");
    assert!(matches!(AuditLog::open(&kept.path, None), Err(AuditError::NoHead { .. })));
}

#[test]
fn a_touched_log_takes_no_lines() {
    let kept = Kept::with(2);
    let mut content = kept.content();
    content[20] ^= 1;
    kept.put(&content);
    assert!(matches!(AuditLog::open(&kept.path, None), Err(AuditError::Tampered { .. })));
    assert_eq!(kept.content(), content);
}

#[test]
fn with_a_key_a_forged_log_is_found() {
    let kept = Kept::with(0);
    let key = || Some(Secret::new("the key"));
    append(&AuditLog::open(&kept.path, key()).expect("a new log"), "true");
    assert!(verify(&kept.path, key().as_ref(), &[]).expect("untouched").authenticated);
    // Whoever lacks the key can write another log, and its head too.
    for file in [kept.path.clone(), head_path(&kept.path)] {
        fs::remove_file(file).expect("written");
    }
    append(&AuditLog::open(&kept.path, None).expect("a new log"), "false");
    let found = verify(&kept.path, key().as_ref(), &[]);
    assert!(matches!(found, Err(AuditError::Head { source: HeadError::Unkeyed, .. })), "{found:?}");
}
