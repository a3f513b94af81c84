//! `turbo-engine component new`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::ComponentError;
use crate::cli::settings::{Flag, Settings};
use crate::component::World;
use crate::component::author::{Language, Project, Sdk, create};

/// Begin a component: a project that builds and passes its tests at once
///
/// Writes component.toml, the source, cases, a README and a workflow for CI.
/// Nothing is ever overwritten.
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Name of the component: 1 to 64 of a-z, 0-9 and -
    #[arg(value_name = "NAME")]
    name: String,
    /// What it is for
    #[arg(long, value_enum, value_name = "KIND")]
    kind: Kind,
    /// What it is written in
    #[arg(long, value_enum, value_name = "LANG", default_value = "rust")]
    lang: Lang,
    /// Folder to write into, instead of one of the component's name
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Folder of the crate turbo-component, instead of the project's repository
    #[arg(long, value_name = "DIR")]
    sdk: Option<String>,
}

/// The worlds, as flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Says which URLs mirror which
    MirrorRule,
    /// Turns a release into the manifests of one package manager
    ManifestGenerator,
}

/// The languages, as flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lang {
    /// For wasm32-unknown-unknown, with the crate turbo-component
    Rust,
    /// With npm's componentize-js; the component carries a JavaScript engine
    Js,
    /// With componentize-py; the component carries a Python interpreter
    Python,
}

impl NewArgs {
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.sdk.iter().map(|value| Flag { key: "sdk", value: value.clone(), name: "sdk" }).collect()
    }
}

/// Runs the verb.
pub(super) fn run(args: &NewArgs, settings: &Settings, json: bool, out: &mut dyn Write) -> Result<(), ComponentError> {
    let project = Project {
        name: args.name.clone(),
        world: match args.kind {
            Kind::MirrorRule => World::MirrorRule,
            Kind::ManifestGenerator => World::ManifestGenerator,
        },
        language: match args.lang {
            Lang::Rust => Language::Rust,
            Lang::Js => Language::Js,
            Lang::Python => Language::Python,
        },
        folder: args.dir.clone().unwrap_or_else(|| PathBuf::from(&args.name)),
        sdk: settings.text("sdk").map_or(Sdk::Release, |folder| Sdk::Folder(folder.into())),
    };
    let files = create(&project)?;
    let line = if json { to_json(&project, &files) } else { to_text(&project, &files) };
    Ok(writeln!(out, "{line}")?)
}

fn to_text(project: &Project, files: &[&str]) -> String {
    let paths: Vec<String> = files.iter().map(|file| project.folder.join(file).display().to_string()).collect();
    let install = match project.language {
        Language::Rust => String::new(),
        Language::Js => format!("(cd {} && npm install) && ", project.folder.display()),
        Language::Python => format!(
            "(cd {} && python3 -m venv .venv && .venv/bin/pip install -r requirements.txt) && ",
            project.folder.display()
        ),
    };
    format!("{}\nnext: {install}turbo-engine component test {}", paths.join("\n"), project.folder.display())
}

fn to_json(project: &Project, files: &[&str]) -> String {
    json!({
        "v": 1,
        "event": "created",
        "name": project.name,
        "kind": project.world,
        "folder": project.folder,
        "files": files,
    })
    .to_string()
}
