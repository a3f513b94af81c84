//! `turbo-engine component list`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde::Serialize;
use serde_json::Value;

use super::add::{SHORT_DIGITS, reach_json, reach_lines};
use crate::cli::download::{path_text, valued};
use crate::cli::engine::rule_options;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::registry::{LockArgs, registry};
use crate::cli::settings::{Flag, Settings};
use crate::component::{RuleState, RuleSummary, Rules};
use crate::model::files::{Locked, LockedKind};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    lock: LockArgs,
    /// Folder of the cache
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache_dir: Option<PathBuf>,
}

impl ListArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.lock.flags().into_iter().chain(valued("cache-dir", path_text(self.cache_dir.as_ref()))).collect()
    }
}

/// Patterns of a rule that the list shows; `component inspect` shows all.
const SHOWN_PATTERNS: usize = 4;

/// One component as the list shows it.
#[derive(Debug, Serialize)]
struct Row {
    v: u32,
    event: &'static str,
    name: String,
    rule: String,
    version: String,
    sha256: String,
    bytes: u64,
    source: String,
    state: &'static str,
    reason: Option<String>,
    pinned: bool,
    signer: Option<String>,
    grants: std::collections::BTreeMap<String, String>,
    previous: Vec<String>,
    /// What it learns and where it leads; none where it does not take part.
    reach: Option<Value>,
    #[serde(skip)]
    lines: Vec<String>,
}

/// Runs the verb. Every installed component is loaded as a download would.
pub(super) fn run(settings: &Settings, output: &Output) -> Result<(), CliError> {
    let registry = registry(settings);
    let file = registry.lock_file()?;
    let options = rule_options(settings)?;
    let rules = Rules::open(&options)?;
    let listed = rules.list();
    // What the lockfile says of signers is anybody's word; the keys decide.
    let generators = registry.load(&[], &settings.limits, &settings.grants)?.generators;
    let signer = |name: &str, locked: &Locked| {
        let component = options.installed.given.iter().chain(&generators).find(|component| component.name == name)?;
        registry.signed(&locked.current, &component.bytes).ok()?.signer()
    };
    let installed = file
        .components
        .iter()
        .map(|(name, locked)| Row { signer: signer(name, locked), ..installed(name, locked, &listed) });
    if !output.json {
        rules.reaching().iter().for_each(|reaching| output.warning(&reaching.to_string()));
    }
    let others = listed.iter().filter(|rule| rule.path.is_none()).map(built_in);
    let rows: Vec<Row> = installed.chain(others).collect();
    if output.json {
        return rows.iter().try_for_each(|row| output.json(row));
    }
    output.data(&table(&rows))
}

fn installed(name: &str, locked: &Locked, listed: &[RuleSummary]) -> Row {
    let version = &locked.current;
    let is_refused = listed.iter().any(|rule| rule.id == name && matches!(rule.state, RuleState::LeftOut(_)));
    let (state, reason) = match version.kind {
        // No download asks it, so that none can leave it out.
        LockedKind::ManifestGenerator if !is_refused => ("active", None),
        _ => state(name, &version.sha256, listed),
    };
    let rule = listed.iter().find(|rule| rule.sha256 == version.sha256);
    Row {
        v: 1,
        event: "component",
        name: name.to_owned(),
        rule: version.rule.clone(),
        version: version.version.clone(),
        sha256: version.sha256.clone(),
        bytes: version.bytes,
        source: version.source.clone(),
        state,
        reason,
        pinned: locked.pinned,
        signer: None,
        grants: version.grants.clone(),
        previous: locked.previous.iter().map(|version| version.sha256.clone()).collect(),
        reach: None,
        lines: Vec::new(),
    }
    .reaching(rule)
}

/// Whether a component takes part, and why not.
fn state(name: &str, sha256: &str, listed: &[RuleSummary]) -> (&'static str, Option<String>) {
    let refused = |rule: &&RuleSummary| matches!(&rule.state, RuleState::LeftOut(_)) && rule.id == name;
    match listed.iter().find(|rule| rule.sha256 == sha256).or_else(|| listed.iter().find(refused)) {
        Some(RuleSummary { state: RuleState::LeftOut(fault), .. }) => ("left-out", Some(fault.what())),
        Some(_) => ("active", None),
        None => ("replaced", Some("a rule named with --rule has its identifier".into())),
    }
}

fn built_in(rule: &RuleSummary) -> Row {
    let (state, reason) = state(&rule.id, &rule.sha256, std::slice::from_ref(rule));
    Row {
        v: 1,
        event: "component",
        name: rule.id.clone(),
        rule: rule.id.clone(),
        version: rule.version.clone(),
        sha256: rule.sha256.clone(),
        bytes: rule.bytes,
        source: "built in".into(),
        state,
        reason,
        pinned: false,
        signer: None,
        grants: std::collections::BTreeMap::new(),
        previous: Vec::new(),
        reach: None,
        lines: Vec::new(),
    }
    .reaching(Some(rule))
}

impl Row {
    /// The row with what a rule learns and where it leads.
    fn reaching(self, rule: Option<&RuleSummary>) -> Self {
        let Some(rule) = rule.filter(|rule| !matches!(rule.state, RuleState::LeftOut(_))) else { return self };
        let RuleSummary { patterns, examples, .. } = rule;
        let reach = Some(reach_json(patterns, examples));
        Self { reach, lines: reach_lines(patterns, examples, SHOWN_PATTERNS), ..self }
    }
}

fn table(rows: &[Row]) -> String {
    let widest = |text: fn(&Row) -> usize| rows.iter().map(text).max().unwrap_or(0);
    let (names, versions) = (widest(|row| row.name.len()), widest(|row| row.version.len()));
    let line = |row: &Row| {
        let Row { name, version, sha256, state, source, .. } = row;
        let marks = marks(row);
        let below = row.reason.iter().chain(&row.lines);
        let below: String = below.map(|line| format!("{:names$}  {line}\n", "")).collect();
        let digest = &sha256[..SHORT_DIGITS];
        format!("{name:<names$}  {version:<versions$}  {digest}  {state:<8}  {source}{marks}\n{below}")
    };
    rows.iter().map(line).collect()
}

fn marks(row: &Row) -> String {
    let grants: Vec<String> = row.grants.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let marks = [
        row.pinned.then(|| "pinned".to_owned()),
        row.signer.as_ref().map(|signer| format!("signed by {signer}")),
        (!grants.is_empty()).then(|| format!("granted {}", grants.join(" "))),
    ];
    let marks: Vec<String> = marks.into_iter().flatten().collect();
    if marks.is_empty() { String::new() } else { format!(" ({})", marks.join("; ")) }
}
