//! Connections that jobs share: the budget over all of them, what hosts have
//! shown of their own limits, and what is left of it in the next run.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::rig::{Answer, Engine, File, KIB, MIB_PER_SECOND, Origin, Request, Run, data, file};

/// A server that serves so many requests at once, and refuses what comes
/// within a second of a refusal.
struct Strict {
    most: usize,
    seen: Mutex<Seen>,
    closed: Condvar,
}

#[derive(Default)]
struct Seen {
    open: usize,
    peak: usize,
    refused: usize,
    refused_at: Option<Instant>,
}

/// A request that is being answered.
struct Open(Arc<Strict>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.seen().open -= 1;
        self.0.closed.notify_all();
    }
}

impl Strict {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, seen: Mutex::default(), closed: Condvar::new() })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic while holding it")
    }

    fn answer(self: &Arc<Self>, request: &Request, file: &File) -> Answer {
        let mut seen = self.seen();
        let offended = seen.refused_at.is_some_and(|at| at.elapsed() < Duration::from_secs(1));
        if offended || seen.open == self.most {
            seen.refused += 1;
            seen.refused_at = Some(Instant::now());
            return Answer::status(429).header("Retry-After", "1");
        }
        seen.open += 1;
        seen.peak = seen.peak.max(seen.open);
        file.answer(request).paced(MIB_PER_SECOND).holding(Open(Arc::clone(self)))
    }

    /// The most requests that were served at once, and the refused ones, since
    /// this was asked before. Waits until the last one is over.
    fn take(&self) -> (usize, usize) {
        let idle = self.closed.wait_while(self.seen(), |seen| seen.open > 0);
        let Seen { peak, refused, .. } = std::mem::take(&mut *idle.expect("no panic while holding it"));
        (peak, refused)
    }
}

fn strict(most: usize, file: &File) -> (Arc<Strict>, Origin) {
    let (strict, file) = (Strict::new(most), file.clone());
    let server = Arc::clone(&strict);
    (strict, Origin::start(move |request| server.answer(request, &file)))
}

