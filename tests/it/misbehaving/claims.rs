//! What may be called the origin's bytes: validators, digests, mirrors, files
//! that are already there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::rig::{Answer, Authority, Engine, File, MIB, MIB_PER_SECOND, Origin, Request, Run, file, fixture, sha256};

const HOST: &str = "origin.example";
const URL: &str = "https://origin.example/pub/file.bin";
const MIRRORS: [&str; 2] = ["mirror-a.example", "mirror-b.example"];

/// An origin, and the two mirrors that the rule `swap-host` names for it.
struct Hosts {
    file: File,
    origin: Origin,
    mirror: Origin,
    authority: Authority,
}

impl Hosts {
    fn new(
        origin: impl Fn(&Request, &File) -> Answer + Send + Sync + 'static,
        mirror: impl Fn(&Request, &File) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (file, authority) = (file(6, 1), Authority::new());
        let (served, copied) = (file.clone(), file.clone());
        let origin = Origin::start_tls(&authority, &[HOST], move |request| origin(request, &served));
        let mirror = Origin::start_tls(&authority, &MIRRORS, move |request| mirror(request, &copied));
        Self { file, origin, mirror, authority }
    }

    fn fetch(&self, engine: &Engine, more: &[&str]) -> Run {
        let mut pinned = vec![self.origin.resolve(&format!("{HOST}:443"))];
        pinned.extend(MIRRORS.map(|name| self.mirror.resolve(&format!("{name}:443"))));
        let (rule, pem) = (fixture("swap-host"), self.authority.pem());
        let mut arguments = vec!["--no-cache", "--allow-private-mirrors", "--cacert", &pem, "--rule", &rule];
        arguments.extend(pinned.iter().flat_map(|pinned| ["--resolve", pinned.as_str()]));
        engine.fetch(URL, &[&arguments, more].concat())
    }
}

/// The file alone, slow enough that mirrors would pay.
fn paced(request: &Request, file: &File) -> Answer {
    file.at(request, "/pub/file.bin").paced(2 * MIB_PER_SECOND)
}

/// The file, and a checksum file next to it.
fn with_sidecar(request: &Request, file: &File) -> Answer {
    if request.path.ends_with(".sha256") {
        return Answer::text(format!("{}  file.bin\n", sha256(&file.bytes)));
    }
    paced(request, file)
}

/// Right size and validators, one wrong byte a mebibyte.
fn liar(request: &Request, file: &File) -> Answer {
    let mut bytes = file.bytes.to_vec();
    (0..bytes.len()).step_by(MIB).for_each(|at| bytes[at + 100_000] ^= 1);
    File::new(bytes.into()).etag("\"v1\"").answer(request)
}

/// aria2 and axel take such bytes from whatever the list names.
#[test]
fn a_mirror_of_a_rule_delivers_nothing_without_a_digest() {
    let hosts = Hosts::new(paced, liar);
    let engine = Engine::new();
    let receipt = hosts.fetch(&engine, &[]).exits(0).receipt();
    engine.assert_file("out", &hosts.file.bytes);
    assert_eq!(receipt["verified"]["by"], "origin", "{receipt:#}");
    assert!(hosts.mirror.requests().is_empty(), "{:?}", hosts.mirror.requests());
    let why = receipt["sources"][1]["why"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("no digest"), "{receipt:#}");
}

#[test]
fn a_mirror_of_a_rule_delivers_under_a_digest_of_the_user_or_of_the_origin() {
    let hosts = Hosts::new(with_sidecar, |request, file| file.answer(request));
    let checksum = format!("sha-256:{}", sha256(&hosts.file.bytes));
    for (more, by) in [(&[][..], "sidecar"), (&["--checksum", &checksum], "checksum")] {
        let engine = Engine::new();
        let receipt = hosts.fetch(&engine, more).exits(0).receipt();
        engine.assert_file("out", &hosts.file.bytes);
        assert_eq!(receipt["verified"]["by"], by, "{receipt:#}");
    }
    assert!(!hosts.mirror.requests().is_empty(), "no mirror was asked");
}

