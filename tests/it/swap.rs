//! Rules that come, change and go while a batch of downloads runs.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::rig::{Answer, Authority, Engine, Origin, Run, Running, file, fixture};

const HOSTS: [&str; 5] =
    ["origin.example", "mirror-a.example", "mirror-b.example", "mirror-c.example", "mirror-d.example"];
const KEY: &str = include_str!("../fixtures/keys/author.key");
const PUBLIC: &str = include_str!("../fixtures/keys/author.pub");

/// The committed rule, which names the mirrors a and b.
fn first() -> Vec<u8> {
    fs::read(fixture("swap-host")).expect("a committed fixture")
}

/// The same with the mirrors c and d, and another version.
fn second() -> Vec<u8> {
    let words = [("mirror-a.", "mirror-c."), ("mirror-b.", "mirror-d."), ("host0.1.0", "host0.2.0")];
    words.iter().fold(first(), |bytes, (from, to)| replaced(bytes, from.as_bytes(), to.as_bytes()))
}

/// A rule that fails its own example.
fn failing() -> Vec<u8> {
    fs::read(fixture("self-test-fails")).expect("a committed fixture")
}

fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..=bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty() && from.len() == to.len());
    places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
    bytes
}

/// Which files of a batch may be answered for; the others wait.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    /// So many are let through.
    open: usize,
    /// So many were asked for.
    asked: usize,
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn wait(&self, over: impl Fn(&GateState) -> bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = Duration::from_mins(1);
        let waited = self.changed.wait_timeout_while(state, patience, |state| !over(state));
        let is_over = !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        assert!(is_over, "nothing happened for {patience:?}");
    }

    /// Lets a request through when its file's turn has come.
    fn pass(&self, number: usize) {
        self.change(|state| state.asked = state.asked.max(number + 1));
        self.wait(|state| state.open > number);
    }
}

/// A batch whose files are downloaded one after the other, each when it is let.
struct Batch {
    running: Option<Running>,
    gate: Arc<Gate>,
    files: usize,
    _origin: Origin,
    _authority: Authority,
}

impl Batch {
    /// Starts to download so many files with the rules in `rules/`.
    fn start(engine: &Engine, files: usize, more: &[&str]) -> Self {
        let (gate, authority, served) = (Arc::<Gate>::default(), Authority::new(), file(1, 1));
        let waits = Arc::clone(&gate);
        let origin = Origin::start_tls(&authority, &HOSTS, move |request| {
            let number = request.path.trim_start_matches("/pub/").trim_end_matches(".bin").parse();
            let Ok(number) = number else { return Answer::status(404) };
            waits.pass(number);
            served.answer(request)
        });
        let list: String = (0..files).map(|number| format!("https://origin.example/pub/{number}.bin\n")).collect();
        engine.write("list", list);
        let (pem, resolve) = (authority.pem(), HOSTS.map(|name| origin.resolve(&format!("{name}:443"))));
        let mut arguments = vec!["download", "-i", "list", "--stall-timeout", "60", "--no-cache"];
        arguments.extend(["--allow-private-mirrors", "--cacert", &pem]);
        arguments.extend(resolve.iter().flat_map(|pinned| ["--resolve", pinned.as_str()]));
        arguments.extend(more);
        let running = engine.start(arguments);
        Self { running: Some(running), gate, files, _origin: origin, _authority: authority }
    }

    fn running(&mut self) -> &mut Running {
        self.running.as_mut().expect("a batch under way")
    }

    /// Lets files be downloaded until so many are done; gives the hosts that
    /// were the last one's sources. The next one has asked its rules by then,
    /// and waits.
    fn until(&mut self, done: usize) -> BTreeSet<String> {
        self.gate.change(|state| state.open = done);
        let name = format!("{}.bin", done - 1);
        let event = self.running().wait_for(|event| {
            let file = event["receipt"]["file"].as_str();
            event["event"] == "done" && file.is_some_and(|file| file.ends_with(&name))
        });
        if done < self.files {
            self.gate.wait(|state| state.asked > done);
        }
        let sources = event["receipt"]["sources"].as_array().expect("sources");
        sources.iter().map(|source| source["host"].as_str().expect("a host").to_owned()).collect()
    }