#[test]
fn a_storm_of_refusals_is_ridden_out_and_remembered() {
    let file = file(4, 1);
    let (server, origin) = strict(2, &file);
    let engine = Engine::new();
    let fetch = |name: &str, more: &[&str]| {
        let fixed = ["--no-rules", "--no-cache", "-x", "6", "-o", name];
        engine.download([&fixed[..], more, &[&origin.file_url()]].concat()).exits(0);
        engine.assert_file(name, &file.bytes);
        server.take()
    };
    let (peak, refused) = fetch("first", &[]);
    assert_eq!(peak, 2, "the server was never used to its limit");
    assert!((1..=8).contains(&refused), "{refused} requests were refused");
    assert_eq!(fetch("second", &[]), (2, 0), "the limit was forgotten");
    let stats = engine.run(["stats"]).exits(0).text();
    assert!(stats.contains("limited host") && stats.contains("within the hour"), "{stats}");
    let limits = engine.run(["stats", "--json"]).exits(0).events().remove(0)["limits"].clone();
    assert_eq!((limits[0]["connections"].as_u64(), limits.as_array().map(Vec::len)), (Some(2), Some(1)), "{limits}");
    assert!(fetch("third", &["--max-per-host", "6"]).1 > 0, "the user's number counts");
    engine.run(["stats", "--reset"]).exits(0);
    assert!(engine.run(["stats", "--json"]).exits(0).events()[0]["limits"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn a_limit_that_one_job_meets_counts_for_all() {
    let file = file(1, 1);
    let (server, origin) = strict(2, &file);
    let engine = Engine::new().variable("TURBO_ENGINE_JOBS", "8");
    let run = several(&engine, &origin, 8, &[]).exits(0);
    let (peak, refused) = server.take();
    assert_eq!(peak, 2);
    assert!(refused <= 8 * 2, "{refused} requests were refused");
    run.says("8 files: 8 done; 8.00 MiB in ");
}

#[test]
fn nothing_is_remembered_where_nothing_is_to_be_counted() {
    let file = file(2, 1);
    let (_server, origin) = strict(2, &file);
    let engine = Engine::new().variable("TURBO_ENGINE_STATS", "false");
    engine.download(["--no-rules", "-x", "6", &origin.file_url()]).exits(0);
    assert!(!engine.cached_files().iter().any(|path| path.ends_with("hosts-v1/limits.json")));
}

#[test]
fn damaged_limits_are_ignored_and_rewritten() {
    let file = file(2, 1);
    let (_server, origin) = strict(2, &file);
    let engine = Engine::new();
    let folder = engine.home().join("cache/hosts-v1");
    std::fs::create_dir_all(&folder).unwrap();
    for damage in ["{", "[]", r#"{"v":1,"hosts":{"x":{"connections":-1,"learned_at":0}}}"#, &"x".repeat(2 << 20)] {
        std::fs::write(folder.join("limits.json"), damage).unwrap();
        engine.download(["--no-rules", "--no-cache", "-x", "6", "-o", "out", &origin.file_url()]).exits(0);
        std::fs::remove_file(engine.path("out")).unwrap();
        let limits = engine.run(["stats", "--json"]).exits(0).events().remove(0)["limits"].clone();
        assert_eq!(limits.as_array().map(Vec::len), Some(1), "after {damage:.20}: {limits}");
    }
}

#[test]
fn the_budget_holds_over_all_jobs() {
    let file = file(1, 1);
    let (server, origin) = strict(100, &file);
    let engine = Engine::new().variable("TURBO_ENGINE_JOBS", "4");
    for (flags, most) in
        [(["--max-connections", "3"], 3), (["--max-per-host", "2"], 2), (["--max-connections", "1"], 1)]
    {
        several(&engine, &origin, 4, &[&["-x", "1", "--if-exists", "overwrite"], &flags[..]].concat()).exits(0);
        assert_eq!(server.take(), (most, 0), "{flags:?}");
    }
}

/// A job that waits for a connection is no failure, and hears of the end.
#[cfg(unix)]
#[test]
fn a_signal_ends_every_job_resumably() {
    let file = file(1, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.answer(request).paced(MIB_PER_SECOND / 8));
    let engine = Engine::new().variable("TURBO_ENGINE_JOBS", "3");
    let urls: Vec<String> = (0..6).map(|number| origin.url(&format!("/{number}"))).collect();
    let flags = ["download", "--json", "--no-rules", "--max-connections", "1"];
    let mut running = engine.start(flags.into_iter().map(str::to_owned).chain(urls.clone()));
    running.wait_for(|event| event["event"] == "progress");
    running.signal("INT");
    let run = running.finish().exits(9);
    let summary = run.events().pop().expect("a last event");
    assert_eq!((&summary["event"], &summary["interrupted"]), (&"summary".into(), &6.into()), "{summary}");
    assert!(engine.listing().iter().all(|name| name.contains(".turbo-")), "{:?}", engine.listing());
}

/// `count` files of one origin, by the path `/N`.
fn several(engine: &Engine, origin: &Origin, count: usize, flags: &[&str]) -> Run {
    let urls: Vec<String> = (0..count).map(|number| origin.url(&format!("/{number}"))).collect();
    let urls = urls.iter().map(String::as_str);
    engine.download(["--no-rules", "--no-cache"].into_iter().chain(flags.iter().copied()).chain(urls))
}

#[test]
fn small_files_share_connections() {
    let served = File::new(data::bytes(10 * KIB, 1)).etag("\"v1\"");
    let origin = Origin::start(move |request| served.answer(request));
    let engine = Engine::new();
    let list: Vec<String> = (0..50).map(|number| origin.url(&format!("/{number}\n"))).collect();
    engine.write("list", list.concat());
    let run = engine.download(["--no-rules", "--json", "-i", "list"]).exits(0);
    assert_eq!(run.events().last().expect("events")["done"], 50);
    assert_eq!(origin.requests().len(), 50, "a file of one origin needs one request");
    assert!(origin.connections() <= 16, "{} connections", origin.connections());
}
