//! `turbo-engine publish deliver`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use serde_json::json;
use url::Url;

use super::delivery_file::{self, Named};
use crate::cli::download::NetworkArgs;
use crate::cli::engine::{net_options, runtime};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::settings::{Flag, Settings};
use crate::model::delivery::{Delivery, GitChange, GitRoute};
use crate::model::{Secret, seconds_of_day};
use crate::net::Net;
use crate::publish::audit::AuditLog;
use crate::publish::credentials::CredentialSource;
use crate::publish::deliver::git::{GitLogin, GitOptions, GitPush, Remote};
use crate::publish::deliver::github::GitHubPull;
use crate::publish::deliver::{Author, DeliverError, Standing, Submission, files, git, github};
use crate::publish::ledger::Ledger;
use crate::publish::state::{Earlier, Scope};
use crate::store::sha256;

/// Variables that git is given; of all others it knows nothing.
const GIT_VARIABLES: [&str; 13] = [
    "PATH",
    "SSH_AUTH_SOCK",
    "TMPDIR",
    "TMP",
    "TEMP",
    "SystemRoot",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// Deliver what was generated: a pull request, a push, or files
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

/// A delivery with all that it takes.
struct Work<'a> {
    args: &'a DeliverArgs,
    settings: &'a Settings,
    net: &'a Net,
    named: &'a Named,
    token: Option<Secret>,
}

/// Runs the verb.
pub(super) fn run(args: &DeliverArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let named = delivery_file::read(&args.delivery)?;
    let token = args.credential.as_deref().map(secret).transpose()?;
    let net = Net::new(net_options(settings, args.network.resolve.clone())?);
    let work = Work { args, settings, net: &net, named: &named, token };
    let canonical = serde_json::to_vec(&named.delivery).expect("texts and bytes serialise");
    let scope =
        Scope { release: named.release.clone(), channel: named.channel.clone(), delivery: sha256(&canonical).hex() };
    let runtime = runtime()?;
    if args.dry_run {
        let told = runtime.block_on(work.dry_run(&mut Ledger::rehearsal(scope)));
        runtime.shutdown_background();
        let told = told?;
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
        return tell(&named, &known, output);
    }
    let delivered = runtime.block_on(work.deliver(&mut ledger));
    runtime.shutdown_background();
    tell(&named, &delivered?, output)
}

fn tell(named: &Named, submission: &Submission, output: &Output) -> Result<(), CliError> {
    let Submission { reference, state } = submission;
    if output.json {
        let Named { release, channel, .. } = named;
        return output.json(&json!({
            "v": 1, "event": "delivery", "release": release, "channel": channel, "state": state, "reference": reference,
        }));
    }
    let word = if *state == Standing::AlreadyThere { "already there" } else { "delivered" };
    output.data(&format!("{}: {word}: {reference}\n", named.channel))
}

