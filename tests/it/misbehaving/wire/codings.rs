//! Content and transfer codings, though identity was asked for.
//!
//! With the same servers curl and aria2 save a stored `.tar.gz` as it is, and
//! so does wget; a text that is coded on the fly curl and wget save coded
//! (decoded with `--compressed` and `--compression`), aria2 likewise.

use super::{brotli, deflate, gzip, text, told, zlib, zstd};
use crate::rig::{Answer, Ending, Engine, File, MIB, Origin, data, file, sha256};

/// Serves `body` in one stream, labelled with `coding`, as servers do that code
/// on the fly.
fn on_the_fly(coding: &str, body: Vec<u8>) -> Origin {
    let coding = coding.to_owned();
    Origin::start(move |_| Answer::whole(200, body.clone().into()).chunked().header("Content-Encoding", coding.clone()))
}

#[test]
fn a_stored_archive_with_a_label_is_saved_as_it_is() {
    let served = file(3, 1);
    let bytes = served.bytes.clone();
    let origin = Origin::start(move |request| served.answer(request).header("Content-Encoding", "x-gzip"));
    for more in [&["-x", "4"][..], &["-x", "4", "--decode"]] {
        let engine = Engine::new();
        let run = engine.fetch(&origin.url("/a.tar.gz"), &[&["--no-rules"], more].concat()).exits(0);
        engine.assert_file("out", &bytes);
        assert!(told(&run).contains("labels the file with `Content-Encoding: gzip`"), "{}", told(&run));
        let receipt = run.receipt();
        assert_eq!((&receipt["content_coding"], &receipt["decoded"]), (&"gzip".into(), &serde_json::Value::Null));
    }
    assert!(origin.requests().iter().any(|request| request.start() > 0), "one connection did it all");
}

#[test]
fn a_text_that_is_coded_on_the_fly_is_saved_coded_or_decoded_when_asked() {
    let text = text(60_000);
    for (coding, body) in [
        ("gzip", gzip(&text)),
        ("X-GZIP", [gzip(&text[..999]), gzip(&text[999..])].concat()),
        ("deflate", zlib(&text)),
        ("deflate", deflate(&text)),
        ("br", brotli(&text)),
        ("zstd", zstd(&text)),
        ("aws-chunked, gzip", gzip(&text)),
        ("deflate, gzip", gzip(&zlib(&text))),
    ] {
        let origin = on_the_fly(coding, body.clone());
        let engine = Engine::new();
        let run = engine.fetch(&origin.url("/a.txt"), &["--no-rules"]).exits(0);
        engine.assert_file("out", &body);
        assert!(told(&run).contains("--decode"), "{coding}: {}", told(&run));
        let checksum = format!("sha-256:{}", sha256(&text));
        for more in [&[][..], &["--checksum", &checksum]] {
            let engine = Engine::new();
            let run = engine.fetch(&origin.url("/a.txt"), &[&["--no-rules", "--decode"], more].concat()).exits(0);
            engine.assert_file("out", &text);
            let receipt = run.receipt();
            assert_eq!((&receipt["decoded"], &receipt["size"]), (&true.into(), &text.len().into()), "{coding}");
            assert_eq!(receipt["sha256"], sha256(&text), "{coding}");
        }
    }
}

/// Neither the decoded nor the coded file may answer a later download by its URL.
#[test]
fn a_coded_answer_is_not_cached() {
    let text = text(9_000);
    let coded = gzip(&text);
    let body = coded.clone();
    let origin = Origin::start(move |_| {
        Answer::whole(200, body.clone().into())
            .header("Content-Encoding", "gzip")
            .header("Cache-Control", "max-age=3600")
            .header("ETag", "\"v\"")
    });
    let engine = Engine::new();
    for (more, bytes) in [(&["--decode"][..], &text), (&[], &coded), (&["--decode"], &text)] {
        let run = engine.fetch(&origin.url("/a.txt"), &[&["--no-rules", "--if-exists", "overwrite"], more].concat());
        assert_eq!(run.exits(0).receipt()["from_cache"], false);
        engine.assert_file("out", bytes);
    }
}

#[test]
fn a_coding_that_changes_nothing_is_none() {
    let served = file(1, 1);
    for coding in ["", "identity", "aws-chunked", "Identity,aws-chunked"] {
        let honest = served.clone();
        let origin = Origin::start(move |request| honest.answer(request).header("Content-Encoding", coding));
        let engine = Engine::new();
        let run = engine.fetch(&origin.file_url(), &["--no-rules", "--decode"]).exits(0);
        engine.assert_file("out", &served.bytes);
        assert!(run.receipt()["content_coding"].is_null() && !told(&run).contains("coding"), "{}", told(&run));
    }
}

