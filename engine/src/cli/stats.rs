//! `turbo-engine stats`: what all downloads so far came to.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::Value;

use super::batch::JobOutcome;
use super::download::{path_text, valued};
use super::error::CliError;
use super::hosts::{self, Limit};
use super::output::Output;
use super::settings::{Flag, Settings, cache_dir};
use super::units::{show_bytes, show_rate};
use crate::component::RuleCounts;
use crate::download::{Engine, Receipt, SourceReceipt, reason};
use crate::metrics::{Account, HostAccount, RuleAccount, Totals, TotalsError};
use crate::model::ExitCode;
use crate::store::SharedFile;

/// Hosts that the table shows; `--json` has them all.
const SHOWN_HOSTS: usize = 20;

/// Show what all downloads so far came to.
#[derive(Debug, Args)]
pub(super) struct StatsArgs {
    /// Begin anew
    #[arg(long)]
    reset: bool,
    /// Folder of the cache, where the numbers are
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache_dir: Option<PathBuf>,
}

impl StatsArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        valued("cache-dir", path_text(self.cache_dir.as_ref())).into_iter().collect()
    }
}

/// The totals, and beside them the limits that hosts have shown.
fn json(totals: &Totals, limits: &[Limit]) -> Value {
    let mut value = serde_json::to_value(totals).expect("numbers and names serialise");
    value["limits"] = serde_json::to_value(limits).expect("numbers and names serialise");
    value
}

/// Runs the verb.
pub(super) fn run(args: &StatsArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    let file = SharedFile::totals(&cache_dir(settings));
    if args.reset {
        file.remove()?;
        hosts::forget(settings)?;
        output.note("the numbers begin anew");
        return Ok(ExitCode::Done);
    }
    let totals = match file.read()?.map(|text| Totals::parse(&text)).transpose() {
        Ok(totals) => totals.unwrap_or_default(),
        Err(error) => {
            return Err(CliError::usage(reason(&error), "begin anew with `turbo-engine stats --reset`"));
        }
    };
    if output.json {
        output.json(&json(&totals, &hosts::shown(settings)))?;
    } else {
        output.data(&(table(&totals) + &limit_table(&hosts::shown(settings))))?;
    }
    Ok(ExitCode::Done)
}

/// Adds the downloads of a run to the totals. That they cannot be kept is no
/// reason for a download to fail.
pub(super) fn remember(settings: &Settings, engine: &Engine, outcomes: &[JobOutcome]) {
    if !settings.switch("stats") {
        return;
    }
    let file = SharedFile::totals(&cache_dir(settings));
    let accounts: Vec<Account> = outcomes.iter().map(account).collect();
    let counted = engine.rules.as_ref().map(|rules| rules.counters().rules).unwrap_or_default();
    let updated = file.update(|text| match text.as_deref().map(Totals::parse).transpose() {
        // A newer engine knows what to do with its own.
        Err(TotalsError::Version(_)) => text.unwrap_or_default(),
        Err(TotalsError::Damaged(error)) => {
            tracing::debug!("the totals begin anew: {error}");
            added(Totals::default(), &accounts, &counted)
        }
        Ok(totals) => added(totals.unwrap_or_default(), &accounts, &counted),
    });
    if let Err(error) = updated {
        tracing::debug!("the totals stay as they were: {}", reason(&error));
    }
}

fn added(mut totals: Totals, accounts: &[Account], counted: &BTreeMap<String, RuleCounts>) -> Vec<u8> {
    for account in accounts {
        totals.add(account);
    }
    for (rule, counts) in counted.iter().filter(|(_, counts)| counts.calls > 0 || !counts.faults.is_empty()) {
        totals.add_rule(&RuleAccount {
            rule: rule.clone(),
            calls: counts.calls,
            candidates: counts.candidates,
            declined: counts.declined,
            faults: counts.faults.values().sum(),
        });
    }
    totals.to_json()
}

fn account(outcome: &JobOutcome) -> Account {
    match outcome {
        Ok(receipt) => Account {
            bytes: receipt.sources.iter().map(|source| source.bytes).sum(),
            cached_bytes: if receipt.from_cache { receipt.size } else { 0 },
            seconds: receipt.seconds,
            retries: receipt.retries.into(),
            hosts: hosts(receipt),
            ..Account::ended(ExitCode::Done)
        },
        Err(error) => Account::ended(error.exit_code()),
    }
}

