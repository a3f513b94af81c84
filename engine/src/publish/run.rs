//! The channels of a release, one by one: each has its own generator and its
//! own end, and none stops another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::confine::Bounds;
use super::generate::{GenerateError, Question, generate, prior, wanted};
use super::intake::{Channel, Stage, Target};
use crate::component::{
    ComponentError, Generator, GeneratorOrigin, GeneratorSummary, Generators, GivenComponent, RefusedComponent,
    generator_settings,
};
use crate::model::delivery::{Delivery, PriorFile};
use crate::model::diagnostic::Diagnostic;
use crate::model::release::{Pairs, Release};
use crate::model::{ExitCode, Explain};

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
    /// Its generator, or why there is none.
    pub origin: GeneratorOrigin,
}

/// What a channel would deliver.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The generator.
    pub generator: GeneratorSummary,
    /// Where it goes.
    pub target: Target,
    /// The effects.
    pub deliveries: Vec<Delivery>,
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
}

impl Explain for ChannelError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config { .. } => ExitCode::Usage,
            Self::Component(error) => error.exit_code(),
            Self::Generate(error) => error.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Config { name, .. } => Some(format!("correct [channel.{name}] in turbo-release.toml")),
            Self::Component(error) => error.hint(),
            Self::Generate(error) => error.hint(),
        }
    }
}

/// The channels that take part. An unknown name of `only` is the error.
pub fn choose(choice: &Choice, generators: &Generators) -> Result<Vec<Chosen>, String> {
    let mut chosen = Vec::new();
    if choice.components.is_empty() {
        for (name, channel) in &choice.channels {
            let component = channel.component.as_deref().unwrap_or(name);
            let origin = origin(component, &choice.folder, choice);
            chosen.push(Chosen { name: name.clone(), channel: channel.clone(), origin });
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
        chosen.push(Chosen { name, channel, origin });
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
fn origin(component: &str, folder: &Path, choice: &Choice) -> GeneratorOrigin {
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

/// What a channel would deliver of a release. `prior` is a folder that stands
/// for the destination as it is now. Blocks.
pub fn propose(
    chosen: &Chosen,
    release: &Release,
    stage: Stage,
    generators: &Generators,
    prior_folder: Option<&Path>,
) -> Result<Proposal, ChannelError> {
    let Chosen { name, channel, origin } = chosen;
    let target = channel.target(stage).ok_or_else(|| ChannelError::Config {
        name: name.clone(),
        why: "has no staging target, and --staging was given",
    })?;
    let generator: Generator = generators.load(origin.clone())?;
    let settings = settings(channel, &target);
    let manager = generator.about().manager.clone();
    let bounds = Bounds { manager, prefixes: channel.prefix.clone(), target: target.clone() };
    let question = Question { release, settings: &settings, bounds: &bounds };
    let wants = wanted(&generator, question)?;
    let prior = prior(&wants, prior_folder)?;
    let generated = generate(&generator, question, &prior)?;
    Ok(Proposal {
        generator: generator.about().clone(),
        target,
        deliveries: generated.deliveries,
        diagnostics: generated.diagnostics,
        prior,
    })
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
