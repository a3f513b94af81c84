//! Mirrors that are wrong, dead, slow or lying, beside an honest origin.

use std::time::Duration;

use crate::rig::{
    Answer, Ending, Engine, File, MIB, MIB_PER_SECOND, Origin, Request, Run, bytes_by_host, data, file, sha256,
};

/// Downloads with one mirror that answers by `script`, and a paced honest origin.
fn beside(script: impl Fn(&Request, &File) -> Answer + Send + Sync + 'static, more: &[&str]) -> (Engine, Run, File) {
    let file = file(8, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND));
    let served = file.clone();
    let mirror = Origin::start(move |request| script(request, &served));
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &[&["--no-rules", "--mirror", &mirror.file_url()], more].concat());
    (engine, run, file)
}

#[track_caller]
fn the_origin_suffices(script: impl Fn(&Request, &File) -> Answer + Send + Sync + 'static) -> Run {
    let (engine, run, file) = beside(script, &[]);
    let run = run.exits(0);
    engine.assert_file("out", &file.bytes);
    run
}

#[test]
fn a_mirror_that_refuses_costs_nothing() {
    for status in [403, 404, 429, 500] {
        the_origin_suffices(move |_, _| Answer::status(status));
    }
}

#[test]
fn a_mirror_that_is_silent_or_stalls_costs_little() {
    the_origin_suffices(|_, _| Answer::silence());
    the_origin_suffices(|request, file| file.answer(request).cut(64 * 1024, Ending::Stall));
    the_origin_suffices(|request, file| file.answer(request).cut(64 * 1024, Ending::Reset));
}

#[test]
fn a_mirror_that_crawls_does_not_hold_the_end() {
    let run = the_origin_suffices(|request, file| file.answer(request).paced(MIB_PER_SECOND / 50));
    assert!(run.took.as_secs() < 30, "took {:?}", run.took);
}

#[test]
fn a_mirror_of_another_size_is_not_admitted() {
    let run = the_origin_suffices(|request, file| File::new(data::bytes(file.bytes.len() + 1, 1)).answer(request));
    assert_eq!(bytes_by_host(&run.receipt()).len(), 1);
}

/// aria2 and axel exit 0 with a wrong file here.
#[test]
fn a_mirror_with_other_bytes_of_the_same_size_never_wins() {
    for seed in [2, 3, 4] {
        the_origin_suffices(move |request, _| file(8, seed).answer(request));
    }
}

/// The whole file is right but one byte that no sample is likely to hit: the
/// checksum finds it, and only the guilty source is dropped.
#[test]
fn a_single_wrong_byte_is_traced_to_its_source() {
    let digest = format!("sha-256:{}", sha256(&file(8, 1).bytes));
    let (engine, run, file) = beside(
        |request, file| {
            let mut bytes = file.bytes.to_vec();
            // One in every 256 KiB, so that whatever it serves is wrong.
            for at in (100_000..bytes.len()).step_by(256 * 1024) {
                bytes[at] ^= 1;
            }
            File::new(bytes.into()).etag("\"v1\"").answer(request)
        },
        &["--checksum", &digest],
    );
    let receipt = run.exits(0).receipt();
    engine.assert_file("out", &file.bytes);
    assert_eq!(receipt["verified"]["by"], "checksum");
}

/// One block of eight megabytes is wrong. A digest finds it; without one the
/// receipt must not claim more than samples can show.
#[test]
fn a_single_wrong_block_is_found_or_admitted_to_be_possible() {
    let lie = |request: &Request, file: &File| {
        let mut bytes = file.bytes.to_vec();
        bytes[5 * MIB..5 * MIB + 4096].fill(0);
        File::new(bytes.into()).etag("\"v1\"").answer(request)
    };
    let digest = format!("sha-256:{}", sha256(&file(8, 1).bytes));
    let (engine, run, file) = beside(lie, &["--checksum", &digest]);
    assert_eq!(run.exits(0).receipt()["verified"]["by"], "checksum");
    engine.assert_file("out", &file.bytes);

    let (engine, run, file) = beside(lie, &[]);
    let receipt = run.exits(0).receipt();
    if engine.read("out") != *file.bytes {
        assert_eq!(receipt["verified"]["by"], "unverified", "{receipt:#}");
    }
}

