//! The re-hash gate, and artifacts that are at their URL alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{dry, event, project, release, with_lists};
use crate::rig::{Answer, Engine, Origin, sha256};

const OURS: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// A project whose `tool.zip` is at a URL of this server.
fn at(origin: &Origin) -> Engine {
    let engine = project(&release("tool", &origin.url("/tool.zip")));
    engine.write("tool.zip", OURS);
    engine
}

fn serve(bytes: &'static [u8]) -> Origin {
    Origin::start(move |_| Answer::whole(200, bytes.to_vec().into()))
}

#[test]
fn what_the_public_gets_is_what_was_built() {
    let origin = serve(OURS);
    at(&origin).run(["publish", "--dry-run", "--wait", "0"]).exits(0);
    assert_eq!(origin.requests_for("/tool.zip").len(), 1);
}

#[test]
fn other_bytes_stop_everything() {
    let origin = serve(b"something else");
    let run = at(&origin).run(["publish", "--dry-run"]).fails(6);
    let url = origin.url("/tool.zip");
    let run = run.says(&format!("{url} gives other bytes")).says(&format!("expected sha-256:{}", sha256(OURS)));
    let run = run.says(&format!("got sha-256:{}", sha256(b"something else"))).says("nothing was published");
    assert_eq!(run.text(), "", "no channel is worked on");
}

#[test]
fn a_late_file_is_waited_for() {
    let asked = AtomicUsize::new(0);
    let origin = Origin::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Answer::status(404),
        _ => Answer::whole(200, OURS.to_vec().into()),
    });
    at(&origin).run(["publish", "--dry-run", "--wait", "60"]).exits(0);
    assert_eq!(origin.requests_for("/tool.zip").len(), 3);
}

#[test]
fn a_file_that_never_comes_is_a_failure_unless_nothing_is_sent() {
    let origin = Origin::start(|_| Answer::status(404));
    let engine = at(&origin);
    engine.run(["publish", "--dry-run", "--wait", "1"]).fails(5).says("cannot be fetched, after 1 s of waiting");
    let run = engine.run(["publish", "--dry-run"]).exits(0).says("warning: ").says("cannot be fetched");
    assert!(run.text().contains("tool/1.2.3.txt"), "the rest is shown: {}", run.text());
}

/// The cache may hold what the public got yesterday.
#[test]
fn the_gate_looks_past_the_cache() {
    let changed = AtomicUsize::new(0);
    let origin = Origin::start(move |_| {
        let bytes = if changed.fetch_add(1, Ordering::SeqCst) == 0 { OURS } else { b"replaced" };
        Answer::whole(200, bytes.to_vec().into()).header("Cache-Control", "max-age=3600").header("ETag", "\"1\"")
    });
    let engine = at(&origin);
    engine.run(["download", &origin.url("/tool.zip"), "-o", "fetched"]).exits(0);
    engine.run(["publish", "--dry-run"]).fails(6).says("gives other bytes");
}

#[test]
fn artifacts_come_from_their_urls() {
    let origin = serve(OURS);
    let engine = Engine::new();
    let url = origin.url("/pub/tool-win64.zip");
    let text = with_lists(&format!("[release]\nname = 'tool'\nversion = '1'\n[[artifact]]\nurl = '{url}'\n"));
    engine.write("turbo-release.toml", text);
    let run = engine.run(["publish", "--dry-run", "--json"]).exits(0);
    let artifact = event(&run, "release")["release"]["artifacts"][0].clone();
    assert_eq!((&artifact["file-name"], &artifact["url"]), (&"tool-win64.zip".into(), &url.clone().into()));
    assert_eq!(artifact["digests"][0], format!("sha-256:{}", sha256(OURS)));
    assert!(engine.listing() == ["turbo-release.toml"], "{:?}", engine.listing());
    let before = origin.requests_for("/pub/tool-win64.zip").len();
    dry(&engine, &["--no-cache"]).exits(0);
    assert!(origin.requests_for("/pub/tool-win64.zip").len() > before, "without the cache it is fetched again");
}
