//! The set of mirror rules: who is asked, in which order, and what is kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use url::Url;

use super::{Answer, ComponentError, Limits};
use crate::model::Region;

/// Which rules to load, and how.
#[derive(Debug, Clone, Default)]
pub struct RuleOptions {
    /// Where compiled components are kept; none keeps nothing.
    pub cache_dir: Option<PathBuf>,
    /// Whether the rules inside the engine take part.
    pub built_in: bool,
    /// Components that the user named, asked before the built-in ones.
    pub user: Vec<PathBuf>,
    /// Settings by rule identifier.
    pub settings: BTreeMap<String, toml::Table>,
    /// What a component may use.
    pub limits: Limits,
    /// Whether candidates may be in private networks.
    pub private_mirrors: PrivateMirrors,
}

/// Whether candidates may be loopback, private or link-local hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrivateMirrors {
    /// They are dropped.
    #[default]
    Refuse,
    /// They are kept (`--allow-private-mirrors`).
    Allow,
}

/// A set of mirror rules. Cheap to clone; calls are synchronous and take
/// about a microsecond, except the first, which may compile.
#[derive(Debug, Clone)]
pub struct Rules {
    shared: Arc<()>,
}

/// One rule, as `component list` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct RuleSummary {
    /// Stable name.
    pub id: String,
    /// Version of the rule.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The file, none when the rule is inside the engine.
    pub path: Option<PathBuf>,
    /// SHA-256 of the component, in hexadecimal.
    pub sha256: String,
    /// Length of the component.
    pub bytes: u64,
    /// The URLs it is asked about.
    pub patterns: Vec<Pattern>,
    /// Whether it takes part.
    pub state: RuleState,
}

/// A set of URLs, as a rule describes the ones it has an answer for. An empty
/// list matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Pattern {
    /// Schemes, without the colon.
    pub schemes: Vec<String>,
    /// Host suffixes, by whole labels.
    pub host_suffixes: Vec<String>,
    /// Path prefixes.
    pub path_prefixes: Vec<String>,
}

/// Whether a rule takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "detail", rename_all = "kebab-case")]
pub enum RuleState {
    /// It is asked.
    Active,
    /// It is asked on a fresh instance each time, because it kept state.
    Demoted,
    /// It failed too often and rests.
    Resting,
    /// It was left out; the text says why.
    LeftOut(String),
}

/// What the rules did so far.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RuleCounters {
    /// Questions asked of the set.
    pub questions: u64,
}

impl Rules {
    /// Loads a set of rules.
    ///
    /// # Errors
    ///
    /// Only for what the user named and that is no usable component at all; a
    /// component that breaks a limit is left out and shows in the faults.
    pub fn open(_options: &RuleOptions) -> Result<Self, ComponentError> {
        Ok(Self { shared: Arc::new(()) })
    }

    /// Asks every interested rule where else the bytes of a URL are.
    pub fn ask(&self, _url: &Url, _region: Region) -> Arc<Answer> {
        let _ = &self.shared;
        Arc::default()
    }

    /// Every rule, in the order of asking.
    pub fn list(&self) -> Vec<RuleSummary> {
        Vec::new()
    }

    /// What the rules did so far.
    pub fn counters(&self) -> RuleCounters {
        RuleCounters::default()
    }
}
