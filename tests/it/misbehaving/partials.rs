//! What is there already in part: by another link, by another program.

use super::answers::{bare, continues, digest_of, page};
use crate::existing::{URL, continued, killed_half_way};
use crate::rig::{Answer, Engine, File, MIB, Origin, Run, file};

/// Serves a file whatever the path and query.
fn anywhere(served: &File) -> Origin {
    let served = served.clone();
    Origin::start(move |request| served.answer(request))
}

fn from_url(engine: &Engine, server: &Origin, url: &str, more: &[&str]) -> Run {
    let resolve = server.resolve("files.example:80");
    engine.fetch(url, &[&["--no-rules", "--no-cache", "--resolve", &resolve], more].concat())
}

/// A signed link that was renewed: the same server says that it is the same file.
#[test]
fn a_renewed_link_continues() {
    for url in ["http://files.example/file.bin?sig=2", "http://files.example/v2/file.bin"] {
        let served = file(8, 1);
        let engine = killed_half_way(&served);
        let receipt = from_url(&engine, &anywhere(&served), url, &[]).exits(0).receipt();
        engine.assert_file("out", &served.bytes);
        assert!(receipt["resumed_bytes"].as_u64() >= Some(MIB as u64), "{url}: {receipt:#}");
    }
    // Another file: the user is told why what is there is of no use.
    let engine = killed_half_way(&file(8, 1));
    let run = from_url(&engine, &anywhere(&file(8, 2)), &format!("{URL}?sig=2"), &[]).exits(0);
    engine.assert_file("out", &file(8, 2).bytes);
    assert!(run.text().contains("began with another URL"), "{}", run.text());
    // An expired link that answers with a page.
    let engine = killed_half_way(&file(8, 1));
    from_url(&engine, &Origin::start(|_| page()), &format!("{URL}?sig=2"), &[]).fails(5);
    continues("an expired link", &engine, &file(8, 1), &[]);
}

/// Entity tags of another server prove nothing; a digest does.
#[test]
fn a_link_to_another_server_continues_under_a_digest_alone() {
    let served = file(8, 1);
    for (more, resumes) in [(vec!["--checksum".to_owned(), digest_of(&served)], true), (Vec::new(), false)] {
        let engine = killed_half_way(&served);
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let server = anywhere(&served);
        let run = engine.fetch(&server.file_url(), &[&["--no-rules", "--no-cache"], &more[..]].concat()).exits(0);
        engine.assert_file("out", &served.bytes);
        assert_eq!(run.receipt()["resumed_bytes"].as_u64() > Some(0), resumes, "{}", run.text());
        assert_eq!(run.text().contains("of another server"), !resumes, "{}", run.text());
    }
}

/// A file that another program began: continued under a digest, and never lost.
#[test]
fn a_part_of_another_program_is_continued() {
    let served = file(8, 1);
    let begun = served.bytes[..3 * MIB].to_vec();
    let digest = digest_of(&served);
    let resume = ["--if-exists", "resume"];
    let continue_it = |begun: &[u8], server: &File, more: &[&str]| {
        let engine = Engine::new();
        engine.write("out", begun);
        let run = continued(&engine, &Origin::file(server), more);
        (engine, run)
    };
    let (engine, run) = continue_it(&begun, &served, &["--if-exists", "resume", "--checksum", &digest]);
    assert_eq!(run.exits(0).receipt()["resumed_bytes"].as_u64(), Some(3 * MIB as u64));
    engine.assert_file("out", &served.bytes);
    assert_eq!(engine.listing(), ["out"]);
    // Its bytes are wrong: a digest finds them, and the right ones are fetched.
    let mut wrong = begun.clone();
    wrong[MIB] ^= 1;
    let (engine, run) = continue_it(&wrong, &served, &["--if-exists", "resume", "--checksum", &digest]);
    run.exits(0);
    engine.assert_file("out", &served.bytes);
    // Without a digest its bytes are compared, all of them; a file that is no
    // part of this one is somebody's own.
    let (engine, run) = continue_it(&begun, &served, &resume);
    run.exits(0);
    engine.assert_file("out", &served.bytes);
    let (engine, run) = continue_it(&wrong, &served, &resume);
    run.fails(7);
    engine.assert_file("out", &wrong);
    // Nothing says what it is a part of.
    let (engine, run) = continue_it(&begun, &bare(1), &resume);
    run.fails(7).says("--checksum");
    engine.assert_file("out", &begun);
    // The origin fails: nothing is lost.
    let engine = Engine::new();
    engine.write("out", &begun);
    let ill = Origin::start(|_| Answer::status(500));
    continued(&engine, &ill, &["--if-exists", "resume", "--checksum", &digest]).fails(5);
    engine.assert_file("out", &begun);
}

/// aria2 preallocates: with its control file, a length says nothing.
#[test]
fn a_control_file_of_aria2_means_holes() {
    let served = file(4, 1);
    let mut holes = served.bytes[..3 * MIB].to_vec();
    holes[MIB..2 * MIB].fill(0);
    let engine = Engine::new();
    engine.write("out", &holes);
    engine.write("out.aria2", "control");
    let more = ["--if-exists", "resume", "--checksum", &digest_of(&served)];
    let run = continued(&engine, &Origin::file(&served), &more).exits(0);
    engine.assert_file("out", &served.bytes);
    assert!(run.text().contains("out.aria2"), "{}", run.text());
    assert_eq!(run.receipt()["resumed_bytes"], 0);
}

#[test]
fn continue_in_a_list_continues() {
    let served = file(4, 1);
    let origin = Origin::file(&served);
    let list = |more: &str| format!("{}\n out=out\n checksum={}\n{more}", origin.file_url(), digest_of(&served));
    let engine = Engine::new();
    engine.write("out", &served.bytes[..MIB]);
    engine.write("list", list(" continue=true\n"));
    let receipt = engine.download(["--json", "--no-rules", "-i", "list"]).exits(0).receipt();
    engine.assert_file("out", &served.bytes);
    assert_eq!(receipt["resumed_bytes"].as_u64(), Some(MIB as u64));
}
