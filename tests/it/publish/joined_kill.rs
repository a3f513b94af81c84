//! Killed at every effect of any of its channels, `publish` goes on: each
//! effect happens exactly once, by the servers' own records.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::world::World;
use crate::rig::{Answer, Request};

/// Far above what a run needs on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// When the process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kill {
    /// The server has the request and has done nothing.
    BeforeEffect,
    /// The server has done it, and its answer is lost.
    AfterEffect,
}

fn is_effect(request: &Request) -> bool {
    matches!(request.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
}

/// How many requests of a whole run have an effect.
fn effects() -> usize {
    let world = World::new();
    world.publish(&[]).exits(0);
    let requests = world.github.origin.requests().into_iter().chain(world.feed.origin.requests());
    requests.filter(is_effect).count()
}

/// Stops the effect number `nth` of all servers, and says so.
struct Stop {
    left: AtomicUsize,
    kill: Kill,
    reached: Mutex<Sender<()>>,
}

impl Stop {
    fn answer(&self, request: &Request, honest: impl Fn(&Request) -> Answer) -> Option<Answer> {
        if !is_effect(request) || self.left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return None;
        }
        if self.kill == Kill::AfterEffect {
            honest(request);
        }
        let _ = self.reached.lock().expect("no panic").send(());
        Some(Answer::silence())
    }
}

fn killed_at(world: &World, nth: usize, kill: Kill) {
    let (sender, reached) = mpsc::channel();
    let stop = Arc::new(Stop { left: AtomicUsize::new(nth + 1), kill, reached: Mutex::new(sender) });
    let (github, feed) = (world.github.doer(), world.feed.doer());
    let shared = Arc::clone(&stop);
    world.github.bend(move |request| shared.answer(request, &github));
    world.feed.bend(move |request| stop.answer(request, &feed));
    let running = world.start(&[]);
    reached.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("effect {nth} was not reached"));
    running.kill();
    world.github.straighten();
    world.feed.bend(|_| None);
}

#[test]
fn a_release_killed_at_every_effect_is_published_once() {
    let effects = effects();
    assert!(effects >= 5, "{effects} effects only");
    for nth in 0..effects {
        for kill in [Kill::BeforeEffect, Kill::AfterEffect] {
            let world = World::new();
            killed_at(&world, nth, kill);
            world.publish(&["--resume"]).exits(0);
            let at = format!("effect {nth}, {kill:?}: {:?}", world.github.effects());
            assert_eq!(world.github.pulls().len(), 1, "{at}");
            let count = |end: &str| world.github_effects().iter().filter(|effect| effect.ends_with(end)).count();
            assert_eq!((count("/git/refs"), count("/pulls")), (1, 1), "{at}");
            assert_eq!(world.feed.pushes().into_iter().collect::<Vec<_>>(), [("tool 1.2.0".to_owned(), 1)], "{at}");
            world.check_records();
        }
    }
}

/// A bucket beside the other channels: a push that is killed while the other
/// side takes it is one commit.
#[cfg(unix)]
#[test]
#[ignore = "needs git"]
fn a_bucket_killed_while_it_takes_the_push_has_one_commit() {
    for hook in ["pre-receive", "post-receive"] {
        let world = World::new();
        let (channel, bare) = world.scoop();
        world.write(&(world.chocolatey() + &channel + &world.winget()));
        let marker = world.engine.home().join("reached");
        bare.hook(hook, &format!("touch {}; sleep 1", marker.display()));
        let running = world.start(&[]);
        let begun = std::time::Instant::now();
        while !marker.exists() {
            assert!(begun.elapsed() < PATIENCE, "the hook {hook} was not reached");
            std::thread::sleep(Duration::from_millis(5));
        }
        running.kill();
        bare.hook(hook, "true");
        world.publish(&["--resume"]).exits(0);
        assert_eq!(bare.log("main"), ["tool: Add version 1.2.0", "other"], "killed in {hook}");
        assert_eq!((world.github.pulls().len(), world.feed.pushes()["tool 1.2.0"]), (1, 1));
        world.check_records();
        world.publish(&["--resume"]).exits(0);
        assert_eq!(bare.log("main").len(), 2);
    }
}