impl Work<'_> {
    async fn deliver(&self, ledger: &mut Ledger<'_>) -> Result<Submission, CliError> {
        match &self.named.delivery {
            Delivery::Files { files } => {
                files::deliver(self.folder()?, files, ledger).map_err(|error| self.failed(error))
            }
            Delivery::GitChange(change) if change.route == GitRoute::Push => {
                git::deliver(&self.push(change)?, change, ledger).await.map_err(|error| self.failed(error))
            }
            Delivery::GitChange(change) => {
                github::deliver(&self.pull()?, change, ledger).await.map_err(|error| self.failed(error))
            }
            Delivery::Nupkg(_) | Delivery::Oci(_) => unreachable!("the file of a delivery has no such kind"),
        }
    }

    async fn dry_run(&self, ledger: &mut Ledger<'_>) -> Result<String, CliError> {
        match &self.named.delivery {
            Delivery::Files { files } => files::dry_run(self.folder()?, files).map_err(|error| self.failed(error)),
            Delivery::GitChange(change) if change.route == GitRoute::Push => {
                git::dry_run(&self.push(change)?, change).await.map_err(|error| self.failed(error))
            }
            Delivery::GitChange(change) => {
                github::dry_run(&self.pull()?, change, ledger).await.map_err(|error| self.failed(error))
            }
            Delivery::Nupkg(_) | Delivery::Oci(_) => unreachable!("the file of a delivery has no such kind"),
        }
    }

    fn failed(&self, source: DeliverError) -> CliError {
        CliError::Deliver { channel: self.named.channel.clone(), source: Box::new(source) }
    }

    fn folder(&self) -> Result<&Path, CliError> {
        let folder = self.args.into.as_deref();
        folder.ok_or_else(|| CliError::usage("files need a folder to go to", "name it with --into DIR"))
    }

    fn push(&self, change: &GitChange) -> Result<GitPush<'_>, CliError> {
        let remote = Remote::parse(&change.repository, &self.args.web).map_err(|error| self.failed(error))?;
        let login = self.token.clone().map(|password| GitLogin { user: self.args.user.clone(), password });
        let author =
            self.args.author.as_deref().ok_or_else(|| {
                CliError::usage("a commit needs somebody's name", "give it with --author 'NAME <MAIL>'")
            })?;
        let (name, email) = parse_author(author)?;
        let author = Author { name, email, seconds: self.seconds()? };
        let options = GitOptions {
            environment: environment(self.settings),
            authorities: self.settings.path("cacert"),
            stall_timeout: self.settings.seconds("stall-timeout"),
        };
        let mut scratch = OsString::from(self.args.state.as_os_str());
        scratch.push(if self.args.dry_run { ".dry-run.git" } else { ".git" });
        let attempts = self.settings.count("retry") + 1;
        Ok(GitPush { net: self.net, remote, login, author, options, scratch: scratch.into(), attempts })
    }

    fn pull(&self) -> Result<GitHubPull<'_>, CliError> {
        let server = self.args.api.host_str().unwrap_or_default().to_owned();
        let token = self.token.clone().ok_or_else(|| self.failed(DeliverError::NoCredential { server }))?;
        Ok(GitHubPull {
            net: self.net,
            api: self.args.api.clone(),
            token,
            fork_owner: self.args.fork.clone(),
            author: self.args.author.as_deref().map(parse_author).transpose()?,
            seconds: self.seconds()?,
            attempts: self.settings.count("retry"),
            patience: Duration::from_secs(self.args.wait),
        })
    }

    /// The moment of the commit: a fixed one, so that it is one commit however
    /// often it is made.
    fn seconds(&self) -> Result<u64, CliError> {
        seconds_of_day(&self.named.date).ok_or_else(|| {
            CliError::usage(format!("`{}` is not the day of a release", self.named.date), "write it as YYYY-MM-DD")
        })
    }
}

/// Fetches a secret from where the user says. The text is read here and not by
/// the parser of the command line, which repeats what it does not understand:
/// that may be the secret itself.
pub(super) fn secret(source: &str) -> Result<Secret, CliError> {
    let source: CredentialSource = source.parse()?;
    Ok(source.fetch(&|name| std::env::var(name).ok())?)
}

fn parse_author(text: &str) -> Result<(String, String), CliError> {
    let wrong = |why: &str| CliError::usage(format!("--author: {why}"), "write it as 'NAME <MAIL>'");
    let parts = text.trim().strip_suffix('>').and_then(|text| text.split_once('<'));
    let (name, email) = parts.ok_or_else(|| wrong("it has no address in angle brackets"))?;
    let Author { name, email, .. } = Author::new(name, email, 0).map_err(wrong)?;
    Ok((name, email))
}

/// What git gets of our environment: never a token, as all others stay out.
fn environment(settings: &Settings) -> Vec<(OsString, OsString)> {
    let kept = GIT_VARIABLES.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    let mut variables: Vec<(OsString, OsString)> = kept.collect();
    let own = |name: &str, setting: &str| Some((OsString::from(name), OsString::from(settings.text(setting)?)));
    let ours = [own("http_proxy", "proxy"), own("https_proxy", "proxy"), own("no_proxy", "noproxy")];
    variables.extend(ours.into_iter().flatten());
    variables
}
