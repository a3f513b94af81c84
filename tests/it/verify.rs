//! Where the truth about the bytes comes from, in order, and what happens
//! when they are not it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256, Sha512};

use crate::rig::{Answer, Engine, File, Origin, file, sha256};

/// Serves `file` and, for any other path, what `others` has.
fn with_companion(file: &File, path: &'static str, text: String) -> Origin {
    let served = file.clone();
    Origin::start(move |request| match request.path.as_str() {
        asked if asked == path => Answer::text(text.clone()),
        _ => served.at(request, "/file.bin"),
    })
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[test]
fn a_right_checksum_of_any_algorithm_is_accepted() {
    let file = file(2, 1);
    let origin = Origin::file(&file);
    let sha512 = Sha512::digest(&*file.bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    for checksum in [format!("sha-256:{}", sha256(&file.bytes)), format!("sha512={sha512}")] {
        let engine = Engine::new();
        let receipt = engine.fetch(&origin.file_url(), &["--checksum", &checksum]).exits(0).receipt();
        assert_eq!(receipt["verified"]["by"], "checksum");
        engine.assert_file("out", &file.bytes);
    }
}

#[test]
fn a_wrong_checksum_leaves_nothing_under_the_final_name() {
    let origin = Origin::file(&file(2, 1));
    let engine = Engine::new();
    let wrong = format!("sha-256:{}", sha256(b"something else"));
    let run = engine.download(["-o", "out", "--checksum", &wrong, &origin.file_url()]).fails(6);
    engine.assert_absent("out");
    assert!(run.stderr.contains(&sha256(b"something else")), "the wanted digest is not named: {}", run.stderr);
}

#[test]
fn a_checksum_file_may_be_local_or_remote() {
    let file = file(2, 1);
    let list = format!("{}  other.bin\n{} *file.bin\n", sha256(b"other"), sha256(&file.bytes));
    let origin = with_companion(&file, "/lists/sums", list.clone());
    let engine = Engine::new();
    engine.write("SHA256SUMS", &list);
    for place in ["SHA256SUMS".to_owned(), origin.url("/lists/sums")] {
        let more = ["--no-cache", "--if-exists", "overwrite", "--checksum-file", &place];
        let receipt = engine.fetch(&origin.file_url(), &more).exits(0).receipt();
        assert_eq!(receipt["verified"]["by"], "checksum-file", "{place}");
    }
}

#[test]
fn a_checksum_file_without_the_name_is_an_error() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    engine.write("sums", format!("{}  other.bin\n", sha256(&file.bytes)));
    engine.download(["--checksum-file", "sums", &origin.file_url()]).fails(6).says("file.bin");
    engine.assert_absent("file.bin");
}

#[test]
fn a_sidecar_of_the_origin_is_found() {
    let file = file(2, 1);
    for (path, text) in [
        ("/file.bin.sha256", format!("{}\n", sha256(&file.bytes))),
        ("/SHA256SUMS", format!("{}  file.bin\n", sha256(&file.bytes))),
    ] {
        let origin = with_companion(&file, path, text);
        let receipt = Engine::new().fetch(&origin.file_url(), &["--require-checksum"]).exits(0).receipt();
        assert_eq!(receipt["verified"]["by"], "sidecar", "{path}");
    }
}

#[test]
fn a_sidecar_that_disagrees_fails_the_download() {
    let file = file(2, 1);
    let origin = with_companion(&file, "/file.bin.sha256", format!("{}  file.bin\n", sha256(b"else")));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--require-checksum"]).exits(6);
    engine.assert_absent("out");
}

/// A soft 404 with an HTML page is no checksum.
#[test]
fn a_sidecar_that_is_a_web_page_is_ignored() {
    let file = file(1, 1);
    let origin = with_companion(&file, "/file.bin.sha256", "<html>not found</html>".to_owned());
    let receipt = Engine::new().fetch(&origin.file_url(), &[]).exits(0).receipt();
    assert_ne!(receipt["verified"]["by"], "sidecar");
}

#[test]
fn header_digests_are_checked() {
    let file = file(2, 1);
    let right = base64(&Sha256::digest(&*file.bytes));
    let wrong = base64(&Sha256::digest(b"else"));
    let write = |value: &str| format!("md5=:AAAA:, sha-256=:{value}:");
    for name in ["Repr-Digest", "Content-Digest"] {
        let serve = |value: String| {
            let served = file.clone();
            // `Content-Digest` speaks of this answer's bytes: the file's only where the answer is the file.
            let served = served.without_ranges();
            Origin::start(move |request| served.at(request, "/file.bin").header(name, value.clone()))
        };
        let engine = Engine::new();
        let receipt = engine.fetch(&serve(write(&right)).file_url(), &[]).exits(0).receipt();
        assert_eq!(receipt["verified"]["by"], "repr-digest", "{name}");
        let engine = Engine::new();
        engine.fetch(&serve(write(&wrong)).file_url(), &[]).exits(6);
        engine.assert_absent("out");
    }
}

#[test]
fn require_checksum_needs_one() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--require-checksum"]).exits(6);
    engine.assert_absent("out");
}

#[test]
fn a_lone_origin_is_its_own_truth_and_says_so() {
    let origin = Origin::file(&file(1, 1));
    let receipt = Engine::new().fetch(&origin.file_url(), &[]).exits(0).receipt();
    assert_eq!(receipt["verified"]["by"], "origin", "{receipt:#}");
}

/// What an earlier download was content with is not enough for this one.
#[test]
fn the_cache_does_not_answer_for_a_digest() {
    let file = file(1, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").header("Cache-Control", "max-age=3600"));
    let engine = Engine::new();
    engine.download(["-o", "first", &origin.file_url()]).exits(0);
    engine.fetch(&origin.file_url(), &["--require-checksum"]).fails(6);
    engine.write("wrong", format!("{}  file.bin\n", sha256(b"else")));
    engine.fetch(&origin.file_url(), &["--checksum-file", "wrong"]).fails(6);
    engine.fetch(&origin.file_url(), &["--checksum", &format!("sha-256:{}", sha256(b"else"))]).fails(6);
    engine.assert_absent("out");
    engine.write("right", format!("{}  file.bin\n", sha256(&file.bytes)));
    engine.fetch(&origin.file_url(), &["--checksum-file", "right", "--require-checksum"]).exits(0);
    engine.assert_file("out", &file.bytes);
}
