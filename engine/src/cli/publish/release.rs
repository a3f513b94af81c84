//! `turbo-engine publish --release`: the way of one release.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, ValueHint};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::channels::{Mode, Way};
use super::loaded::{Loaded, load};
use super::report::{Concluded, Report};
use super::secrets::{Secrets, secret};
use super::signer::signer;
use crate::cli::download::{NetworkArgs, switch};
use crate::cli::engine;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::registry::LockArgs;
use crate::cli::settings::{Flag, Settings, cache_dir};
use crate::cli::signals::interrupted;
use crate::component::Generators;
use crate::download::{Engine, reason};
use crate::model::release::Release;
use crate::model::{ExitCode, Secret};
use crate::net::Net;
use crate::publish::PublishError;
use crate::publish::alert::{Alert, Webhook, alert};
use crate::publish::artifact::{Studied, study};
use crate::publish::audit::AuditLog;
use crate::publish::gate::{Absent, GateOptions, gate};
use crate::publish::intake::{FILE_NAME, GithubApi, Intake, IntakeOptions, Stage, take};
use crate::publish::records::{RECORDS_FOLDER, Records};
use crate::publish::run::{Choice, Chosen, choose};
use crate::publish::state::Earlier;
use crate::store::{ScratchFolder, create_folder};

/// How long uploads may take.
const PATIENCE_S: u64 = 300;

/// What to release, and how far to go.
#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    /// What to release: turbo-release.toml, cargo-dist's dist-manifest.json, GoReleaser's dist folder, a
    /// pattern of files such as 'dist/*.zip', or a GitHub tag (TAG or OWNER/REPO@TAG)
    #[arg(long, value_name = "FILE|GLOB|TAG", default_value = FILE_NAME)]
    release: String,
    /// File with the channels and what the release does not say itself
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    release_file: Option<PathBuf>,
    /// Generators to use instead of those of the channels: files, installed ones, or built-in ones
    #[arg(long, value_name = "WASM|NAME", num_args = 1..)]
    component: Vec<String>,
    /// Channel to publish to; all without it
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Publish to the channels' staging targets
    #[arg(long)]
    staging: bool,
    /// Show every effect in full and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the files of every channel to this folder and send nothing
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// Folder that stands for the destinations as they are, DIR/CHANNEL/..., so that nobody is asked
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "resume")]
    prior: Option<PathBuf>,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Let what others name be at private addresses
    #[arg(long)]
    allow_private_mirrors: bool,
    #[command(flatten)]
    network: NetworkArgs,
}

/// How the public URLs are looked at.
#[derive(Debug, Args)]
struct GateArgs {
    /// Seconds to wait for artifacts that the public cannot get yet: 300, or none where nothing is
    /// sent; there what is missing fails with this option, and is a warning without it
    #[arg(long, value_name = "S")]
    wait: Option<u64>,
    /// Do not fetch the public URLs; only where nothing is sent
    #[arg(long, conflicts_with = "wait")]
    no_gate: bool,
}

/// What is kept of a release that is published.
#[derive(Debug, Args)]
struct RecordArgs {
    /// Folder for the audit log, and for how far each release and channel has come
    #[arg(long, value_name = "DIR", default_value = RECORDS_FOLDER, value_hint = ValueHint::DirPath)]
    records: PathBuf,
    /// Go on where an earlier run ended: what is done already is not done again
    #[arg(long, conflicts_with_all = ["dry_run", "out"])]
    resume: bool,
    /// Where the key is that authenticates the end of the audit log: env:NAME, fd:N or keyring:SERVICE/ACCOUNT
    #[arg(long, value_name = "SOURCE")]
    audit_key: Option<String>,
    /// Where to post what failed, as JSON: an https URL, or env:NAME, fd:N, keyring:SERVICE/ACCOUNT
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["dry_run", "out"])]
    webhook: Option<String>,
}

