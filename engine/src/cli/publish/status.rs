//! `turbo-engine publish status`: what became of what was delivered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueHint};
use serde_json::json;
use url::Url;

use super::loaded::{Loaded, load};
use super::release::{github_api, github_web};
use super::secrets::Secrets;
use super::state_files::{self, word};
use crate::cli::download::{NetworkArgs, switch};
use crate::cli::engine::{net_options, runtime};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::registry::LockArgs;
use crate::cli::settings::{Flag, Settings};
use crate::component::Generators;
use crate::model::{ExitCode, Explain as _};
use crate::net::Net;
use crate::publish::alert::{Alert, Webhook};
use crate::publish::inquiry::GitHubAt;
use crate::publish::outcome::Fate;
use crate::publish::rate::{Rate, rates};
use crate::publish::records::{KeptOrder, RECORDS_FOLDER, Records};
use crate::publish::run::{Choice, origin};
use crate::publish::status::{Finding, StatusError, Survey};
use crate::store::is_folder;

/// Show what became of what was delivered
///
/// Of every delivery in the records, its generator names what to ask and says
/// what the answers mean: a pull request's state, labels and checks, a
/// package's moderation. Exits 3 when something needs a look: it failed, waits
/// for somebody, was not delivered to its end, or nothing has happened for too
/// long. With --webhook each such thing is posted once; where that fails, the
/// exit code is 1 and the next run tries again.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// State files of single deliveries, instead of the records; GitHub is
    /// asked about them with --credential alone
    #[arg(value_name = "STATE", value_hint = ValueHint::FilePath)]
    pub(super) states: Vec<PathBuf>,
    /// Folder with the records
    #[arg(long, value_name = "DIR", default_value = RECORDS_FOLDER, value_hint = ValueHint::DirPath)]
    records: PathBuf,
    /// Channel to look at; all without it
    #[arg(long, value_name = "CHANNEL", conflicts_with = "states")]
    only: Vec<String>,
    /// Release to look at; all without it
    #[arg(long, value_name = "NAME-VERSION", conflicts_with = "states")]
    release: Option<String>,
    /// Where alerts are posted to as JSON: an https URL, or where it is, env:NAME, fd:N or
    /// keyring:SERVICE/ACCOUNT
    #[arg(long, value_name = "SOURCE", conflicts_with = "states")]
    webhook: Option<String>,
    /// Days without a change after which something pending needs a look
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=3650),
        conflicts_with = "states")]
    silence_days: u64,
    /// Where the token is when a channel does not say: env:NAME, fd:N or keyring:SERVICE/ACCOUNT
    #[arg(long, value_name = "SOURCE")]
    pub(super) credential: Option<String>,
    /// The API of GitHub when a channel does not say: `GITHUB_API_URL`, or `https://api.github.com`
    /// without it; GitHub Enterprise has it at `https://HOST/api/v3`
    #[arg(long, value_name = "URL")]
    api: Option<Url>,
    #[command(flatten)]
    lock: LockArgs,
    /// Let what generators name be at private addresses
    #[arg(long)]
    allow_private_mirrors: bool,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
}

impl StatusArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let private = switch(self.allow_private_mirrors, "allow-private-mirrors", "allow-private-mirrors", "true");
        self.lock.flags().into_iter().chain(self.network.flags()).chain(private).collect()
    }

    /// The API of GitHub, unless a channel says otherwise.
    pub(super) fn api(&self) -> Result<Url, CliError> {
        self.api.clone().map_or_else(|| Ok(github_api()?.base), Ok)
    }

    fn is_meant(&self, kept: &KeptOrder) -> bool {
        let KeptOrder { order, channel, folder } = kept;
        let of_folder = || folder.parent()?.file_name()?.to_str();
        let release = self.release.as_deref().is_none_or(|wanted| {
            order.release == wanted || order.release.replacen(' ', "-", 1) == wanted || of_folder() == Some(wanted)
        });
        release && (self.only.is_empty() || self.only.iter().any(|only| only == channel || *only == order.channel))
    }
}