/// Servers write anything there: `UTF-8`, `binary`, `none`. curl saves it, and
/// fails with --compressed.
#[test]
fn an_unknown_coding_is_saved_as_it_is_and_not_decoded() {
    let served = file(1, 1);
    let honest = served.clone();
    let origin = Origin::start(move |request| honest.answer(request).header("Content-Encoding", "UTF-8"));
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules"]).exits(0);
    engine.assert_file("out", &served.bytes);
    assert!(told(&run).contains("`utf-8`"), "{}", told(&run));
    let engine = Engine::new();
    engine
        .fetch(&origin.file_url(), &["--no-rules", "--decode"])
        .fails(5)
        .says("a coding that is not known here: utf-8");
    engine.assert_absent("out");
}

/// A part of a coded body decodes to nothing: the whole of it is asked for.
#[test]
fn parts_of_a_coded_body_are_not_decoded() {
    let text = text(3 * MIB);
    let coded = File::new(gzip(&text).into()).etag("\"v\"");
    let origin = Origin::start(move |request| coded.answer(request).header("Content-Encoding", "gzip"));
    let engine = Engine::new();
    engine.fetch(&origin.url("/a.txt"), &["--no-rules", "--decode", "-x", "4"]).exits(0);
    engine.assert_file("out", &text);
    assert!(
        origin.requests().iter().skip(1).all(|request| request.header("Range").is_none()),
        "{:?}",
        origin.requests()
    );
}

#[test]
fn a_coded_body_that_is_cut_or_damaged_is_no_file() {
    let text = text(60_000);
    let whole = gzip(&text);
    let mut damaged = whole.clone();
    damaged[5000] ^= 0x55;
    let cut = whole[..whole.len() - 9].to_vec();
    for (body, codes) in [(damaged, [5, 4]), (cut, [4, 4]), (b"<html>not gzip at all</html>".to_vec(), [5, 5])] {
        let origin = on_the_fly("gzip", body);
        let engine = Engine::new();
        let run = engine.fetch(&origin.url("/a.txt"), &["--no-rules", "--decode"]);
        assert!(run.code.is_some_and(|code| codes.contains(&code)), "{run:?}");
        engine.assert_absent("out");
    }
    // What breaks off is asked for again, from the start.
    let first = whole[..whole.len() / 2].to_vec();
    let origin = Origin::start(move |request| {
        let body = if request.nth == 0 { first.clone() } else { whole.clone() };
        Answer::whole(200, body.into()).until_close().header("Content-Encoding", "gzip")
    });
    let engine = Engine::new();
    engine.fetch(&origin.url("/a.txt"), &["--no-rules", "--decode"]).exits(0);
    engine.assert_file("out", &text);
}

/// A few kilobytes that decode to a gigabyte.
#[test]
fn a_bomb_is_refused() {
    let bomb = gzip(&gzip(&vec![0; 256 * MIB]));
    let origin = on_the_fly("gzip, gzip", bomb);
    let engine = Engine::new();
    engine.fetch(&origin.url("/a.txt"), &["--no-rules", "--decode", "--no-cache"]).fails(5).says("expands more than");
    engine.assert_absent("out");
}

/// A transfer coding is the server's way to send the file, not a part of it:
/// curl undoes it unasked, and so does the engine.
#[test]
fn a_transfer_coding_is_undone() {
    let text = text(60_000);
    let body = gzip(&text);
    for (coding, is_chunked) in [("gzip, chunked", true), ("gzip", false)] {
        let mut answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n").into_bytes();
        if is_chunked {
            answer.extend(format!("{:x}\r\n", body.len()).into_bytes());
            answer.extend_from_slice(&body);
            answer.extend_from_slice(b"\r\n0\r\n\r\n");
        } else {
            answer.extend_from_slice(&body);
        }
        let origin = Origin::start(move |_| Answer::verbatim(answer.clone()));
        let engine = Engine::new();
        engine.fetch(&origin.file_url(), &["--no-rules"]).exits(0);
        engine.assert_file("out", &text);
    }
}

/// A server that codes what is left when a download continues, under the
/// validator of the file itself.
#[test]
fn parts_in_different_codings_are_not_mixed() {
    let served = file(2, 1);
    let bytes = served.bytes.clone();
    let other = File::new(data::bytes(2 * MIB, 9)).etag("\"v1\"");
    let origin = Origin::start(move |request| match request.nth {
        0 => served.answer(request).cut(MIB, Ending::Close),
        1 | 2 => other.answer(request).header("Content-Encoding", "gzip"),
        _ => served.answer(request),
    });
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "-x", "1"]);
    match run.code {
        Some(0) => engine.assert_file("out", &bytes),
        Some(4..=6) => engine.assert_absent("out"),
        _ => panic!("{run:?}"),
    }
}

/// What the engine reads itself it decodes: a list of digests is text.
#[test]
fn a_checksum_list_may_be_coded() {
    let served = file(1, 1);
    let list = gzip(format!("{}  file.bin\n", sha256(&served.bytes)).as_bytes());
    let honest = served.clone();
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/SHA256SUMS" => Answer::whole(200, list.clone().into()).header("Content-Encoding", "gzip"),
        _ => honest.answer(request),
    });
    let engine = Engine::new();
    let list = origin.url("/SHA256SUMS");
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--checksum-file", &list]).exits(0);
    assert_eq!(run.receipt()["verified"]["by"], "checksum-file");
}
