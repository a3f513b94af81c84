//! The host against components that behave and components that do not.

mod answers;
mod cache;
mod fixture;
mod grants;
mod hostile;
mod loading;
mod swapping;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use url::Url;

use self::fixture::Fixture;
use super::host::sha256_hex;
use super::*;
use crate::model::{PrivateMirrors, Region};

/// A set of rules made of fixtures, with the folder they live in.
struct Set {
    folder: TempDir,
    options: RuleOptions,
}

impl Set {
    fn new(fixtures: &[Fixture]) -> Self {
        let components: Vec<Vec<u8>> = fixtures.iter().map(Fixture::build).collect();
        Self::of(&components)
    }

    fn of(components: &[Vec<u8>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = RuleOptions::default();
        for (number, component) in components.iter().enumerate() {
            let path = folder.path().join(format!("rule-{number}.wasm"));
            fs::write(&path, component).unwrap();
            options.user.push(path);
        }
        Self { folder, options }
    }

    fn cached(mut self) -> Self {
        self.options.cache_dir = Some(self.folder.path().join("cache"));
        self
    }

    fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.options.limits);
        self
    }

    /// Grants something to the bytes of a component.
    fn grant(mut self, component: &[u8], text: &str) -> Self {
        self.options.grants.insert(sha256_hex(component), Grant::parse([text]).unwrap());
        self
    }

    fn settings(mut self, rule: &str, text: &str) -> Self {
        self.options.settings.insert(rule.into(), text.parse().unwrap());
        self
    }

    fn open(&self) -> Rules {
        Rules::open(&self.options).unwrap()
    }

    fn refused(&self) -> ComponentError {
        Rules::open(&self.options).unwrap_err()
    }

    fn aot_files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("cache/aot-v1")).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .collect()
    }
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn ask(rules: &Rules, path: &str) -> Arc<Answer> {
    rules.ask(&url(&format!("https://origin.example/{path}")), Region::WORLD)
}

fn candidates(answer: &Answer) -> Vec<&str> {
    answer.candidates.iter().map(|candidate| candidate.url.as_str()).collect()
}
