//! The channels of a release, one after the other, from the question to the
//! delivery.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::Runtime;
use url::Url;

use super::deliver::moment;
use super::git_options::git_options;
use super::secrets::Secrets;
use crate::cli::error::CliError;
use crate::cli::settings::Settings;
use crate::cli::signals::interrupted;
use crate::component::Generators;
use crate::model::Secret;
use crate::model::delivery::{Delivery, GitChange, GitRoute};
use crate::model::release::Release;
use crate::net::Net;
use crate::publish::PublishError;
use crate::publish::artifact::Studied;
use crate::publish::audit::AuditLog;
use crate::publish::credentials::CredentialError;
use crate::publish::deliver::{Author, DeliverError, Parcel, Reach, Standing, Submission};
use crate::publish::destination::{Destination, Repository, Waiting};
use crate::publish::effect::described;
use crate::publish::intake::{Stage, Target};
use crate::publish::ledger::Ledger;
use crate::publish::order::Order;
use crate::publish::ready::{Ready, kept};
use crate::publish::records::{self, Records, RecordsError, scope};
use crate::publish::run::{ChannelError, Chosen, Opened, open};
use crate::publish::sign::Signer;
use crate::publish::state::{Earlier, Scope, StateError};

/// User that is named with a token where the channel names none; hosts of git
/// ignore it.
const TOKEN_USER: &str = "x-access-token";

/// What channels are brought to their ends with.
pub(super) struct Way<'a> {
    pub(super) settings: &'a Settings,
    pub(super) runtime: &'a Runtime,
    pub(super) net: Net,
    pub(super) release: &'a Release,
    pub(super) studied: &'a [Studied],
    pub(super) generators: &'a Generators,
    /// Signs what is packed to be sent.
    pub(super) signer: Option<Signer>,
    pub(super) stage: Stage,
    /// Folder that stands for the destinations, which nobody asks then.
    pub(super) prior: Option<PathBuf>,
    /// Addresses of GitHub where the channel names no other.
    pub(super) github: (Url, Url),
    /// A folder for clones.
    pub(super) scratch: PathBuf,
    /// Longest wait for a limit of requests to pass.
    pub(super) patience: Duration,
    pub(super) mode: Mode,
    pub(super) secrets: Secrets,
}

/// How far to go.
pub(super) enum Mode {
    /// To the files, and to a description of every effect.
    Show { effects: bool },
    /// To the end.
    Deliver { records: Records, audit: AuditLog, earlier: Earlier },
}

/// What became of a channel.
pub(super) enum Done {
    /// This would be delivered, with these effects.
    Shown { ready: Box<Ready>, effects: Option<String> },
    /// This was delivered.
    Delivered { findings: Option<Box<Ready>>, submissions: Vec<Submission> },
}

