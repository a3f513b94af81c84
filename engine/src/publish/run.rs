//! The channels of a release, one by one: each has its own generator and its
//! own end, and none stops another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::confine::Bounds;
use super::credentials::CredentialError;
use super::deliver::DeliverError;
use super::destination::Destination;
use super::embed;
use super::generate::{GenerateError, Question, generate, prior, wanted};
use super::intake::{Channel, Stage, Target};
use super::previous;
use super::ready::ReadyError;
use super::records::RecordsError;
use crate::component::{
    ComponentError, Generator, GeneratorOrigin, GeneratorSummary, Generators, GivenComponent, RefusedComponent,
    generator_settings,
};
use crate::model::delivery::{Delivery, PriorFile};
use crate::model::diagnostic::Diagnostic;
use crate::model::release::{Pairs, Release};
use crate::model::{ExitCode, Explain};
use crate::store::sha256;

/// Which channels, and for whom.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The channels of the release.
    pub channels: BTreeMap<String, Channel>,
    /// Folder that paths of components are seen from.
    pub folder: PathBuf,
    /// Components that the user named instead.
    pub components: Vec<String>,
    /// The channels that take part; all without any.
    pub only: Vec<String>,
    /// Installed generators, by name.
    pub installed: Vec<GivenComponent>,
    /// Installed components that must not be loaded.
    pub refused: Vec<RefusedComponent>,
}

/// One channel, with what makes its deliveries.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Its name.
    pub name: String,
    /// How it is configured.
    pub channel: Channel,
    /// Its generator, as the user named it.
    pub component: String,
    /// Where that is, or why there is none.
    pub origin: GeneratorOrigin,
}

/// What a channel would deliver.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The channel.
    pub channel: String,
    /// The component as the channel names it.
    pub component: String,
    /// The generator.
    pub generator: GeneratorSummary,
    /// SHA-256 of what it was asked, see [`Opened::question`].
    pub question: String,
    /// Where it goes.
    pub target: Target,
    /// The effects.
    pub deliveries: Vec<Delivery>,
    /// Artifacts inside of the package: path in it, and the artifact.
    pub embedded: Pairs,
    /// What a person should look at.
    pub diagnostics: Vec<Diagnostic>,
    /// The files of the destination that were read.
    pub prior: Vec<PriorFile>,
}

/// Why a channel goes no further.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The channel cannot be worked on as it is configured.
    #[error("the channel `{name}` {why}")]
    Config {
        /// Its name.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Its component cannot be used.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// Its generator did not do.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// What was generated cannot be published.
    #[error(transparent)]
    Ready(#[from] ReadyError),
    /// There is no secret where it should be.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The records of an earlier run cannot be used.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// It was not delivered.
    #[error(transparent)]
    Deliver(Box<DeliverError>),
}

impl From<DeliverError> for ChannelError {
    fn from(error: DeliverError) -> Self {
        Self::Deliver(Box::new(error))
    }
}

impl ChannelError {
    fn explained(&self) -> Option<&dyn Explain> {
        Some(match self {
            Self::Config { .. } => return None,
            Self::Component(error) => error,
            Self::Generate(error) => error,
            Self::Ready(error) => error,
            Self::Credential(error) => error,
            Self::Records(error) => error,
            Self::Deliver(error) => error.as_ref(),
        })
    }
}

impl Explain for ChannelError {
    fn exit_code(&self) -> ExitCode {
        self.explained().map_or(ExitCode::Usage, Explain::exit_code)
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Config { name, .. } => Some(format!("correct [channel.{name}] in turbo-release.toml")),
            _ => self.explained()?.hint(),
        }
    }
}

/// The channels that take part. An unknown name of `only` is the error.
pub fn choose(choice: &Choice, generators: &Generators) -> Result<Vec<Chosen>, String> {
    let mut chosen = Vec::new();
    if choice.components.is_empty() {
        for (name, channel) in &choice.channels {
            let component = channel.component.clone().unwrap_or_else(|| name.clone());
            let origin = origin(&component, &choice.folder, choice);
            chosen.push(Chosen { name: name.clone(), channel: channel.clone(), component, origin });
        }
    }
    for component in &choice.components {
        let origin = origin(component, Path::new(""), choice);
        // Which channel it is for, it says itself; one that cannot say so fails later.
        let about = generators.load(origin.clone()).ok().map(|generator| generator.about().clone());
        let mut names = about.iter().flat_map(|about| [about.manager.clone(), about.id.clone()]);
        let configured = names.find_map(|name| Some((name.clone(), choice.channels.get(&name)?.clone())));
        let fallback = about.as_ref().map_or_else(|| stem(component), |about| about.id.clone());
        let (name, channel) = configured.unwrap_or((fallback, Channel::default()));
        chosen.push(Chosen { name, channel, component: component.clone(), origin });
    }
    if let Some(unknown) = choice.only.iter().find(|name| !chosen.iter().any(|chosen| chosen.name == **name)) {
        let names: Vec<String> = chosen.iter().map(|chosen| chosen.name.clone()).collect();
        return Err(format!("there is no channel `{unknown}`; there is {}", names.join(", ")));
    }
    chosen.retain(|chosen| choice.only.is_empty() || choice.only.contains(&chosen.name));
    Ok(chosen)
}