impl ReleaseArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let private = switch(self.allow_private_mirrors, "allow-private-mirrors", "allow-private-mirrors", "true");
        self.lock.flags().into_iter().chain(self.network.flags()).chain(private).collect()
    }

    fn sends_nothing(&self) -> bool {
        self.dry_run || self.out.is_some()
    }

    fn gate_options(&self) -> GateOptions {
        let (absent, patience) = match self.gate.wait {
            Some(seconds) => (Absent::Fails, seconds),
            None if self.sends_nothing() => (Absent::Told, 0),
            None => (Absent::Fails, PATIENCE_S),
        };
        GateOptions { patience: Duration::from_secs(patience), absent }
    }

    fn stage(&self) -> Stage {
        if self.staging { Stage::Staging } else { Stage::Public }
    }

    fn mode(&self) -> Result<Mode, CliError> {
        if self.sends_nothing() {
            return Ok(Mode::Show { effects: self.dry_run });
        }
        let records = Records::new(self.records.records.clone());
        let key = self.records.audit_key.as_deref().map(secret).transpose()?;
        create_folder(records.folder())?;
        let audit = AuditLog::open(&records.audit(), key)?;
        let earlier = if self.records.resume { Earlier::Resume } else { Earlier::Refuse };
        Ok(Mode::Deliver { records, audit, earlier })
    }
}

/// Runs the verb.
pub(super) fn run(args: &ReleaseArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    if args.gate.no_gate && !args.sends_nothing() {
        let hint = "leave out --no-gate, or look first with --dry-run or --out DIR";
        return Err(CliError::usage("--no-gate is for runs that send nothing", hint));
    }
    let engine = Engine { rules: None, ..engine::build(settings, args.network.resolve.clone())? };
    let word = if args.sends_nothing() { "proposed" } else { "delivered" };
    let mut report = Report::new(output, word, args.out.clone());
    let runtime = engine::runtime()?;
    let scratch = cache_dir(settings).join(format!("publish-v1-{}", std::process::id()));
    let scratch = ScratchFolder::create(&scratch)?;
    let prepared = runtime.block_on(prepare(args, (&engine, output), scratch.path()));
    let (intake, release, studied) = prepared?;
    report.release(&release)?;
    let signer = if args.sends_nothing() { None } else { signer(&intake.sign, scratch.path())? };
    let (generators, chosen) = generators(args, settings, intake)?;
    let variable = |name: &str| std::env::var(name).ok();
    let webhook = args.records.webhook.as_deref().map(|source| Webhook::named(source, &variable)).transpose()?;
    let way = Way {
        settings,
        runtime: &runtime,
        net: engine.net.clone(),
        release: &release,
        studied: &studied,
        generators: &generators,
        signer,
        stage: args.stage(),
        prior: args.prior.clone(),
        github: (github_api()?.base, github_web()?),
        scratch: scratch.path().to_owned(),
        patience: args.gate_options().patience,
        mode: args.mode()?,
        secrets: Secrets::default(),
    };
    for chosen in &chosen {
        report.channel(&chosen.name, way.channel(chosen))?;
    }
    drop(way);
    if let Some(webhook) = &webhook {
        let alerts = report.alerts(now());
        runtime.block_on(post(&engine.net, webhook, &alerts, output));
    }
    // Idle connections are not worth waiting for.
    runtime.shutdown_background();
    let Concluded { code, error } = report.conclude()?;
    error.map_or(Ok(code), Err)
}

/// Posts what failed. A webhook that fails changes nothing of what was done.
async fn post(net: &Net, webhook: &Webhook, alerts: &[Alert], output: &Output) {
    for told in alerts {
        if let Err(error) = alert(net, webhook, told).await {
            output.warning(&format!("nobody was told that {} failed: {}", told.channel, reason(&error)));
        }
    }
}