fn hosts(receipt: &Receipt) -> Vec<HostAccount> {
    let asked = receipt.sources.iter().filter(|source| source.requests > 0);
    let met = |source: &SourceReceipt| HostAccount {
        host: source.host.clone(),
        bytes: source.bytes,
        requests: source.requests,
        failures: source.failures,
    };
    asked.map(met).collect()
}

fn table(totals: &Totals) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        // A string takes any write.
        let _ = writeln!(text, "{name:<15}{value}");
    };
    row("downloads", downloads(totals));
    row("network", format!("{} in {:.1} s ({})", show_bytes(totals.bytes), totals.seconds, show_rate(totals.rate())));
    row("cache", show_bytes(totals.cached_bytes));
    row("retries", totals.retries.to_string());
    text + &host_table(totals) + &rule_table(totals)
}

fn downloads(totals: &Totals) -> String {
    let failures = totals.failures.iter().map(|(code, count)| format!("{count} with exit code {code}"));
    match totals.failed() {
        0 => totals.downloads.to_string(),
        failed => {
            let how = failures.collect::<Vec<_>>().join(", ");
            format!("{}, {failed} failed: {how}", totals.downloads)
        }
    }
}

fn host_table(totals: &Totals) -> String {
    let mut hosts: Vec<_> = totals.hosts.iter().collect();
    hosts.sort_by_key(|(_, host)| Reverse((host.bytes, host.requests)));
    let left = hosts.len().saturating_sub(SHOWN_HOSTS);
    hosts.truncate(SHOWN_HOSTS);
    let mut rows = vec![["host", "bytes", "rate", "requests", "failures"].map(str::to_owned)];
    rows.extend(hosts.into_iter().map(|(name, host)| {
        let bytes = show_bytes(host.bytes);
        [name.clone(), bytes, show_rate(host.rate()), host.requests.to_string(), host.failures.to_string()]
    }));
    let more = if left > 0 { format!("and {left} more; --json has them all\n") } else { String::new() };
    columns(&rows) + &more
}

fn rule_table(totals: &Totals) -> String {
    let mut rows = vec![["rule", "calls", "candidates", "declined", "faults"].map(str::to_owned)];
    rows.extend(totals.rules.iter().map(|(name, rule)| {
        let numbers = [rule.calls, rule.candidates, rule.declined, rule.faults].map(|number| number.to_string());
        let [calls, candidates, declined, faults] = numbers;
        [name.clone(), calls, candidates, declined, faults]
    }));
    columns(&rows)
}

/// Hosts that refused one connection more, and how many are opened at most.
fn limit_table(limits: &[Limit]) -> String {
    let mut rows = vec![["limited host", "connections", "learned"].map(str::to_owned)];
    rows.extend(limits.iter().map(|limit| {
        let age = match limit.age_s / 3600 {
            0 => "within the hour".into(),
            hours @ 1..48 => format!("{hours} h ago"),
            hours => format!("{} days ago", hours / 24),
        };
        [limit.host.clone(), limit.connections.to_string(), age]
    }));
    columns(&rows)
}

/// Rows under their headings: names to the left, numbers to the right.
/// Headings alone are nothing.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    if rows.len() < 2 {
        return String::new();
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::from("\n");
    for row in rows {
        let _ = write!(text, "{:<width$}", row[0], width = widths[0]);
        for (number, width) in row.iter().zip(&widths).skip(1) {
            let _ = write!(text, "  {number:>width$}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_has_no_headings() {
        let text = table(&Totals::default());
        assert!(text.starts_with("downloads      0\n"), "{text}");
        assert!(!text.contains("host") && !text.contains("rule"), "{text}");
    }

    #[test]
    fn numbers_stand_below_each_other() {
        let mut totals = Totals::default();
        for (name, bytes) in [("a.example", 1 << 20), ("mirror.b.example", 3 << 30)] {
            let host = HostAccount { host: name.into(), bytes, requests: 12, failures: 0 };
            let account = Account { bytes, seconds: 2.0, hosts: vec![host], ..Account::ended(ExitCode::Done) };
            totals.add(&account);
        }
        totals.add(&Account::ended(ExitCode::Refused));
        let text = table(&totals);
        let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("host")).collect();
        assert!(lines[1].starts_with("mirror.b.example  3.00 GiB"), "{text}");
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{text}");
        assert!(text.contains("3, 1 failed: 1 with exit code 5"), "{text}");
    }
}