fn stem(component: &str) -> String {
    Path::new(component).file_stem().map_or_else(|| component.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// A component by its name: a path looks like one, then what is installed
/// counts, then what is inside the engine.
pub fn origin(component: &str, folder: &Path, choice: &Choice) -> GeneratorOrigin {
    if component.contains(['/', '\\']) || Path::new(component).extension().is_some_and(|extension| extension == "wasm")
    {
        return GeneratorOrigin::File(folder.join(component));
    }
    let installed = choice.installed.iter().find(|given| given.name == component);
    let refused = choice.refused.iter().find(|refused| refused.name == component);
    match (installed, refused) {
        (Some(given), _) => GeneratorOrigin::Installed(given.clone()),
        (None, Some(refused)) => GeneratorOrigin::Refused(refused.clone()),
        (None, None) => GeneratorOrigin::BuiltIn(component.to_owned()),
    }
}

/// A channel with its generator, ready to be asked.
#[derive(Debug)]
pub struct Opened<'a> {
    chosen: &'a Chosen,
    generator: Generator,
    target: Target,
    settings: Pairs,
    bounds: Bounds,
}

/// Loads the generator of a channel. Blocks.
pub fn open<'a>(chosen: &'a Chosen, stage: Stage, generators: &Generators) -> Result<Opened<'a>, ChannelError> {
    let Chosen { name, channel, origin, .. } = chosen;
    let target = channel.target(stage).ok_or_else(|| ChannelError::Config {
        name: name.clone(),
        why: "has no staging target, and --staging was given",
    })?;
    let generator: Generator = generators.load(origin.clone())?;
    let settings = settings(channel, &target);
    let manager = generator.about().manager.clone();
    let bounds = Bounds { manager, prefixes: channel.prefix.clone(), target: target.clone() };
    Ok(Opened { chosen, generator, target, settings, bounds })
}

impl Opened<'_> {
    /// Where the deliveries go.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// SHA-256 of all that the generator is asked with, but for the files of
    /// the destination: the same question is answered once. The day is left
    /// out, which is today's where nobody names one: whoever goes on tomorrow
    /// asks the same.
    pub fn question(&self, release: &Release) -> String {
        let release = Release { date: String::new(), ..release.clone() };
        let asked = (release, &self.settings, &self.bounds.prefixes, &self.target, &self.generator.about().sha256);
        sha256(&serde_json::to_vec(&asked).expect("texts and numbers serialise")).hex()
    }

    /// What the channel would deliver of a release. Blocks.
    pub fn propose(&self, release: &Release, destination: &Destination<'_>) -> Result<Proposal, ChannelError> {
        let Self { chosen, generator, target, settings, bounds } = self;
        let mut question = Question { release, settings, bounds };
        let mut wants = wanted(generator, question)?;
        // What the destination has is no part of the question that tells runs
        // apart: it changes with the delivery itself.
        let told = previous::told(question, &wants, destination).map_err(GenerateError::from)?;
        if let Some(settings) = &told {
            question = Question { settings, ..question };
            wants = wanted(generator, question)?;
        }
        let prior = prior(&wants, destination)?;
        let generated = generate(generator, question, &prior)?;
        Ok(Proposal {
            channel: chosen.name.clone(),
            component: chosen.component.clone(),
            generator: generator.about().clone(),
            question: self.question(release),
            target: target.clone(),
            embedded: embed::wanted(&generated.extra),
            deliveries: generated.deliveries,
            diagnostics: generated.diagnostics,
            prior,
        })
    }
}

/// What the generator is told: the channel's settings, and where it delivers.
fn settings(channel: &Channel, target: &Target) -> Pairs {
    let mut settings = generator_settings(&channel.settings);
    let destinations = [
        ("repository", &target.repository),
        ("base", &target.base),
        ("endpoint", &target.endpoint),
        ("registry", &target.registry),
    ];
    for (key, value) in destinations {
        if let Some(value) = value {
            settings.retain(|(known, _)| known != key);
            settings.push((key.to_owned(), value.clone()));
        }
    }
    settings
}