    /// Waits until a change is told.
    fn swapped(&mut self, state: &str) -> Value {
        let event = self.running().wait_for(|event| event["event"] == "rule");
        assert_eq!(event["swap"]["state"], state, "{event:#}");
        event["swap"].clone()
    }

    fn finish(mut self) -> Run {
        self.gate.change(|state| state.open = usize::MAX);
        self.running.take().expect("a batch under way").finish().exits(0)
    }
}

/// A user with an empty folder of rules, who downloads one file at a time.
fn user() -> Engine {
    let engine = Engine::new().variable("TURBO_ENGINE_JOBS", "1");
    fs::create_dir(engine.path("rules")).expect("scratch is writable");
    engine
}

/// Puts a component into the folder as tools do that know how.
fn put(engine: &Engine, component: Vec<u8>) {
    engine.write("rules/.mine.wasm.new", component);
    fs::rename(engine.path("rules/.mine.wasm.new"), engine.path("rules/mine.wasm")).expect("a rename");
}

fn hosts(mirrors: &[&str]) -> BTreeSet<String> {
    let mirrors = mirrors.iter().map(|mirror| format!("mirror-{mirror}.example"));
    mirrors.chain(["origin.example".to_owned()]).collect()
}

#[test]
fn a_rule_that_is_replaced_in_a_batch_answers_for_the_later_files() {
    let engine = user();
    put(&engine, first());
    let mut batch = Batch::start(&engine, 5, &["--json", "--rules", "rules"]);
    assert_eq!(batch.until(1), hosts(&["a", "b"]));
    put(&engine, second());
    let swap = batch.swapped("replaced");
    assert_eq!(
        (&swap["rule"], &swap["was"], &swap["version"]),
        (&"swap-host".into(), &"0.1.0".into(), &"0.2.0".into())
    );
    assert_eq!(batch.until(2), hosts(&["a", "b"]), "this one had asked before");
    assert_eq!(batch.until(3), hosts(&["c", "d"]));
    fs::remove_file(engine.path("rules/mine.wasm")).expect("a file");
    batch.swapped("removed");
    batch.until(4);
    assert_eq!(batch.until(5), hosts(&[]));
    let run = batch.finish();
    assert_eq!(run.events().iter().filter(|event| event["event"] == "warning").count(), 0, "{}", run.text());
}

#[test]
fn a_broken_replacement_keeps_the_rule_and_warns() {
    let engine = user();
    put(&engine, first());
    let mut batch = Batch::start(&engine, 6, &["--json", "--rules", "rules"]);
    assert_eq!(batch.until(1), hosts(&["a", "b"]));
    // Written halfway, and then nothing for longer than anybody waits.
    let whole = second();
    put(&engine, whole[..whole.len() / 2].to_vec());
    let swap = batch.swapped("refused");
    assert_eq!((&swap["version"], &swap["fault"]["kind"]), (&"0.1.0".into(), &"load".into()), "{swap:#}");
    assert_eq!((batch.until(2), batch.until(3)), (hosts(&["a", "b"]), hosts(&["a", "b"])));
    put(&engine, failing());
    let swap = batch.swapped("refused");
    assert_eq!((&swap["version"], &swap["fault"]["kind"]), (&"0.1.0".into(), &"self-test".into()), "{swap:#}");
    // And now all of it.
    put(&engine, whole);
    batch.swapped("replaced");
    batch.until(4);
    assert_eq!(batch.until(5), hosts(&["c", "d"]));
    batch.finish();
    let stats = engine.run(["stats", "--json"]).exits(0).events().remove(0);
    assert_eq!(stats["rules"]["swap-host"]["faults"], 2, "{stats:#}");
}