/// Runs the verb.
pub(super) fn run(args: &StatusArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    if !args.states.is_empty() {
        return state_files::run(args, settings, output);
    }
    let variable = |name: &str| std::env::var(name).ok();
    let webhook = args.webhook.as_deref().map(|source| Webhook::named(source, &variable)).transpose()?;
    let (kept, broken) = orders(args, output)?;
    let net = Net::new(net_options(settings, args.network.resolve.clone())?);
    let (generators, choice) = generators(args, settings, &kept)?;
    let runtime = runtime()?;
    let secrets = Secrets::default();
    let survey = Survey {
        net: &net,
        runtime: &runtime,
        generators: &generators,
        origin: &|component| origin(component, &component_folder(&args.records, component), &choice),
        secret: &|source| source.or(args.credential.as_deref()).map(|source| secrets.fetch(source)).transpose(),
        github: GitHubAt { api: args.api()?, web: github_web()? },
        now: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        silence_days: args.silence_days,
        loaded: RefCell::default(),
    };
    let mut told = Told { output, needs_a_look: broken, untold: false, releases: Vec::new() };
    for kept in &kept {
        told.order(kept, &survey, webhook.as_ref())?;
    }
    drop(survey);
    runtime.shutdown_background();
    told.conclude()
}

/// The orders that are meant, and whether one could not be read.
fn orders(args: &StatusArgs, output: &Output) -> Result<(Vec<KeptOrder>, bool), CliError> {
    if !is_folder(&args.records) {
        let what = format!("there are no records in {}", args.records.display());
        return Err(CliError::usage(what, "name their folder with --records, or state files"));
    }
    let mut broken = false;
    let mut kept = Vec::new();
    for order in Records::new(args.records.clone()).orders()? {
        match order {
            Ok(order) if args.is_meant(&order) => kept.push(order),
            Ok(_) => {}
            Err(error) => {
                output.error(&error.into());
                broken = true;
            }
        }
    }
    if kept.is_empty() && !broken {
        output.note(&format!("nothing in {} was published, or nothing that is meant", args.records.display()));
    }
    Ok((kept, broken))
}

/// What generators run on, and what is installed.
fn generators(args: &StatusArgs, settings: &Settings, kept: &[KeptOrder]) -> Result<(Generators, Choice), CliError> {
    let named = kept.iter().map(|kept| &kept.order.component);
    let named = named.map(|component| component_folder(&args.records, component).join(component));
    let mut named: Vec<PathBuf> = named.filter(|path| path.is_file()).collect();
    named.sort();
    named.dedup();
    let Loaded { generators, installed, refused } = load(settings, &named)?;
    let choice = Choice {
        channels: BTreeMap::new(),
        folder: PathBuf::new(),
        components: Vec::new(),
        only: Vec::new(),
        installed,
        refused,
    };
    Ok((generators, choice))
}

/// The folder that the path of a component is seen from: this one, else the
/// one that the records lie in, which is the project's.
fn component_folder(records: &Path, component: &str) -> PathBuf {
    let project = records.parent().unwrap_or(Path::new(""));
    if Path::new(component).is_file() { PathBuf::new() } else { project.to_owned() }
}

/// What the user has been told, and what it comes to.
struct Told<'a> {
    output: &'a Output,
    needs_a_look: bool,
    /// Whether an alert did not arrive.
    untold: bool,
    /// Channel, and what became of each delivery, by release.
    releases: Vec<(String, Vec<Fate>)>,
}

