//! Why a component that the user named cannot be used at all.

use std::path::PathBuf;

use super::{FaultKind, Grant, World};
use crate::model::{ExitCode, Explain, quoted};

/// Why a component that the user named cannot be used at all.
///
/// A component that merely breaks a limit is no error but a
/// [`super::Fault`]: the download goes on from the origin.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// The file cannot be read.
    #[error("cannot read component {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not WebAssembly, or it is cut short.
    #[error("{} is not a WebAssembly component: {reason}", path.display())]
    NotComponent {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// The file is a core module.
    #[error("{} is a core WebAssembly module, not a component", path.display())]
    CoreModule {
        /// The file.
        path: PathBuf,
    },
    /// The component belongs to another world.
    #[error("{} is not a {wanted}: it exports {found}, not {}", path.display(), wanted.interface())]
    OtherWorld {
        /// The file.
        path: PathBuf,
        /// What it exports.
        found: String,
        /// What it was taken for.
        wanted: World,
    },
    /// The component was built for a version of the interface that this
    /// engine does not speak.
    #[error("{} was built for {found}; this engine offers {offered}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The interface the component names.
        found: String,
        /// The versions the engine speaks.
        offered: &'static str,
    },
    /// The component wants something from the host that no component gets.
    #[error("{} imports {import}, which components do not get", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// The import.
        import: String,
    },
    /// The component refuses its settings.
    #[error("component `{rule}` refuses its settings: {}", quoted(reason))]
    Settings {
        /// Identifier of the rule.
        rule: String,
        /// The component's own words.
        reason: String,
    },
    /// The component breaks a limit or fails its own test.
    #[error("component {} is refused: {what}: {message}", path.display())]
    Faulty {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        what: FaultKind,
        /// The details.
        message: String,
        /// What the user could grant to let it pass.
        grant: Grant,
    },
    /// The user lets in only what is in the lockfile, or signed.
    #[error("component {} is refused: {reason}", path.display())]
    NotAdmitted {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        reason: String,
    },
    /// No generator inside the engine has this name.
    #[error("there is no component `{id}`: neither a file nor a generator inside the engine")]
    NoSuchGenerator {
        /// What the user named.
        id: String,
    },
    /// Two components of one identifier.
    #[error("{} and {} are both the rule `{rule}`", first.display(), second.display())]
    Duplicate {
        /// Identifier of the rule.
        rule: String,
        /// The file named first.
        first: PathBuf,
        /// The file named later.
        second: PathBuf,
    },
}

impl Explain for ComponentError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Component
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read { .. } => "name an existing .wasm file".into(),
            Self::NotComponent { .. } => "check that the file was copied whole; build it again if it was".into(),
            Self::CoreModule { .. } => "wrap it: `turbo-engine component build` makes a component of a crate".into(),
            Self::OtherWorld { found, wanted, .. } => other_world(found, *wanted),
            Self::Version { found, offered, .. } => {
                format!("build it again with the SDK and WIT of {offered}, or use an engine that speaks {found}")
            }
            Self::Import { import, .. } => unwanted_import(import).into(),
            Self::Settings { rule, .. } => format!("correct the table `rules.{rule}` of the configuration"),
            Self::Faulty { grant, .. } if !grant.is_empty() => {
                let flags: Vec<String> = grant.to_string().split(' ').map(|each| format!("--grant {each}")).collect();
                format!("if you trust it, allow it that with {}", flags.join(" "))
            }
            Self::Faulty { .. } => "this is for the component's author to correct; nothing was changed".into(),
            Self::NotAdmitted { .. } => {
                "install it with `turbo-engine component add`, signed by a key you trust where signatures are required"
                    .into()
            }
            Self::NoSuchGenerator { .. } => no_such_generator(),
            Self::Duplicate { .. } => "name only one of them".into(),
        })
    }
}

fn no_such_generator() -> String {
    let inside: Vec<&str> = super::built_in_generators().collect();
    match inside[..] {
        [] => "name a .wasm file".into(),
        _ => format!("name a .wasm file, or one of {}", inside.join(", ")),
    }
}

fn other_world(found: &str, wanted: World) -> String {
    match (wanted, World::ALL.iter().find(|world| found.contains(world.interface()))) {
        (World::MirrorRule, Some(World::ManifestGenerator)) => {
            "it is a manifest generator: use it with `turbo-engine publish`".into()
        }
        (_, Some(other)) => format!("it is a {other}; name a {wanted} here"),
        (_, None) => format!("build it for the world `{}` of turbo:engine@0.1", wanted.name()),
    }
}

/// How to get rid of an import. What pulls it in differs: a target, a library,
/// or the wish for something that components do not have.
fn unwanted_import(import: &str) -> &'static str {
    match import.split(['/', '@']).next().unwrap_or_default() {
        "wasi:http" | "wasi:sockets" => {
            "components answer questions and get no network: remove what connects; a standard library that merely \
             links it is avoided by building for wasm32-unknown-unknown with `turbo-engine component build`"
        }
        package if package.starts_with("wasi:") => {
            "build it for wasm32-unknown-unknown with `turbo-engine component build`, which imports no WASI; \
             with another compiler, disable this interface"
        }
        "wasi_snapshot_preview1" | "env" => {
            "build it for wasm32-unknown-unknown, or wrap it with a preview 2 adapter (wasm32-wasip2 needs none)"
        }
        _ => {
            "remove the import: components get turbo:engine/log, and the parts of WASI 0.2 that answer without a world"
        }
    }
}
