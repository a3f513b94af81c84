//! What became of what was delivered: the generator of each order names what
//! to ask, the engine asks, the generator says what the answers mean, and the
//! outcome is remembered beside the state.
//!
//! The key invariant: a generator is believed nothing but the meaning of the
//! answers that it was given. What it names is held against the destination
//! ([`super::inquiry`]), and a generator that fails costs its own order alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::alert::{Alert, AlertError, Webhook, alert};
use super::credentials::CredentialError;
use super::deliver::Submission;
use super::deliver::github::{self, GitHubPlace, PullState};
use super::inquiry::{Asked, GitHubAt, Inquiry};
use super::intake::Target;
use super::order::Order;
use super::outcome::{Fate, OutcomeError, Remembered, Sighting};
use super::records::{KeptOrder, scope, states};
use super::state::{State, StateError};
use crate::component::{Generator, GeneratorOrigin, Generators};
use crate::model::delivery::{Delivery, GitRoute};
use crate::model::excerpt::excerpt;
use crate::model::{ExitCode, Explain, Secret};
use crate::net::Net;

/// Fetches a secret from where a channel says, or from where the user does when
/// it says nothing.
pub type FetchSecret<'a> = dyn Fn(Option<&str>) -> Result<Option<Secret>, CredentialError> + 'a;

/// What orders are asked about with.
pub struct Survey<'a> {
    /// The network.
    pub net: &'a Net,
    /// What waits for the network; not to be called from within.
    pub runtime: &'a Runtime,
    /// What generators run on.
    pub generators: &'a Generators,
    /// Where the component of an order is, by the name that the channel has
    /// for it.
    pub origin: &'a dyn Fn(&str) -> GeneratorOrigin,
    /// Fetches the token of a channel.
    pub secret: &'a FetchSecret<'a>,
    /// Where GitHub is, unless a channel says otherwise.
    pub github: GitHubAt,
    /// The moment, in seconds since 1970.
    pub now: u64,
    /// So many days without a change are worth an alert.
    pub silence_days: u64,
    /// Generators that were loaded, or why not, by the name of the component.
    pub loaded: RefCell<BTreeMap<String, Result<Generator, String>>>,
}

/// One delivery, and what became of it.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The release, as `NAME VERSION`.
    pub release: String,
    /// The channel; that of a trial has a name of its own.
    pub channel: String,
    /// Its position in the order, from 1.
    pub position: usize,
    /// How far the delivery has come; none when nothing was tried.
    pub state: Option<State>,
    /// What became of it.
    pub fate: Fate,
    /// Since when it is so, as RFC 3339.
    pub since: String,
    /// What else there is to say.
    pub notes: Vec<String>,
    /// What somebody should look at.
    pub alert: Option<Alert>,
    /// Whether nobody has been told of that yet.
    pub is_news: bool,
    path: PathBuf,
    remembered: Remembered,
}

/// Why nothing is known of an order.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// How far it has come cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// What became of it cannot be read or remembered.
    #[error(transparent)]
    Outcome(#[from] OutcomeError),
    /// Nobody was told.
    #[error("nobody was told that {release} on {channel} needs a look")]
    Alert {
        /// The release.
        release: String,
        /// The channel.
        channel: String,
        /// Why.
        source: AlertError,
    },
}

impl Explain for StatusError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::State(error) => error.exit_code(),
            Self::Outcome(error) => error.exit_code(),
            Self::Alert { source, .. } => source.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::State(error) => error.hint(),
            Self::Outcome(error) => error.hint(),
            Self::Alert { source, .. } => source.hint(),
        }
    }
}

impl Finding {
    /// What the submission is called.
    pub fn reference(&self) -> Option<&str> {
        Some(self.state.as_ref()?.submission.as_ref()?.reference.as_str())
    }

    /// Whether a person should look at it.
    pub fn needs_a_look(&self) -> bool {
        self.alert.is_some() || matches!(self.fate, Fate::Unknown(_))
    }
}