/// Found by the digest, and traced to the mirror.
#[test]
fn a_lying_mirror_of_a_rule_is_found_by_the_origins_digest() {
    let hosts = Hosts::new(with_sidecar, liar);
    let engine = Engine::new();
    let receipt = hosts.fetch(&engine, &[]).exits(0).receipt();
    engine.assert_file("out", &hosts.file.bytes);
    assert_eq!(receipt["verified"]["by"], "sidecar", "{receipt:#}");
}

#[test]
fn a_mirror_of_a_rule_delivers_unverified_when_the_user_accepts_it() {
    let hosts = Hosts::new(paced, |request, file| file.answer(request));
    for (engine, more) in [
        (Engine::new(), &["--accept-unverified"][..]),
        (Engine::new().variable("TURBO_ENGINE_ACCEPT_UNVERIFIED", "true"), &[]),
    ] {
        let receipt = hosts.fetch(&engine, more).exits(0).receipt();
        engine.assert_file("out", &hosts.file.bytes);
        assert_eq!(receipt["verified"]["by"], "unverified", "{receipt:#}");
    }
    assert!(!hosts.mirror.requests().is_empty(), "no mirror was asked");
}

/// The origin refuses, or stays silent for good.
#[test]
fn without_a_digest_no_mirror_of_a_rule_stands_in_for_the_origin() {
    for origin in [|_: &Request, _: &File| Answer::status(403), |_: &Request, _: &File| Answer::silence()] {
        let hosts = Hosts::new(origin, |request, file| file.answer(request));
        let engine = Engine::new();
        hosts.fetch(&engine, &[]).fails(6).says("--accept-unverified");
        engine.assert_absent("out");
        assert!(hosts.mirror.requests().is_empty(), "{:?}", hosts.mirror.requests());
        let checksum = format!("sha-256:{}", sha256(&hosts.file.bytes));
        for more in [&["--accept-unverified"][..], &["--checksum", &checksum]] {
            let engine = Engine::new();
            hosts.fetch(&engine, more).exits(0);
            engine.assert_file("out", &hosts.file.bytes);
        }
    }
}

/// The origin dies half-way: what is there is kept for the next run.
#[test]
fn an_origin_that_dies_half_way_leaves_its_bytes() {
    let hosts = Hosts::new(
        |request, file| {
            let answer = paced(request, file);
            if request.nth == 0 { answer.cut(3 * MIB, crate::rig::Ending::Close) } else { Answer::status(503) }
        },
        |request, file| file.answer(request),
    );
    let engine = Engine::new();
    hosts.fetch(&engine, &["-x", "1"]).fails(6).says("--accept-unverified");
    engine.assert_absent("out");
    assert!(engine.path("out.turbo-part").exists(), "{:?}", engine.listing());
}

/// A Metalink without a hash: its first URL is the origin, the others are
/// strangers. aria2 takes them all.
#[test]
fn a_metalink_without_a_hash_downloads_from_its_first_url_alone() {
    let served = file(6, 1);
    let (honest, lying) = (served.clone(), served.clone());
    let origin = Origin::start(move |request| honest.at(request, "/file.bin").paced(2 * MIB_PER_SECOND));
    let mirror = Origin::start(move |request| liar(request, &lying));
    let list = |hash: &str| {
        format!(
            "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"out\">{hash}\
             <url priority=\"1\">{}</url><url priority=\"2\">{}</url></file></metalink>",
            origin.file_url(),
            mirror.file_url()
        )
    };
    let fetch = |engine: &Engine, list: String, more: &[&str]| {
        engine.write("list.meta4", list);
        let fixed = ["--json", "--no-rules", "--allow-private-mirrors", "--no-cache", "-i", "list.meta4"];
        engine.download([&fixed[..], more].concat())
    };
    let engine = Engine::new();
    let receipt = fetch(&engine, list(""), &[]).exits(0).receipt();
    engine.assert_file("out", &served.bytes);
    assert_eq!(receipt["verified"]["by"], "origin", "{receipt:#}");
    assert!(mirror.requests().is_empty(), "{:?}", mirror.requests());
    let engine = Engine::new();
    let hash = format!("<hash type=\"sha-256\">{}</hash>", sha256(&served.bytes));
    fetch(&engine, list(&hash), &[]).exits(0);
    engine.assert_file("out", &served.bytes);
    assert!(!mirror.requests().is_empty(), "the mirror was not asked");
}

