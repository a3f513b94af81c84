//! Every request of ours to GitHub, held against GitHub's own description of
//! its API: `prism mock --errors` refuses what the description does not allow.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::delivery::{deliver, publisher};
use super::destinations::rehearse;
use crate::rig::github::{TOKEN, UPSTREAM};
use crate::rig::{Answer, GitHub, Request};

const PATIENCE: Duration = Duration::from_mins(2);
/// The operations that a pull request takes, as the description names them.
const OPERATIONS: [&str; 15] = [
    "/user",
    "/search/issues",
    "/repos/{owner}/{repo}",
    "/repos/{owner}/{repo}/forks",
    "/repos/{owner}/{repo}/merge-upstream",
    "/repos/{owner}/{repo}/git/ref/{ref}",
    "/repos/{owner}/{repo}/git/commits/{commit_sha}",
    "/repos/{owner}/{repo}/git/blobs",
    "/repos/{owner}/{repo}/git/trees",
    "/repos/{owner}/{repo}/git/commits",
    "/repos/{owner}/{repo}/git/refs",
    "/repos/{owner}/{repo}/contents/{path}",
    "/repos/{owner}/{repo}/pulls",
    "/repos/{owner}/{repo}/pulls/{pull_number}",
    "/repos/{owner}/{repo}/commits/{ref}/check-runs",
];

/// A running mock of the API; dropping it ends the process.
struct Prism {
    child: Child,
    port: u16,
}

impl Prism {
    /// Starts it with the packages in `node_modules` of the folder.
    fn start(folder: &str) -> Self {
        let text = fs::read_to_string(format!("{folder}/node_modules/@octokit/openapi/generated/api.github.com.json"));
        let mut description: Value = serde_json::from_str(&text.expect("@octokit/openapi")).expect("JSON");
        let paths = description["paths"].as_object_mut().expect("paths");
        paths.retain(|path, _| OPERATIONS.contains(&path.as_str()));
        assert_eq!(paths.len(), OPERATIONS.len(), "an operation has another name");
        let trimmed = format!("{folder}/trimmed.json");
        fs::write(&trimmed, description.to_string()).expect("writable");
        let probe = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let port = probe.local_addr().expect("bound").port();
        drop(probe);
        let child = Command::new("node")
            .arg(format!("{folder}/node_modules/@stoplight/prism-cli/dist/index.js"))
            .args(["mock", "--errors", "-h", "127.0.0.1", "-p", &port.to_string(), &trimmed])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is installed");
        let mut prism = Self { child, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(prism.child.try_wait().is_ok_and(|status| status.is_none()), "prism ended");
            assert!(started.elapsed() < PATIENCE, "prism does not listen");
            std::thread::sleep(Duration::from_millis(100));
        }
        prism
    }

    /// Sends a request as it was, and gives the status and what prism says. Two
    /// things of it prism cannot read: a parameter with slashes in it, and the
    /// media type that GitHub asks for beside the one it describes.
    fn judge(&self, request: &Request) -> (u16, String) {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).expect("prism listens");
        let dropped = ["host", "connection", "accept"];
        let kept = request.headers.iter().filter(|(name, _)| !dropped.contains(&name.to_lowercase().as_str()));
        let fields: String = kept.flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let encoded =
            [("/git/ref/", ""), ("/contents/", ""), ("/commits/", "/check-runs")].iter().find_map(|(start, end)| {
                let (before, rest) = path.split_once(start)?;
                Some(format!("{before}{start}{}{end}", rest.strip_suffix(end)?.replace('/', "%2F")))
            });
        let path = encoded.unwrap_or_else(|| path.to_owned());
        let head = format!(
            "{} {path}?{query} HTTP/1.1\r\nHost: api.github.com\r\nConnection: close\r\nAccept: application/json\r\n{fields}\r\n",
            request.method
        );
        socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&request.body)).expect("prism reads");
        let mut reader = BufReader::new(socket);
        let mut line = String::new();
        reader.read_line(&mut line).expect("an answer");
        let mut rest = String::new();
        let _ = reader.read_to_string(&mut rest);
        (line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), rest)
    }
}

/// Some examples in the description contradict it, which is not about our
/// request.
fn is_about_the_example(status: u16, said: &str) -> bool {
    status == 500 && said.contains("\"location\":[\"response\"") && !said.contains("\"location\":[\"request\"")
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs node with @stoplight/prism-cli and @octokit/openapi"]
fn every_request_is_one_that_github_describes() {
    let Ok(folder) = std::env::var("TURBO_ENGINE_OPENAPI") else {
        panic!("TURBO_ENGINE_OPENAPI names the folder with node_modules; .ci/run makes one");
    };
    let prism = Prism::start(&folder);
    let mut seen = BTreeSet::new();
    for request in all_requests() {
        let (status, said) = prism.judge(&request);
        let shown = format!("{} {}\n{}\n{said}", request.method, request.path, String::from_utf8_lossy(&request.body));
        assert!(matches!(status, 200..=299) || is_about_the_example(status, &said), "{status} for {shown}");
        seen.insert(format!("{} {}", request.method, request.path.split('?').next().unwrap_or_default()));
    }
    assert!(seen.len() >= 14, "{seen:#?}");
    // A check that cannot fail is none.
    let github = GitHub::start();
    deliver(&publisher(), &github, &[]).exits(0);
    let mut wrong =
        github.origin.requests().into_iter().find(|request| request.path.ends_with("/git/refs")).expect("one");
    let text = String::from_utf8(wrong.body).expect("text").replacen("\"sha\"", "\"shaa\"", 1);
    wrong.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    wrong.headers.push(("Content-Length".into(), text.len().to_string()));
    wrong.body = text.into_bytes();
    assert_eq!(prism.judge(&wrong).0, 422, "prism refuses what is not described");
}

/// The requests of a new package, of a fork behind upstream with a binary file,
/// of a fork of an organisation, of a dry run, of a release that goes on from
/// what is there, and of what became of the pull request.
fn all_requests() -> Vec<Request> {
    let first = GitHub::start();
    deliver(&publisher(), &first, &[]).exits(0);
    let second = GitHub::start();
    second.fork();
    second.commit(UPSTREAM, "master", ("other", "other\n"));
    let engine = publisher();
    engine.write("Acme.Tool.yaml", b"\xff binary");
    deliver(&engine, &second, &["--dry-run"]).exits(0);
    deliver(&engine, &second, &[]).exits(0);
    let third = GitHub::start();
    third.bend(|request| {
        let is_forking = request.method == "POST" && request.path.ends_with("/forks");
        is_forking.then(|| Answer::status(403))
    });
    deliver(&publisher(), &third, &["--fork", "acme"]).fails(5);
    let api = second.origin.url("");
    rehearse(&api);
    engine.run(["publish", "status", "state.json", "--api", &api, "--credential", "env:GITHUB_TOKEN"]).exits(0);
    super::status::follow(&second);
    let all = [first, second, third].map(|github| github.origin.requests()).concat();
    assert!(all.iter().all(|request| request.mentions(TOKEN)));
    all
}