/// RFC 6249: the origin names its own mirrors. They are strangers all the same.
#[test]
fn copies_that_the_origin_links_to_are_used_where_they_may_be() {
    let file = file(8, 1);
    let checksum = format!("sha-256:{}", sha256(&file.bytes));
    let private = ["--no-rules", "--allow-private-mirrors"];
    for (more, is_used) in [
        ([&private[..], &["--checksum", &checksum]].concat(), true),
        ([&private[..], &["--accept-unverified"]].concat(), true),
        (private.to_vec(), false),
        (vec!["--no-rules", "--checksum", &checksum], false),
    ] {
        let served = file.clone();
        let mirror = Origin::start(move |request| served.answer(request));
        let (served, link) = (file.clone(), format!("<{}>; rel=duplicate; pri=1", mirror.file_url()));
        let origin = Origin::start(move |request| {
            served.answer(request).paced(4 * MIB_PER_SECOND).header("Link", link.as_str())
        });
        let engine = Engine::new();
        let receipt = engine.fetch(&origin.file_url(), &more).exits(0).receipt();
        engine.assert_file("out", &file.bytes);
        assert_eq!(!mirror.requests().is_empty(), is_used, "{receipt:#}");
        assert_eq!(bytes_by_host(&receipt).len(), if is_used { 2 } else { 1 }, "{receipt:#}");
    }
}

/// A captive portal answers everything with 200 and a page.
#[test]
fn a_mirror_that_answers_with_a_page_is_not_admitted() {
    the_origin_suffices(|_, _| Answer::text("<html>log in</html>").header("Content-Type", "text/html"));
}

/// An origin that is merely slow to answer: by then a mirror has spoken.
fn before_the_origin(mirror: Origin, served: File, more: &[&str]) -> (Engine, Run, Origin) {
    let origin = Origin::start(move |request| {
        let delay = if request.nth == 0 { Duration::from_secs(2) } else { Duration::ZERO };
        served.at(request, "/file.bin").late(delay)
    });
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &[&["--no-rules", "--mirror", &mirror.file_url()], more].concat());
    (engine, run, mirror)
}

/// The origin is up: a page must not win because it came sooner.
#[test]
fn a_page_that_comes_before_the_origins_answer_is_not_the_file() {
    for served in [file(2, 1), file(2, 1).without_ranges()] {
        let checksum = format!("sha-256:{}", sha256(&served.bytes));
        for more in [&[][..], &["--checksum", &checksum]] {
            let page = Origin::start(|_| Answer::text("<html>log in</html>"));
            let (engine, run, page) = before_the_origin(page, served.clone(), more);
            run.exits(0);
            engine.assert_file("out", &served.bytes);
            assert!(!page.requests().is_empty(), "the mirror was not asked");
        }
    }
}

#[test]
fn another_file_that_comes_before_the_origins_answer_is_not_the_file() {
    for served in [file(2, 1), file(2, 1).without_ranges()] {
        for other in [file(1, 2), file(2, 2)] {
            let (engine, run, _mirror) = before_the_origin(Origin::file(&other), served.clone(), &[]);
            run.exits(0);
            engine.assert_file("out", &served.bytes);
        }
    }
}

/// Entity tags mean nothing across hosts: an honest mirror's work is kept.
#[test]
fn a_copy_that_comes_before_the_origins_answer_is_compared_and_kept() {
    for served in [file(2, 1), file(2, 1).without_ranges()] {
        let copy = Origin::file(&file(2, 1).etag("\"of the mirror\""));
        let (engine, run, _copy) = before_the_origin(copy, served.clone(), &[]);
        let receipt = run.exits(0).receipt();
        engine.assert_file("out", &served.bytes);
        let source = &receipt["sources"][1];
        assert_eq!(
            (source["role"].as_str(), source["state"].as_str()),
            (Some("mirror"), Some("active")),
            "{receipt:#}"
        );
        // How much that is depends on when the origin's next connection is
        // there, which takes over what a slow machine has not read by then.
        assert!(source["bytes"].as_u64() > Some(0), "{receipt:#}");
        assert!(receipt["verified"]["sampled_bytes"].as_u64() > Some(0), "{receipt:#}");
    }
}