impl Survey<'_> {
    /// Asks what became of the deliveries of an order, and remembers it. Blocks.
    pub fn order(&self, kept: &KeptOrder) -> Result<Vec<Finding>, StatusError> {
        let states = states(&kept.order, &kept.folder)?;
        states.into_iter().zip(0..).map(|(state, position)| self.delivery(kept, position, state)).collect()
    }

    fn delivery(&self, kept: &KeptOrder, position: usize, state: Option<State>) -> Result<Finding, StatusError> {
        let order = &kept.order;
        let digest = scope(order, position).delivery;
        let submission = state.as_ref().and_then(|state| state.submission.as_ref());
        let reference = submission.map(|submission| submission.reference.as_str());
        let path = Remembered::path(&kept.folder, position);
        let before = Remembered::read(&path)?;
        let mut notes = Vec::new();
        let is_over = |known: &Remembered| known.is_of(&digest, reference) && *known.outcome() == Fate::Succeeded;
        let fate = match submission {
            None => Fate::Unfinished,
            // What is published stays so: nobody is asked about it for ever.
            Some(_) if before.as_ref().is_some_and(is_over) => Fate::Succeeded,
            Some(submission) => self.ask(order, &order.deliveries[position], submission, &mut notes),
        };
        let delivered = state.as_ref().and_then(|state| state.delivered.as_deref());
        let sighting = Sighting { delivery: &digest, reference, fate: &fate, delivered, now: self.now };
        let mut remembered = Remembered::next(before.as_ref(), sighting);
        let concern = remembered.concern(self.silence_days, self.now);
        if concern.is_none() {
            remembered.set_told(None);
        }
        if before.as_ref() != Some(&remembered) {
            remembered.write(&path)?;
        }
        let is_news = concern.as_ref().is_some_and(|concern| !remembered.is_told(concern));
        let alert = concern.map(|concern| Alert {
            release: order.release.clone(),
            channel: kept.channel.clone(),
            reason: concern.reason,
            detail: concern.detail,
            reference: reference.map(str::to_owned),
            since: remembered.since().to_owned(),
        });
        Ok(Finding {
            release: order.release.clone(),
            channel: kept.channel.clone(),
            position: position + 1,
            since: remembered.since().to_owned(),
            state,
            fate,
            notes,
            alert,
            is_news,
            path,
            remembered,
        })
    }

    /// Posts what nobody has been told of yet, and remembers that it was. What
    /// does not arrive is posted again the next time. Blocks.
    pub fn tell(&self, finding: &Finding, webhook: &Webhook) -> Result<(), StatusError> {
        let Some(told) = finding.alert.as_ref().filter(|_| finding.is_news) else { return Ok(()) };
        let sent = self.runtime.block_on(alert(self.net, webhook, told));
        let (release, channel) = (&finding.release, &finding.channel);
        sent.map_err(|source| StatusError::Alert { release: release.clone(), channel: channel.clone(), source })?;
        let mut remembered = finding.remembered.clone();
        remembered.set_told(remembered.concern(self.silence_days, self.now));
        Ok(remembered.write(&finding.path)?)
    }

    /// What became of a submission, by the word of its generator.
    fn ask(&self, order: &Order, delivery: &Delivery, submission: &Submission, notes: &mut Vec<String>) -> Fate {
        let generator = match self.generator(order, notes) {
            Ok(generator) => generator,
            Err(why) => {
                notes.push(format!("its generator cannot say what became of it: {why}"));
                return match delivery {
                    Delivery::Nupkg(_) => Fate::Unknown("the feed took it, and nobody says what it answers".into()),
                    _ => self.plain(&order.target, delivery, submission),
                };
            }
        };
        let named = match generator.poll(delivery, &submission.reference) {
            Ok(named) => named,
            Err(error) => return Fate::Unknown(format!("its generator failed: {error}")),
        };
        if named.is_empty() {
            return self.plain(&order.target, delivery, submission);
        }
        let asked = Inquiry::of(delivery, &order.target, &self.github).admit(&named);
        let asked = match asked {
            Ok(asked) => asked,
            Err(refusal) => return Fate::Unknown(format!("nothing that its generator names is asked: {refusal}")),
        };
        let token = match self.token(&order.target, &asked) {
            Ok(token) => token,
            Err(why) => return Fate::Unknown(why),
        };
        let answers = self.runtime.block_on(async {
            let mut answers = Vec::with_capacity(asked.len());
            for asked in &asked {
                answers.push(asked.answer(self.net, token.as_ref()).await);
            }
            answers
        });
        match generator.interpret(delivery, &answers) {
            Ok(outcome) => Fate::told(&outcome, token.as_ref()),
            Err(error) => Fate::Unknown(format!("its generator failed: {error}")),
        }
    }

    /// The generator of an order: the one that made it, or another version.
    fn generator(&self, order: &Order, notes: &mut Vec<String>) -> Result<Generator, String> {
        let mut known = self.loaded.borrow_mut();
        let name = &order.component;
        let loaded = known.entry(name.clone()).or_insert_with(|| {
            let loaded = self.generators.load((self.origin)(name));
            loaded.map_err(|error| error.to_string())
        });
        let generator = loaded.clone()?;
        let (about, made) = (generator.about(), &order.generator);
        if about.id != made.id {
            return Err(format!("`{name}` is {} now, and {} made it", about.id, made.id));
        }
        if about.sha256 != made.sha256 {
            let (id, now, then) = (&about.id, &about.version, &made.version);
            notes.push(format!("another build of {id} reads the answers: {now} now, {then} then"));
        }
        Ok(generator)
    }

    /// The token for what is asked, where any of it takes one.
    fn token(&self, target: &Target, asked: &[Asked]) -> Result<Option<Secret>, String> {
        let mut api = asked.iter().filter(|asked| asked.takes_token()).peekable();
        if api.peek().is_none() {
            return Ok(None);
        }
        let token = (self.secret)(target.credential.as_deref()).map_err(|error| error.to_string())?;
        if token.is_some() && api.any(Asked::is_in_the_clear) {
            return Err("a credential is not sent to the API: the connection is not encrypted".into());
        }
        Ok(token)
    }

    /// What is known without a generator: the destination has confirmed the
    /// delivery, and of a pull request GitHub tells the rest.
    fn plain(&self, target: &Target, delivery: &Delivery, submission: &Submission) -> Fate {
        let Delivery::GitChange(change) = delivery else { return Fate::Succeeded };
        let pull = github::pull_of(&submission.reference).filter(|_| change.route == GitRoute::PullRequest);
        let Some((repository, number)) = pull else { return Fate::Succeeded };
        if !repository.eq_ignore_ascii_case(&change.repository) {
            let repository = excerpt(&repository);
            return Fate::Unknown(format!("the pull request is in {repository}, where nothing was delivered"));
        }
        let token = match (self.secret)(target.credential.as_deref()) {
            Ok(Some(token)) => token,
            Ok(None) => return Fate::Unknown("GitHub is asked with a credential alone".into()),
            Err(error) => return Fate::Unknown(error.to_string()),
        };
        let asking = GitHubPlace {
            net: self.net,
            api: target.api.clone().unwrap_or_else(|| self.github.api.clone()),
            token: Some(token),
            attempts: 0,
            patience: Duration::ZERO,
        };
        match self.runtime.block_on(github::look(&asking, &repository, number)) {
            Ok(standing) => match standing.state {
                PullState::Open => Fate::Pending,
                PullState::Merged => Fate::Succeeded,
                PullState::Closed => Fate::Failed("the pull request was closed and not merged".into()),
            },
            Err(error) => Fate::Retryable(error.to_string()),
        }
    }
}
