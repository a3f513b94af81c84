//! A release with somewhere to go: a server of downloads, GitHub, a feed, and a
//! bucket of git. Each keeps what was done to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::release::packed;
use crate::rig::github::{TOKEN, UPSTREAM};
use crate::rig::{Answer, Authority, Bare, Engine, GitHub, Origin, Request, Run, Running};

/// The key of the feed.
pub const KEY: &str = "s3cr3t-key-of-the-feed";
/// The secret that authenticates the audit log.
pub const AUDIT_KEY: &str = "s3cr3t-key-of-the-log";
/// The host of the release's files.
const HOST: &str = "downloads.tool.example";

/// What is to happen to a request instead of its answer.
type Trouble = dyn Fn(&Request) -> Option<Answer> + Send + Sync;

/// A feed that tells that it has a version, and not which bytes.
pub struct Feed {
    pub origin: Origin,
    state: Arc<Mutex<FeedState>>,
}

struct FeedState {
    /// How often a version arrived, by identifier and version.
    pushes: BTreeMap<String, usize>,
    trouble: Arc<Trouble>,
}

impl Feed {
    fn start() -> Self {
        let state = FeedState { pushes: BTreeMap::new(), trouble: Arc::new(|_: &Request| None) };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let origin = Origin::start(move |request| {
            let trouble = Arc::clone(&lock(&shared).trouble);
            trouble(request).unwrap_or_else(|| lock(&shared).answer(request))
        });
        Self { origin, state }
    }

    /// How often each version arrived.
    pub fn pushes(&self) -> BTreeMap<String, usize> {
        lock(&self.state).pushes.clone()
    }

    pub fn bend(&self, trouble: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) {
        lock(&self.state).trouble = Arc::new(trouble);
    }

    /// Performs a request honestly.
    pub fn doer(&self) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
        let state = Arc::clone(&self.state);
        move |request| lock(&state).answer(request)
    }
}