/// The summary and the receipt call typed mirrors' bytes what they are.
#[test]
fn bytes_of_a_typed_mirror_are_called_unverified() {
    let served = file(6, 1);
    let slow = served.clone();
    let origin = Origin::start(move |request| slow.at(request, "/file.bin").paced(2 * MIB_PER_SECOND));
    let mirror = Origin::file(&served);
    let engine = Engine::new();
    let more = ["--no-rules", "--no-cache", "--mirror", &mirror.file_url(), "-o", "out", &origin.file_url()];
    engine.download(more).exits(0).says("unverified");
    engine.assert_file("out", &served.bytes);
}

/// An origin that answers each request with the next of these.
fn versions(files: &[File]) -> Origin {
    let (files, asked) = (files.to_vec(), Arc::new(AtomicUsize::new(0)));
    Origin::start(move |request| {
        if !request.path.ends_with("/file.bin") {
            return Answer::status(404);
        }
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        files[nth.min(files.len() - 1)].answer(request)
    })
}

fn again(engine: &Engine, origin: &Origin, more: &[&str]) -> Run {
    engine.fetch(&origin.file_url(), &[&["--no-rules", "--no-cache"], more].concat())
}

/// wget -c and aria2 -c go by the length alone, curl -C - as well.
#[test]
fn a_finished_file_without_a_strong_validator_is_compared() {
    for weak in [None, Some("W/\"v\"")] {
        let version = |seed| File { etag: weak.map(str::to_owned), ..file(1, seed) };
        let (old, new) = (version(1), version(2));
        // The same again, then another one of the same size.
        let origin = versions(&[old.clone(), old.clone(), new.clone()]);
        let engine = Engine::new();
        again(&engine, &origin, &[]).exits(0);
        let receipt = again(&engine, &origin, &[]).exits(0).receipt();
        assert_eq!(receipt["already_there"], true, "{receipt:#}");
        assert_eq!(receipt["sha256"], sha256(&old.bytes), "{receipt:#}");
        engine.assert_file("out", &old.bytes);
        again(&engine, &origin, &[]).fails(7).says("--if-exists overwrite");
        engine.assert_file("out", &old.bytes);
        assert_eq!(engine.listing(), ["out"]);
        again(&engine, &origin, &["--if-exists", "overwrite"]).exits(0);
        engine.assert_file("out", &new.bytes);
    }
}

#[test]
fn recheck_keep_keeps_a_file_that_may_be_out_of_date_and_says_so() {
    let (old, new) = (File::new(file(1, 1).bytes), File::new(file(1, 2).bytes));
    let origin = versions(&[old.clone(), new]);
    let engine = Engine::new();
    again(&engine, &origin, &[]).exits(0);
    let run = again(&engine, &origin, &["--recheck", "keep"]).exits(0);
    let receipt = run.receipt();
    assert_eq!((&receipt["verified"]["by"], &receipt["already_there"]), (&"unverified".into(), &true.into()));
    assert!(receipt["sha256"].is_null(), "{receipt:#}");
    engine.assert_file("out", &old.bytes);
    again(&engine, &origin, &["--recheck", "never"]).fails(2);
}

/// Edited in place with its modification time restored: the receipt must not
/// state the digest that the file had.
#[test]
fn an_edited_file_is_not_the_finished_one() {
    let served = file(1, 1);
    let origin = Origin::file(&served);
    let engine = Engine::new();
    again(&engine, &origin, &[]).exits(0);
    let path = engine.path("out");
    let modified = path.metadata().and_then(|metadata| metadata.modified()).expect("a time");
    let mut edited = served.bytes.to_vec();
    edited[1234] ^= 1;
    engine.write("out", &edited);
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(modified)).expect("a time");
    again(&engine, &origin, &[]).fails(7);
    engine.assert_file("out", &edited);
    // Touched only: the content counts.
    engine.write("out", &*served.bytes);
    let receipt = again(&engine, &origin, &[]).exits(0).receipt();
    assert_eq!((&receipt["already_there"], &receipt["sha256"]), (&true.into(), &sha256(&served.bytes).into()));
}