/// Where the origin is gone for good, what the user named may stand in for it.
#[test]
fn a_mirror_without_ranges_stands_in_for_a_dead_origin() {
    let file = file(1, 1).without_ranges();
    let mirror = Origin::file(&file);
    let engine = Engine::new();
    let run = engine.fetch("http://127.0.0.1:9/file.bin", &["--no-rules", "--mirror", &mirror.file_url()]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!(run.receipt()["verified"]["by"], "unverified");
}

/// The origin still answers, but what it sends would take days.
#[test]
fn an_origin_that_crawls_does_not_hold_the_end() {
    let file = file(2, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(512));
    let mirror = Origin::file(&file);
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--mirror", &mirror.file_url()]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert!(run.took.as_secs() < 60, "took {:?}", run.took);
}

/// The samples that a mirror passes at first say nothing of what comes later.
#[test]
fn a_mirror_that_turns_bad_half_way_is_found_or_admitted_to_be_possible() {
    let turning = |request: &Request, file: &File| {
        let mut bytes = file.bytes.to_vec();
        bytes[4 * MIB..].iter_mut().for_each(|byte| *byte ^= 0xFF);
        File::new(bytes.into()).etag("\"v1\"").answer(request)
    };
    let digest = format!("sha-256:{}", sha256(&file(8, 1).bytes));
    let (engine, run, file) = beside(turning, &["--checksum", &digest]);
    assert_eq!(run.exits(0).receipt()["verified"]["by"], "checksum");
    engine.assert_file("out", &file.bytes);

    let (engine, run, file) = beside(turning, &[]);
    let receipt = run.exits(0).receipt();
    if engine.read("out") != *file.bytes {
        assert_eq!(receipt["verified"]["by"], "unverified", "{receipt:#}");
    }
}

#[test]
fn a_mirror_carries_on_when_the_origin_dies() {
    let file = file(8, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| {
        let answer = served.at(request, "/file.bin");
        if request.nth < 4 { answer.cut(MIB, Ending::Close) } else { Answer::status(503) }
    });
    let mirror = Origin::file(&file);
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--no-rules", "--mirror", &mirror.file_url()]).exits(0);
    engine.assert_file("out", &file.bytes);
}

#[test]
fn a_checksum_lets_a_mirror_stand_in_for_a_dead_origin() {
    let file = file(4, 1);
    let mirror = Origin::file(&file);
    let digest = format!("sha-256:{}", sha256(&file.bytes));
    let engine = Engine::new();
    let more = ["--no-rules", "--checksum", &digest, "--mirror", &mirror.file_url()];
    engine.fetch("http://127.0.0.1:9/file.bin", &more).exits(0);
    engine.assert_file("out", &file.bytes);
}

/// The last bytes of a crawling origin are fetched from the mirror as well, and
/// the mirror lies about the very first of them: no sample is needed to see it.
#[test]
fn a_lie_about_bytes_that_two_sources_gave_is_seen() {
    const CRAWL: u32 = 40 * 1024;
    let file = File::new(data::bytes(192 * 1024, 1)).etag("\"v1\"");
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(CRAWL));
    let served = file.clone();
    let mirror = Origin::start(move |request| {
        let start = request.start();
        // Honest in the half that it is trusted with first.
        if start >= served.bytes.len() / 2 {
            return served.answer(request);
        }
        let mut bytes = served.bytes.to_vec();
        bytes[start..start + 512].fill(0);
        // Slow after its first piece, so that the origin gets to give the same bytes.
        File::new(bytes.into()).etag("\"v1\"").answer(request).paced(CRAWL / 2)
    });
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--no-cache", "--mirror", &mirror.file_url()]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert!(mirror.requests().len() > 1, "the mirror was never asked for the origin's bytes: {}", run.stderr);
}

/// Of two mirrors one has a single wrong byte: it is named, the other one is
/// not, and only the wrong byte is fetched again.
#[test]
fn the_guilty_mirror_is_named_and_the_other_one_spared() {
    let file = file(8, 1);
    let serve = |file: &File| {
        let served = file.clone();
        Origin::start(move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND))
    };
    let (origin, honest) = (serve(&file), serve(&file));
    let mut wrong = file.bytes.to_vec();
    for at in (0..wrong.len()).step_by(256 * 1024) {
        wrong[at + 100_000] ^= 1;
    }
    let guilty = serve(&File::new(wrong.into()).etag("\"v1\""));
    let engine = Engine::new();
    let digest = format!("sha-256:{}", sha256(&file.bytes));
    let (honest_url, guilty_url) = (honest.file_url(), guilty.file_url());
    let run = engine.fetch(
        &origin.file_url(),
        &["--no-rules", "--checksum", &digest, "--mirror", &honest_url, "--mirror", &guilty_url],
    );
    let receipt = run.exits(0).receipt();
    engine.assert_file("out", &file.bytes);
    let state = |url: &str| {
        let sources = receipt["sources"].as_array().expect("sources");
        sources.iter().find(|source| source["url"] == url).expect("every source")["state"].clone()
    };
    assert_eq!((state(&guilty_url), state(&honest_url)), ("refused".into(), "active".into()), "{receipt:#}");
}