/// What a person sees: that something was refused in any case, the rest with -v.
#[test]
fn a_swap_is_told_to_people_as_well() {
    let engine = user();
    put(&engine, first());
    let mut batch = Batch::start(&engine, 3, &["-v", "--progress", "none", "--rules", "rules"]);
    let told = |batch: &mut Batch, text: &str| batch.running().wait_for_message(text);
    batch.gate.wait(|state| state.asked > 0);
    put(&engine, second());
    told(&mut batch, "rule swap-host: 0.2.0 takes the place of 0.1.0 (rules/mine.wasm)");
    put(&engine, b"<html>".to_vec());
    told(&mut batch, "; swap-host 0.2.0 stays");
    // A disk that is gone for a while takes no rule along.
    fs::rename(engine.path("rules"), engine.path("elsewhere")).expect("a rename");
    told(&mut batch, "; the rules from there stay as they are");
    batch.finish().says("warning: component `mine`: cannot be loaded: rules/mine.wasm is not a WebAssembly component");
}

#[test]
fn a_component_that_is_installed_meanwhile_is_asked() {
    let engine = user();
    engine.write("rule.wasm", first());
    engine.write("next.wasm", second());
    let mut batch = Batch::start(&engine, 6, &["--json"]);
    assert_eq!(batch.until(1), hosts(&[]));
    engine.run(["component", "add", "rule.wasm"]).exits(0);
    assert_eq!(batch.swapped("added")["component"], "swap-host");
    batch.until(2);
    assert_eq!(batch.until(3), hosts(&["a", "b"]));
    engine.run(["component", "add", "next.wasm"]).exits(0);
    batch.swapped("replaced");
    batch.until(4);
    assert_eq!(batch.until(5), hosts(&["c", "d"]));
    engine.run(["component", "remove", "swap-host"]).exits(0);
    batch.swapped("removed");
    batch.finish();
}

#[test]
fn what_the_user_demands_holds_for_the_folder() {
    let engine = user();
    engine.write("author.key", KEY);
    engine.write("author.pub", PUBLIC);
    engine.run(["component", "trust", "add", "author", "author.pub"]).exits(0);
    put(&engine, first());
    let mut batch = Batch::start(&engine, 4, &["--json", "--rules", "rules", "--require-signature"]);
    assert_eq!(batch.until(1), hosts(&[]), "nobody signed it");
    engine.run(["component", "sign", "rules/mine.wasm", "--key", "author.key"]).exits(0);
    batch.swapped("added");
    batch.until(2);
    assert_eq!(batch.until(3), hosts(&["a", "b"]));
    put(&engine, second());
    let swap = batch.swapped("refused");
    assert_eq!(
        (&swap["fault"]["kind"], &swap["version"]),
        (&"untrusted".into(), &"0.1.0".into()),
        "not of these bytes"
    );
    batch.finish();
    fs::remove_file(engine.path("rules/mine.wasm.minisig")).expect("a file");
    let frozen = engine.run(["resolve", "--rules", "rules", "--frozen", "https://origin.example/pub/0.bin"]).exits(0);
    assert!(!frozen.text().contains("mirror-"), "{}", frozen.text());
    frozen.says("is not in the lockfile");
}

#[test]
fn a_folder_of_rules_can_be_a_setting() {
    let engine = user();
    put(&engine, first());
    engine.write("rules/other.wasm", b"<html>");
    engine.write("rules/README.md", b"not a component");
    engine.write("own.toml", "rules-dir = 'rules'\n");
    let url = "https://origin.example/pub/0.bin";
    for more in [&["--rules", "rules"][..], &["--config", "own.toml"]] {
        let run = engine.run([&["resolve", url], more].concat()).exits(0);
        assert!(run.text().contains("https://mirror-a.example/pub/0.bin"), "{}", run.text());
        run.says("component `other`: cannot be loaded");
    }
    let named = ["resolve", url, "--rules", "rules", "--rule", &fixture("swap-host")];
    assert!(engine.run(named).exits(0).text().contains("mirror-a.example"), "the same rule twice is no mistake");
    engine.run(["doctor", "--config", "own.toml"]).exits(1);
    engine.run(["resolve", "--rules", "absent", url]).fails(7).says("absent");
}
