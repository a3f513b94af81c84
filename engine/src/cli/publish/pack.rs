//! `turbo-engine publish pack`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::units::show_count;
use crate::model::delivery::{Nupkg, OutputFile};
use crate::publish::pack::{MOST_BYTES, MOST_FILES, Nuspec, PackError, Source, pack, select};
use crate::store::{list_folder, read_plain, sha256, write_atomic};

/// Longest nuspec.
const NUSPEC_BYTES: u64 = 1 << 20;

/// Pack a folder into a .nupkg for Chocolatey or another feed of `NuGet`
///
/// Takes what <files> of the nuspec names, or everything but hidden files and
/// packages. Nothing outside of the folder is read, and no link followed. The
/// same files give the same bytes, everywhere and always.
#[derive(Debug, Args)]
pub(in crate::cli) struct PackArgs {
    /// Folder with one nuspec, or the nuspec, whose folder counts
    #[arg(value_name = "DIR|NUSPEC", value_hint = ValueHint::AnyPath)]
    path: PathBuf,
    /// File or folder to write to; `ID.VERSION.nupkg` here without it
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
}

/// Runs the verb.
pub(super) fn run(args: &PackArgs, output: &Output) -> Result<(), CliError> {
    let package = read_package(&args.path)?;
    let packed = pack(&package)?;
    let path = match &args.output {
        Some(folder) if folder.is_dir() => folder.join(&packed.file_name),
        Some(path) => path.clone(),
        None => PathBuf::from(&packed.file_name),
    };
    write_atomic(&path, &packed.bytes)?;
    let digest = sha256(&packed.bytes);
    let (bytes, files) = (packed.bytes.len(), package.files.len());
    if output.json {
        return output.json(&json!({
            "v": 1, "event": "packed", "path": path, "bytes": bytes, "files": files, "digest": digest.to_string(),
        }));
    }
    output.data(&format!("{}  {}  {bytes} bytes, {}\n", digest.hex(), path.display(), show_count(files, "file")))
}

/// Reads the nuspec and the files that it means.
fn read_package(path: &Path) -> Result<Nupkg, CliError> {
    let (folder, named) = if path.is_dir() { (path, None) } else { (parent(path), path.file_name()) };
    let listed: Vec<String> = list_folder(folder, MOST_FILES * 4)?.into_iter().map(|file| file.path).collect();
    let nuspec = match named {
        Some(name) => name.to_string_lossy().into_owned(),
        None => only_nuspec(path, &listed)?,
    };
    let text = String::from_utf8(read_plain(&folder.join(&nuspec), NUSPEC_BYTES)?);
    let text = text.map_err(|_| CliError::usage(format!("{nuspec} is not UTF-8"), "save it as UTF-8"))?;
    let parsed = Nuspec::parse(&text)?;
    let mut files = Vec::new();
    let mut room = MOST_BYTES;
    for Source { from, to } in select(&parsed, &listed)? {
        let content = read_plain(&folder.join(&from), room)?;
        room -= content.len() as u64;
        files.push(OutputFile { path: to, content });
        if files.len() > MOST_FILES {
            return Err(PackError::TooMany.into());
        }
    }
    Ok(Nupkg { nuspec: text, files, endpoint: String::new() })
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn only_nuspec(folder: &Path, files: &[String]) -> Result<String, CliError> {
    let is_nuspec = |path: &&String| !path.contains('/') && path.to_lowercase().ends_with(".nuspec");
    let found: Vec<&String> = files.iter().filter(is_nuspec).collect();
    match found[..] {
        [nuspec] => Ok(nuspec.clone()),
        [] => Err(CliError::usage(format!("there is no nuspec in {}", folder.display()), "name the folder it lies in")),
        _ => Err(CliError::usage(format!("{} has several nuspecs", folder.display()), "name the one that is meant")),
    }
}