/// What an earlier run was content with does not satisfy `--require-checksum`.
#[test]
fn require_checksum_is_asked_of_a_file_that_is_there() {
    let served = file(1, 1);
    let origin = Origin::file(&served);
    let engine = Engine::new();
    again(&engine, &origin, &[]).exits(0);
    for if_exists in ["resume", "skip"] {
        again(&engine, &origin, &["--require-checksum", "--if-exists", if_exists]).fails(6);
        let weak = format!("md5:{}", "0".repeat(32));
        let run = again(&engine, &origin, &["--require-checksum", "--if-exists", if_exists, "--checksum", &weak]);
        assert_ne!(run.code, Some(0), "{}", run.stderr);
        let right = format!("sha-256:{}", sha256(&served.bytes));
        let receipt = again(&engine, &origin, &["--if-exists", if_exists, "--checksum", &right]).exits(0).receipt();
        assert_eq!((&receipt["verified"]["by"], &receipt["already_there"]), (&"checksum".into(), &true.into()));
        let wrong = format!("sha-256:{}", sha256(b"else"));
        again(&engine, &origin, &["--if-exists", if_exists, "--checksum", &wrong]).fails(7);
        engine.assert_file("out", &served.bytes);
    }
}

/// The origin's own metadata is asked for, and the file is hashed.
#[test]
fn require_checksum_hashes_a_file_that_is_there() {
    let served = file(1, 1);
    let (right, now) = (served.clone(), Arc::new(AtomicUsize::new(0)));
    let stage = Arc::clone(&now);
    let origin = Origin::start(move |request| match (request.path.as_str(), stage.load(Ordering::Relaxed)) {
        ("/file.bin.sha256", 1) => Answer::text(format!("{}  file.bin\n", sha256(&right.bytes))),
        ("/file.bin.sha256", 2) => Answer::text(format!("{}  file.bin\n", sha256(b"else"))),
        _ => right.at(request, "/file.bin"),
    });
    let engine = Engine::new();
    again(&engine, &origin, &[]).exits(0);
    now.store(1, Ordering::Relaxed);
    let receipt = again(&engine, &origin, &["--require-checksum"]).exits(0).receipt();
    assert_eq!((&receipt["verified"]["by"], &receipt["already_there"]), (&"sidecar".into(), &true.into()));
    now.store(2, Ordering::Relaxed);
    again(&engine, &origin, &["--require-checksum"]).fails(7);
    engine.assert_file("out", &served.bytes);
}

/// One user's digest is not another's: the cache does not lend it.
#[test]
fn require_checksum_is_asked_of_the_cache() {
    let served = file(1, 1);
    let cached = served.clone();
    let origin = Origin::start(move |request| cached.at(request, "/file.bin").header("Cache-Control", "max-age=3600"));
    let engine = Engine::new();
    let checksum = format!("sha-256:{}", sha256(&served.bytes));
    engine.download(["-o", "first", "--checksum", &checksum, &origin.file_url()]).exits(0);
    engine.fetch(&origin.file_url(), &["--require-checksum"]).fails(6);
    engine.assert_absent("out");
    let receipt = engine.fetch(&origin.file_url(), &["--require-checksum", "--checksum", &checksum]).exits(0).receipt();
    assert_eq!(receipt["from_cache"], true, "{receipt:#}");
}

/// A signed link is renewed: another query, the same strong validator.
#[test]
fn a_finished_file_of_a_renewed_link_is_there() {
    let served = file(1, 1);
    let answered = served.clone();
    let origin = Origin::start(move |request| match request.path.split('?').next() {
        Some("/file.bin") => answered.answer(request),
        _ => Answer::status(404),
    });
    let engine = Engine::new();
    let fetch = |query: &str| engine.fetch(&format!("{}?{query}", origin.file_url()), &["--no-rules", "--no-cache"]);
    fetch("Expires=1&Signature=a").exits(0);
    let receipt = fetch("Expires=2&Signature=b").exits(0).receipt();
    assert_eq!(receipt["already_there"], true, "{receipt:#}");
    engine.assert_file("out", &served.bytes);
}