impl Told<'_> {
    /// Asks about an order, tells what is found, and posts what is news. An
    /// order that fails stops no other.
    fn order(&mut self, kept: &KeptOrder, survey: &Survey<'_>, webhook: Option<&Webhook>) -> Result<(), CliError> {
        let findings = match survey.order(kept) {
            Ok(findings) => findings,
            Err(error) => {
                self.output.error(&error.into());
                self.needs_a_look = true;
                return Ok(());
            }
        };
        for finding in &findings {
            self.needs_a_look |= finding.needs_a_look();
            if self.output.json {
                self.output.json(&event(finding))?;
            } else {
                self.output.data(&shown(finding))?;
            }
            let Some(alert) = &finding.alert else { continue };
            let sent = webhook.filter(|_| finding.is_news).map(|webhook| survey.tell(finding, webhook));
            self.alert(alert, sent.as_ref())?;
        }
        let fates = findings.into_iter().map(|finding| finding.fate).collect();
        self.releases.push((kept.channel.clone(), fates));
        Ok(())
    }

    /// Tells of an alert, and whether somebody else was told.
    fn alert(&mut self, alert: &Alert, sent: Option<&Result<(), StatusError>>) -> Result<(), CliError> {
        let error = sent.and_then(|sent| sent.as_ref().err());
        self.untold |= error.is_some();
        if let Some(error) = error {
            self.output.warning(&chain(error));
            if let Some(hint) = error.hint() {
                self.output.note(&format!("hint: {hint}"));
            }
        }
        if !self.output.json {
            return Ok(());
        }
        let mut event = alert.event();
        event["sent"] = json!(sent.is_some_and(Result::is_ok));
        event["error"] = json!(error.map(|error| chain(error)));
        self.output.json(&event)
    }

    /// Tells the rates, and how it all ended.
    fn conclude(self) -> Result<ExitCode, CliError> {
        let releases = self.releases.iter().map(|(channel, fates)| (channel.as_str(), fates.iter().collect()));
        let rates = rates(releases);
        if self.output.json {
            for rate in &rates {
                self.output.json(&json!({
                    "v": 1, "event": "rate", "channel": rate.channel, "delivered": rate.delivered,
                    "succeeded": rate.succeeded, "failed": rate.failed, "pending": rate.pending, "rate": rate.rate,
                }))?;
            }
        } else if !rates.is_empty() {
            self.output.data(&table(&rates))?;
        }
        Ok(match (self.untold, self.needs_a_look) {
            (true, _) => ExitCode::Failed,
            (false, true) => ExitCode::Partial,
            (false, false) => ExitCode::Done,
        })
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}

fn event(finding: &Finding) -> serde_json::Value {
    json!({
        "v": 1, "event": "status", "release": finding.release, "channel": finding.channel,
        "delivery": finding.position, "state": finding.state.as_ref().map_or("unfinished", word),
        "reference": finding.reference(), "outcome": finding.fate, "since": finding.since,
        "needs-a-look": finding.needs_a_look(), "notes": finding.notes,
        "effects": finding.state.as_ref().map(|state| &state.effects),
    })
}

fn shown(finding: &Finding) -> String {
    let Finding { release, channel, fate, since, .. } = finding;
    let mut text = format!("{release}  {channel}: {} since {since}", fate.name());
    let silent = finding.alert.as_ref().filter(|_| fate.text().is_none()).map(|alert| alert.detail.as_str());
    if let Some(more) = fate.text().or(silent) {
        let _ = write!(text, ": {more}");
    }
    text.push('\n');
    let more = finding.reference().into_iter().chain(finding.notes.iter().map(String::as_str));
    more.for_each(|line| {
        let _ = writeln!(text, "  {line}");
    });
    text
}

fn table(rates: &[Rate]) -> String {
    let width = rates.iter().map(|rate| rate.channel.chars().count()).max().unwrap_or(0).max("channel".len());
    let mut text = format!("\n{:<width$}  delivered  succeeded  failed  pending  rate\n", "channel");
    for rate in rates {
        let share = rate.rate.map_or_else(|| "-".to_owned(), |share| format!("{:.0}%", share * 100.0));
        let Rate { channel, delivered, succeeded, failed, pending, .. } = rate;
        let _ =
            writeln!(text, "{channel:<width$}  {delivered:>9}  {succeeded:>9}  {failed:>6}  {pending:>7}  {share:>4}");
    }
    text
}