impl Way<'_> {
    /// Brings one channel to its end.
    pub(super) fn channel(&self, chosen: &Chosen) -> Result<Done, CliError> {
        let done = self.attempt(chosen);
        done.map_err(|source| PublishError::Channel { name: chosen.name.clone(), source: Box::new(source) }.into())
    }

    fn attempt(&self, chosen: &Chosen) -> Result<Done, ChannelError> {
        let opened = open(chosen, self.stage, self.generators)?;
        let Mode::Deliver { records, earlier, .. } = &self.mode else {
            let ready = self.ready(chosen, &opened)?;
            return self.shown(ready);
        };
        let folder = records.channel(self.release, &chosen.name, self.stage);
        if let Some(order) = self.taken_up(&opened, &folder, *earlier)? {
            return Ok(Done::Delivered { submissions: self.deliver(&order, &folder)?, findings: None });
        }
        let ready = self.ready(chosen, &opened)?;
        let order = ready.keep(self.release, &folder, self.signer.as_ref())?;
        records::forget(&order, &folder).map_err(RecordsError::from)?;
        let submissions = self.deliver(&order, &folder)?;
        Ok(Done::Delivered { submissions, findings: Some(Box::new(ready)) })
    }

    /// The order of an earlier run, where this run has to go on with it. One
    /// that is over, and was about something else, is not.
    fn taken_up(&self, opened: &Opened<'_>, folder: &Path, earlier: Earlier) -> Result<Option<Order>, ChannelError> {
        let Some((order, standing)) = records::earlier(folder)? else { return Ok(None) };
        let is_same = order.question == opened.question(self.release);
        match standing {
            records::Standing::Over => Ok(is_same.then_some(order)),
            records::Standing::Untouched => Ok(None),
            records::Standing::Begun if !is_same => {
                let Order { release, channel, .. } = order;
                Err(RecordsError::Changed { release, channel, folder: folder.to_owned() }.into())
            }
            records::Standing::Begun if earlier == Earlier::Refuse => {
                Err(RecordsError::State(StateError::Unfinished(folder.to_owned())).into())
            }
            records::Standing::Begun => Ok(Some(order)),
        }
    }

    fn ready(&self, chosen: &Chosen, opened: &Opened<'_>) -> Result<Ready, ChannelError> {
        let destination = self.destination(&chosen.name, opened.target())?;
        let proposal = opened.propose(self.release, &destination)?;
        Ok(Ready::make(proposal, self.studied, self.signer.as_ref())?)
    }

    /// What is read as the destination: the folder that stands for it, or what
    /// the channel names. Nobody is asked before a generator wants something.
    fn destination(&self, channel: &str, target: &Target) -> Result<Destination<'_>, ChannelError> {
        Ok(match (&self.prior, &target.repository, &target.folder) {
            (Some(folder), _, _) => Destination::Folder(channel_folder(folder, channel)),
            (None, Some(repository), _) => {
                let reach = self.reach(channel, target)?;
                // Beside the clone that a delivery is made in.
                let reach = Reach { scratch: self.scratch.join("destination"), ..reach };
                let waiting = Waiting { runtime: self.runtime, interrupted: || Box::pin(interrupted()) };
                Destination::Repository(Box::new(Repository::new(repository, target.base.as_deref(), reach, waiting)))
            }
            (None, None, Some(folder)) => Destination::Folder(folder.clone()),
            (None, None, None) => Destination::Empty,
        })
    }

    fn shown(&self, ready: Ready) -> Result<Done, ChannelError> {
        let effects = matches!(self.mode, Mode::Show { effects: true }).then(|| self.effects(&ready)).transpose()?;
        Ok(Done::Shown { ready: Box::new(ready), effects })
    }

    /// Every effect in full: by the servers' own word, where they may be asked.
    fn effects(&self, ready: &Ready) -> Result<String, ChannelError> {
        let proposal = &ready.proposal;
        let plain = |delivery| described(delivery, &proposal.prior);
        if self.prior.is_some() {
            return Ok(proposal.deliveries.iter().map(plain).collect());
        }
        let reach = self.reach(&proposal.channel, &proposal.target)?;
        let mut told = String::new();
        for (delivery, package) in proposal.deliveries.iter().zip(&ready.packages) {
            if needs_token(delivery) && reach.token.is_none() {
                told += &plain(delivery);
                continue;
            }
            let scope = Scope::of("", &proposal.channel, delivery);
            let parcel = Parcel { delivery, package: package.as_ref() };
            let mut ledger = Ledger::rehearsal(scope);
            told += &self.waited(reach.rehearse(parcel, &mut ledger))?;
        }
        Ok(told)
    }

    /// Delivers an order, from where it is. What is delivered already is told
    /// and not done again.
    fn deliver(&self, order: &Order, folder: &Path) -> Result<Vec<Submission>, ChannelError> {
        let Mode::Deliver { audit, .. } = &self.mode else { return Ok(Vec::new()) };
        let packages = kept(order, folder)?;
        let mut reach = None;
        let mut submissions = Vec::new();
        for ((delivery, package), position) in order.deliveries.iter().zip(&packages).zip(0..) {
            let path = Order::state_path(folder, position);
            // Whether to go on with it was decided for the order as a whole.
            let ledger = Ledger::open(audit, path, scope(order, position), Earlier::Resume);
            let mut ledger = ledger.map_err(RecordsError::from)?;
            if let Some(known) = ledger.submission() {
                submissions.push(Submission { state: Standing::AlreadyThere, reference: known.reference.clone() });
                continue;
            }
            if reach.is_none() {
                reach = Some(self.reach(&order.channel, &order.target)?);
            }
            let reach = reach.as_ref().expect("made above");
            let parcel = Parcel { delivery, package: package.as_ref() };
            submissions.push(self.waited(reach.deliver(parcel, &mut ledger))?);
        }
        Ok(submissions)
    }

    /// Waits for something that the user may end.
    fn waited<T>(&self, work: impl Future<Output = Result<T, DeliverError>>) -> Result<T, DeliverError> {
        self.runtime.block_on(async {
            tokio::select! {
                done = work => done,
                () = interrupted() => Err(DeliverError::Interrupted),
            }
        })
    }

    /// How a destination is reached.
    fn reach(&self, channel: &str, target: &Target) -> Result<Reach<'_>, ChannelError> {
        let wrong = |why| ChannelError::Config { name: channel.to_owned(), why };
        let author = target.author.as_deref().map(|text| Author::parse(text, 0)).transpose();
        let (api, web) = self.github.clone();
        Ok(Reach {
            net: &self.net,
            api: target.api.clone().unwrap_or(api),
            web: target.web.clone().unwrap_or(web),
            token: target.credential.as_deref().map(|source| self.secret(source)).transpose()?.flatten(),
            user: target.user.clone().unwrap_or_else(|| TOKEN_USER.to_owned()),
            author: author.map_err(|_| wrong("has an `author` that is not 'NAME <MAIL>'"))?,
            fork: target.fork.clone(),
            folder: target.folder.clone(),
            seconds: moment(&self.release.date).map_err(|_| wrong("has a release without a day, YYYY-MM-DD"))?,
            git: git_options(self.settings),
            scratch: self.scratch.join("clone"),
            retries: self.settings.count("retry"),
            patience: self.patience,
        })
    }

    /// Fetches a secret. A rehearsal shows what it can without one.
    fn secret(&self, source: &str) -> Result<Option<Secret>, ChannelError> {
        match self.secrets.fetch(source) {
            Err(CredentialError::Unset(_) | CredentialError::Keyring { .. })
                if matches!(self.mode, Mode::Show { .. }) =>
            {
                Ok(None)
            }
            fetched => Ok(Some(fetched?)),
        }
    }
}

fn needs_token(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::GitChange(GitChange { route: GitRoute::PullRequest, .. }))
}

fn channel_folder(folder: &Path, channel: &str) -> PathBuf {
    let own = folder.join(channel);
    if own.is_dir() { own } else { folder.to_owned() }
}
