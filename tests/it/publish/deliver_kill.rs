//! Killed at every boundary of an effect, a delivery goes on: each effect
//! happens exactly once, by the other side's own record.

use std::sync::mpsc;
use std::time::Duration;

use super::delivery::{arguments, check_records, deliver, publisher, push};
use crate::rig::github::TOKEN;
use crate::rig::{Answer, Bare, Engine, GitHub};

/// Far above what a request needs on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// When the process is killed.
#[derive(Debug, Clone, Copy)]
enum Kill {
    /// The server has the request and has done nothing.
    BeforeEffect,
    /// The server has done it, and its answer is lost.
    AfterEffect,
}

/// Kills a delivery at its request number `nth`; false when it has fewer.
fn killed_at(engine: &Engine, github: &GitHub, (nth, kill): (usize, Kill)) -> bool {
    let (sender, reached) = mpsc::channel();
    let honest = github.doer();
    github.bend(move |request| {
        if request.nth != nth {
            return None;
        }
        if matches!(kill, Kill::AfterEffect) {
            honest(request);
        }
        let _ = sender.send(());
        Some(Answer::silence())
    });
    let api = github.origin.url("");
    let running = engine.start(arguments(&["--api", &api, "--credential", "env:GITHUB_TOKEN"]));
    let (done, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        // Whichever comes first: the request, or the end of a run without it.
        let waiter = scope.spawn(move || {
            let is_reached = reached.recv_timeout(PATIENCE).is_ok();
            let _ = done.send(is_reached);
        });
        let is_reached = loop {
            if let Ok(is_reached) = ended.recv_timeout(Duration::from_millis(20)) {
                break is_reached;
            }
            if engine.path("state.json").exists() && is_over(engine) {
                break false;
            }
        };
        if is_reached {
            running.kill();
        } else {
            running.finish().exits(0);
        }
        github.straighten();
        waiter.join().expect("no panic");
        is_reached
    })
}

fn is_over(engine: &Engine) -> bool {
    String::from_utf8_lossy(&engine.read("state.json")).contains("\"submission\"")
}

#[test]
fn a_pull_request_killed_at_every_request_is_made_once() {
    let mut boundaries = 0;
    for nth in 0.. {
        let mut was_reached = false;
        for kill in [Kill::BeforeEffect, Kill::AfterEffect] {
            let github = GitHub::start();
            github.fork();
            github.commit(crate::rig::github::UPSTREAM, "master", ("other", "other\n"));
            let engine = publisher();
            engine.write("Acme.Tool.yaml", b"\xff binary");
            if !killed_at(&engine, &github, (nth, kill)) {
                break;
            }
            was_reached = true;
            deliver(&engine, &github, &["--resume"]).exits(0);
            let at = format!("request {nth}, {kill:?}: {:?}", github.effects());
            let [pull] = &github.pulls()[..] else { panic!("not one pull request at {at}") };
            assert_eq!(
                github.parents(&pull.sha),
                [github.head(crate::rig::github::UPSTREAM, "master").expect("a head")]
            );
            // Upstream's two, and ours: made twice, it has one name.
            assert_eq!(github.commits(), 3, "{at}");
            let count = |end: &str| github.effects().iter().filter(|effect| effect.ends_with(end)).count();
            assert_eq!(
                (count("/git/refs"), count("/pulls"), count("/forks"), count("/merge-upstream")),
                (1, 1, 0, 1),
                "{at}"
            );
            check_records(&engine, &[TOKEN]);
            // And once more changes nothing.
            let effects = github.effects();
            deliver(&engine, &github, &["--resume"]).exits(0);
            assert_eq!(github.effects(), effects, "{at}");
            boundaries += 1;
        }
        if !was_reached {
            break;
        }
    }
    assert!(boundaries >= 30, "{boundaries} boundaries only");
}

#[test]
fn a_fork_killed_at_its_birth_is_made_once() {
    for nth in 3..9 {
        for kill in [Kill::BeforeEffect, Kill::AfterEffect] {
            let github = GitHub::start();
            let engine = publisher();
            assert!(killed_at(&engine, &github, (nth, kill)));
            deliver(&engine, &github, &["--resume"]).exits(0);
            assert_eq!(github.pulls().len(), 1);
            assert!(github.head("mona/winget-pkgs-1", "master").is_none(), "a second fork at {nth}, {kill:?}");
            check_records(&engine, &[TOKEN]);
        }
    }
}

/// Git itself lives on when only its parent is killed: both come to one commit.
#[test]
#[ignore = "needs git"]
fn a_push_killed_before_and_after_it_arrived_is_one_commit() {
    for hook in ["pre-receive", "update", "post-receive", "post-update"] {
        let engine = Engine::new();
        let bare = Bare::create(&engine.home().join("bucket.git"));
        engine.write("content", "{}\n");
        engine.write("delivery.json", push(&bare.path.to_string_lossy(), "bucket/tool.json", "content").to_string());
        let marker = engine.home().join("reached");
        bare.hook(hook, &format!("touch {}; sleep 1", marker.display()));
        let arguments = |more: &[&'static str]| arguments(&[&["--author", "A <a@b>"], more].concat());
        let running = engine.start(arguments(&[]));
        let started = std::time::Instant::now();
        while !marker.exists() {
            assert!(started.elapsed() < PATIENCE, "{hook} was not reached");
            std::thread::sleep(Duration::from_millis(5));
        }
        running.kill();
        engine.run(arguments(&["--resume"])).exits(0);
        assert_eq!(bare.log("main"), ["bucket/tool.json: Update to version 1.2.0", "other"], "{hook}");
        assert_eq!(bare.moves("main"), 2, "{hook}: begun once, and moved once");
        check_records(&engine, &[]);
        engine.run(arguments(&["--resume"])).exits(0);
        assert_eq!(bare.moves("main"), 2, "{hook}");
    }
}