impl FeedState {
    fn answer(&mut self, request: &Request) -> Answer {
        match request.method.as_str() {
            "PUT" if request.header("X-NuGet-ApiKey") != Some(KEY) => Answer::status(403),
            "PUT" => {
                let pushes = self.pushes.entry("tool 1.2.0".into()).or_default();
                *pushes += 1;
                Answer::status(if *pushes == 1 { 201 } else { 409 })
            }
            _ if request.path.contains("Packages(Id='tool',Version='1.2.0')") && !self.pushes.is_empty() => {
                Answer::text("<entry><Version>1.2.0</Version></entry>")
            }
            _ => Answer::status(404),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything at once.
pub struct World {
    pub engine: Engine,
    pub github: GitHub,
    pub feed: Feed,
    pub downloads: Origin,
    authority: Authority,
}

/// The release without its channels.
const RELEASE: &str = r#"
[release]
name = "tool"
version = "1.2.0"
date = "2026-11-24"
publisher = "Acme"
authors = ["Acme"]
copyright = "(c) 2026 Acme"
license = "MIT"
homepage = "https://tool.example"
source = "https://github.com/acme/tool"
summary = "Does what a tool does."
description = "Does what a tool does, and does it well and fast."
tags = ["tool"]

[[artifact]]
path = "tool-1.2.0.zip"
url = "https://downloads.tool.example/tool-1.2.0.zip"
os = "windows"
arch = "x64"
binaries = ["tool.exe"]
"#;

impl World {
    /// A release for winget and Chocolatey.
    pub fn new() -> Self {
        let authority = Authority::new();
        let archive = packed::zip(&[("tool.exe", b"MZ of a tool"), ("LICENSE", b"MIT")]);
        let served = archive.clone();
        let downloads = Origin::start_tls(&authority, &[HOST], move |_| Answer::whole(200, served.clone().into()));
        let (github, feed) = (GitHub::start(), Feed::start());
        github.fork();
        let engine = Engine::new().variable("GITHUB_TOKEN", TOKEN).variable("FEED_KEY", KEY);
        let engine = engine.variable("AUDIT_KEY", AUDIT_KEY);
        engine.write("tool-1.2.0.zip", archive);
        let world = Self { engine, github, feed, downloads, authority };
        let channels = world.winget() + &world.chocolatey();
        world.write(&channels);
        world
    }

    /// Adds a variable to every run.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.engine = self.engine.variable(name, value);
        self
    }

    /// Writes the release with these channels.
    pub fn write(&self, channels: &str) {
        self.write_as("tool", channels);
    }

    /// Writes the release under another name.
    pub fn write_as(&self, name: &str, channels: &str) {
        let release = RELEASE.replacen("\"tool\"", &format!("\"{name}\""), 1);
        self.engine.write("turbo-release.toml", release + channels);
    }

    pub fn winget(&self) -> String {
        let api = self.github.origin.url("");
        format!(
            "[channel.winget]\nrepository = '{UPSTREAM}'\nbase = 'master'\napi = '{api}'\n\
             credential = 'env:GITHUB_TOKEN'\nsettings = {{ identifier = 'Acme.Tool' }}\n"
        )
    }

    pub fn chocolatey(&self) -> String {
        let feed = self.feed.origin.url("");
        format!("[channel.chocolatey]\nendpoint = '{feed}'\ncredential = 'env:FEED_KEY'\n")
    }

    /// The channel of a bucket, and the bucket.
    pub fn scoop(&self) -> (String, Bare) {
        let bare = Bare::create(&self.engine.home().join("bucket.git"));
        let channel = format!(
            "[channel.scoop]\nrepository = '{}'\nbase = 'main'\nauthor = 'Acme Bot <bot@acme.example>'\n",
            bare.path.display()
        );
        (channel, bare)
    }

    /// The next version of the same.
    pub fn next(&self, version: &str) {
        let file = String::from_utf8(self.engine.read("turbo-release.toml")).expect("text");
        self.engine
            .write("turbo-release.toml", file.replace("version = \"1.2.0\"", &format!("version = \"{version}\"")));
    }

    /// Asks what became of everything.
    pub fn status(&self, more: &[&str]) -> Run {
        self.engine.run([&["publish", "status", "--connect-timeout", "5", "--stall-timeout", "5"], more].concat())
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let (pem, resolve) = (self.authority.pem(), self.downloads.resolve(&format!("{HOST}:443")));
        let fixed = ["publish", "--cacert", &pem, "--resolve", &resolve, "--wait", "5", "--audit-key", "env:AUDIT_KEY"];
        let patient = ["--connect-timeout", "5", "--stall-timeout", "5", "--retry", "1"];
        [&fixed[..], &patient, more].concat().iter().map(ToString::to_string).collect()
    }

    /// Publishes.
    pub fn publish(&self, more: &[&str]) -> Run {
        self.engine.run(self.arguments(more))
    }

    /// Begins to publish.
    pub fn start(&self, more: &[&str]) -> Running {
        self.engine.start(self.arguments(more))
    }

    /// Asserts that the log is whole and that no file holds a secret.
    #[track_caller]
    pub fn check_records(&self) {
        let states: Vec<String> = self
            .records()
            .iter()
            .filter(|path| path.to_string_lossy().ends_with(".state.json"))
            .flat_map(|path| ["--state".to_owned(), path.to_string_lossy().into_owned()])
            .collect();
        let fixed = ["publish", "verify-audit", ".turbo-publish/audit.jsonl", "--audit-key", "env:AUDIT_KEY"];
        let arguments: Vec<String> = fixed.map(str::to_owned).into_iter().chain(states).collect();
        let run = self.engine.run(arguments).exits(0);
        assert!(run.text().contains("none was changed"), "{}", run.text());
        for path in self.records() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("readable")).into_owned();
            let found = [TOKEN, KEY, AUDIT_KEY].into_iter().find(|secret| text.contains(secret));
            assert!(found.is_none(), "{} holds {found:?}", path.display());
        }
    }

    /// The files of the records.
    pub fn records(&self) -> Vec<PathBuf> {
        self.engine.files_below(".turbo-publish")
    }

    /// Requests of GitHub that changed something, but for those that only make
    /// what has its name by content.
    pub fn github_effects(&self) -> Vec<String> {
        let is_lasting = |effect: &String| ["/git/refs", "/pulls"].iter().any(|end| effect.ends_with(end));
        self.github.effects().into_iter().filter(is_lasting).collect()
    }
}
