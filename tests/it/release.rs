//! `publish`, as far as it sends nothing: releases from every tool that
//! describes them, artifacts of every kind, the gate, and generators that lie.

mod artifacts;
mod channels;
mod gate;
mod hostile;
mod intake;
pub mod packed;

use serde_json::Value;

use crate::rig::{Engine, Run, fixture};

/// A user in a project whose only channel lists the files of the release.
fn project(release: &str) -> Engine {
    let engine = Engine::new();
    engine.write("turbo-release.toml", with_lists(release));
    engine
}

/// A release file with the channel `lists`.
fn with_lists(release: &str) -> String {
    format!("{release}\n[channel.lists]\ncomponent = '{}'\n", fixture("list-files"))
}

/// A release with a file at `url`, which is what `tool.zip` is here.
fn release(name: &str, url: &str) -> String {
    format!(
        "[release]\nname = '{name}'\nversion = '1.2.3'\ndate = '2026-11-25'\n\
         [[artifact]]\npath = 'tool.zip'\nurl = '{url}'\n"
    )
}

/// Shows what would happen, without asking for public URLs.
fn dry(engine: &Engine, more: &[&str]) -> Run {
    engine.run([&["publish", "--dry-run", "--no-gate", "--json"], more].concat())
}

/// The event of a kind; panics when there is none.
#[track_caller]
fn event(run: &Run, kind: &str) -> Value {
    let events = run.events();
    let found = events.iter().find(|event| event["event"] == kind);
    found.unwrap_or_else(|| panic!("no `{kind}`: {events:#?}")).clone()
}

/// The release that a run has read.
#[track_caller]
fn read(engine: &Engine, more: &[&str]) -> Value {
    event(&dry(engine, more).exits(0), "release")["release"].clone()
}