/// Reads the release, studies its artifacts and passes the gate.
async fn prepare(
    args: &ReleaseArgs,
    (engine, output): (&Engine, &Output),
    scratch: &Path,
) -> Result<(Intake, Release, Vec<Studied>), CliError> {
    let cancel = CancellationToken::new();
    let work = async {
        let options = IntakeOptions {
            release: args.release.clone(),
            file: args.release_file.clone(),
            api: github_api()?,
            today: today(),
        };
        let mut intake = take(&engine.net, &options).await.map_err(PublishError::from)?;
        let planned = std::mem::take(&mut intake.artifacts);
        let studied = study(engine, planned, scratch, &cancel).await.map_err(PublishError::from)?;
        studied.iter().flat_map(|studied| &studied.warnings).for_each(|text| output.warning(text));
        if !args.gate.no_gate {
            let told = gate(engine, &studied, args.gate_options(), &cancel).await.map_err(PublishError::from)?;
            told.iter().for_each(|text| output.warning(text));
        }
        let artifacts = studied.iter().map(|studied| studied.artifact.clone()).collect();
        let release = Release { artifacts, ..intake.release.clone() };
        Ok((intake, release, studied))
    };
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = interrupted(), if !cancel.is_cancelled() => cancel.cancel(),
        }
    }
}

/// The generators, and the channels that they are for.
fn generators(args: &ReleaseArgs, settings: &Settings, intake: Intake) -> Result<(Generators, Vec<Chosen>), CliError> {
    let named: Vec<PathBuf> = args.component.iter().map(PathBuf::from).filter(|path| path.is_file()).collect();
    let of_channels = intake.channels.values().filter_map(|channel| channel.component.as_ref());
    let of_channels = of_channels.map(|component| intake.folder.join(component)).filter(|path| path.is_file());
    let named: Vec<PathBuf> = named.into_iter().chain(of_channels).collect();
    let Loaded { generators, installed, refused } = load(settings, &named)?;
    let choice = Choice {
        channels: intake.channels,
        folder: intake.folder,
        components: args.component.clone(),
        only: args.only.clone(),
        installed,
        refused,
    };
    let chosen =
        choose(&choice, &generators).map_err(|what| CliError::usage(what, "choose among those with --only"))?;
    if chosen.is_empty() {
        let hint = format!("write [channel.NAME] in {FILE_NAME}, or name a generator with --component");
        return Err(CliError::usage("the release goes to no channel", hint));
    }
    Ok((generators, chosen))
}

/// GitHub's API, or that of the enterprise whose runner this is.
pub(super) fn github_api() -> Result<GithubApi, CliError> {
    let named = std::env::var("GITHUB_API_URL").ok().filter(|url| !url.is_empty());
    let base = named.as_deref().unwrap_or("https://api.github.com").parse::<Url>();
    let base = base.map_err(|error| CliError::usage(format!("GITHUB_API_URL: {error}"), "give it an https URL"))?;
    let token = std::env::var("GITHUB_TOKEN").ok().filter(|token| !token.is_empty()).map(Secret::new);
    Ok(GithubApi { base, token })
}

/// Where GitHub's repositories are, or those of the enterprise whose runner this is.
pub(super) fn github_web() -> Result<Url, CliError> {
    let named = std::env::var("GITHUB_SERVER_URL").ok().filter(|url| !url.is_empty());
    let web = named.as_deref().unwrap_or("https://github.com").parse();
    web.map_err(|error| CliError::usage(format!("GITHUB_SERVER_URL: {error}"), "give it an https URL"))
}

/// Today as `YYYY-MM-DD`, in UTC; the day that `SOURCE_DATE_EPOCH` names where
/// builds are to be the same whenever they are made.
fn today() -> String {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    day(told.unwrap_or_else(now))
}

/// The moment, in seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The civil date of a second since 1970 (Howard Hinnant's algorithm).
fn day(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let of_year_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_year_era + of_year_era / 4 - of_year_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = of_year_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn seconds_have_dates() {
        for (seconds, date) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_798_761_599, "2026-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(day(seconds), date);
        }
    }
}
