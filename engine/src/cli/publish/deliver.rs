//! `turbo-engine publish deliver`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use serde_json::json;
use url::Url;

use super::delivery_file::{self, Named};
use super::git_options::git_options;
use super::secrets::secret;
use crate::cli::download::NetworkArgs;
use crate::cli::engine::{net_options, runtime};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::settings::{Flag, Settings};
use crate::model::delivery::Delivery;
use crate::model::seconds_of_day;
use crate::net::Net;
use crate::publish::audit::AuditLog;
use crate::publish::deliver::{Author, DeliverError, Parcel, Reach, Standing, Submission};
use crate::publish::ledger::Ledger;
use crate::publish::pack::pack;
use crate::publish::state::{Earlier, Scope};

/// Deliver what was generated: a pull request, a push, a package, an artifact of a registry, or files
///
/// Every effect is recorded before it is tried and after it, in the audit log
/// for people and in the state file for the next run: with --resume the same
/// command goes on where a failure or a kill ended it, and does nothing twice.
/// --dry-run prints all that would change, and changes nothing.
#[derive(Debug, Args)]
pub(super) struct DeliverArgs {
    /// The delivery: a JSON file that names its contents beside it
    #[arg(value_name = "DELIVERY", value_hint = ValueHint::FilePath)]
    delivery: PathBuf,
    /// How far it has come, one file a release and channel
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    state: PathBuf,
    /// The audit log, which only grows
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    audit: PathBuf,
    /// Where the key is that authenticates the end of the audit log
    #[arg(long, value_name = "SOURCE")]
    audit_key: Option<String>,
    /// Print every effect with all differences, and perform none
    #[arg(long, conflicts_with = "resume")]
    dry_run: bool,
    /// Go on where an earlier run ended
    #[arg(long)]
    resume: bool,
    /// Where the token is: env:NAME, fd:N or keyring:SERVICE/ACCOUNT
    #[arg(long, value_name = "SOURCE")]
    credential: Option<String>,
    /// User to name with the token when git asks; hosts of git ignore it
    #[arg(long, value_name = "NAME", default_value = "x-access-token")]
    user: String,
    /// Name and address in the commit
    #[arg(long, value_name = "'NAME <MAIL>'")]
    author: Option<String>,
    /// Who has the fork, when that is not the user of the token
    #[arg(long, value_name = "OWNER")]
    fork: Option<String>,
    /// Folder for files beside the release
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    into: Option<PathBuf>,
    /// The API of GitHub; GitHub Enterprise has it at `https://HOST/api/v3`
    #[arg(long, value_name = "URL", default_value = "https://api.github.com")]
    api: Url,
    /// Where a repository OWNER/NAME is pushed to
    #[arg(long, value_name = "URL", default_value = "https://github.com")]
    web: Url,
    /// Longest wait, in seconds, for a server's limit of requests to pass
    #[arg(long, value_name = "S", default_value_t = 300)]
    wait: u64,
    #[command(flatten)]
    network: NetworkArgs,
}

impl DeliverArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.network.flags()
    }
}

/// Runs the verb.
pub(super) fn run(args: &DeliverArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let named = delivery_file::read(&args.delivery)?;
    let net = Net::new(net_options(settings, args.network.resolve.clone())?);
    let reach = reach(args, settings, (&net, &named))?;
    let package = if let Delivery::Nupkg(package) = &named.delivery { Some(pack(package)?) } else { None };
    let parcel = Parcel { delivery: &named.delivery, package: package.as_ref() };
    let scope = Scope::of(&named.release, &named.channel, &named.delivery);
    let failed = |source: DeliverError| CliError::Deliver { channel: named.channel.clone(), source: Box::new(source) };
    let runtime = runtime()?;
    if args.dry_run {
        let told = runtime.block_on(reach.rehearse(parcel, &mut Ledger::rehearsal(scope)));
        runtime.shutdown_background();
        let told = told.map_err(failed)?;
        if output.json {
            return output.json(&json!({"v": 1, "event": "dry-run", "channel": named.channel, "effects": told}));
        }
        return output.data(&told);
    }
    let key = args.audit_key.as_deref().map(secret).transpose()?;
    let audit = AuditLog::open(&args.audit, key)?;
    let earlier = if args.resume { Earlier::Resume } else { Earlier::Refuse };
    let mut ledger = Ledger::open(&audit, args.state.clone(), scope, earlier)?;
    if let Some(known) = ledger.submission() {
        let known = Submission { state: Standing::AlreadyThere, reference: known.reference.clone() };
        return tell((&named.release, &named.channel), &known, output);
    }
    let delivered = runtime.block_on(reach.deliver(parcel, &mut ledger));
    runtime.shutdown_background();
    tell((&named.release, &named.channel), &delivered.map_err(failed)?, output)
}

/// Tells what became of a delivery.
pub(super) fn tell((release, channel): (&str, &str), submission: &Submission, output: &Output) -> Result<(), CliError> {
    let Submission { reference, state } = submission;
    if output.json {
        return output.json(&json!({
            "v": 1, "event": "delivery", "release": release, "channel": channel, "state": state, "reference": reference,
        }));
    }
    let word = if *state == Standing::AlreadyThere { "already there" } else { "delivered" };
    output.data(&format!("{channel}: {word}: {reference}\n"))
}

fn reach<'a>(args: &DeliverArgs, settings: &Settings, (net, named): (&'a Net, &Named)) -> Result<Reach<'a>, CliError> {
    let author = args.author.as_deref().map(|text| Author::parse(text, 0)).transpose();
    let author = author.map_err(|why| CliError::usage(format!("--author: {why}"), "write it as 'NAME <MAIL>'"))?;
    let mut scratch = OsString::from(args.state.as_os_str());
    scratch.push(if args.dry_run { ".dry-run.git" } else { ".git" });
    Ok(Reach {
        net,
        api: args.api.clone(),
        web: args.web.clone(),
        token: args.credential.as_deref().map(secret).transpose()?,
        user: args.user.clone(),
        author,
        fork: args.fork.clone(),
        folder: args.into.clone(),
        seconds: moment(&named.date)?,
        git: git_options(settings),
        scratch: scratch.into(),
        retries: settings.count("retry"),
        patience: Duration::from_secs(args.wait),
    })
}

/// The moment of a commit of a release.
pub(super) fn moment(day: &str) -> Result<u64, CliError> {
    let wrong = || CliError::usage(format!("`{day}` is not the day of a release"), "write it as YYYY-MM-DD");
    seconds_of_day(day).ok_or_else(wrong)
}
