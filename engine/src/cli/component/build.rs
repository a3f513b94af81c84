//! `turbo-engine component build`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::ComponentError;
use crate::component::build::{self, BuildOptions, Built, Messages, Target};

/// Build components from their source, those in Rust reproducibly
///
/// Writes NAME.wasm and NAME.wasm.sha256 for each project. The bytes of a crate
/// depend on the source, its Cargo.lock and the version of rustc alone. Projects
/// in JavaScript and Python are built by the packages that they name.
#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    /// Folders of the projects
    #[arg(value_name = "DIR", default_value = ".")]
    dirs: Vec<PathBuf>,
    /// Of a crate: wasm32-unknown-unknown (no imports) or wasm32-wasip2
    ///
    /// Without it the crate's own choice counts: `target` under
    /// [package.metadata.turbo-engine], or else wasm32-unknown-unknown.
    #[arg(long, value_name = "TARGET")]
    target: Option<Target>,
    /// Folder of the built files
    #[arg(long, value_name = "DIR", default_value = "dist")]
    out: PathBuf,
    /// Write nothing; fail unless the files are there, byte for byte
    #[arg(long)]
    check: bool,
}

/// Runs the verb. Data goes to `out`: one line for each component.
pub(super) fn run(args: &BuildArgs, json: bool, out: &mut dyn Write) -> Result<(), ComponentError> {
    let make = if args.check { build::check } else { build::build };
    for dir in &args.dirs {
        let built = make(&BuildOptions {
            dir: dir.clone(),
            target: args.target,
            out: args.out.clone(),
            messages: Messages::Show,
        })?;
        writeln!(out, "{}", if json { to_json(&built) } else { to_text(&built) })?;
    }
    Ok(())
}

fn to_text(built: &Built) -> String {
    format!("{}  {}  {} bytes", built.digest.hex(), built.path.display(), built.bytes)
}

fn to_json(built: &Built) -> String {
    json!({
        "v": 1,
        "event": "built",
        "path": built.path,
        "target": built.target.map(Target::triple),
        "bytes": built.bytes,
        "digest": built.digest,
    })
    .to_string()
}
