//! What is fetched for each processor, and the programs in it.

use generator_common::choose::{self, Program, backslashed};
use generator_common::{Fields, Findings, Value};
use turbo_component::manifest::Artifact;

use crate::app::{App, one_or_many};
use crate::keep;

/// Processors in Scoop's order, as the release and as Scoop call them.
const ARCHES: [(&str, &str); 3] = [("x64", "64bit"), ("x86", "32bit"), ("arm64", "arm64")];

/// What one processor's users fetch.
pub struct Block {
    /// `64bit`, `32bit`, `arm64`; empty for a file that is for all.
    pub arch: &'static str,
    /// Where from: with `#/NAME` when it gets another name.
    pub url: String,
    /// Its digest.
    pub hash: String,
    /// The folder whose content is the app.
    pub extract_dir: Option<String>,
    /// Its programs.
    pub bin: Value,
    /// Whether it is an installer by Inno Setup.
    pub is_inno: bool,
}

/// One block a processor.
pub fn of(app: &App<'_>, artifacts: &[&Artifact], old: Option<&Fields>, findings: &mut Findings) -> Vec<Block> {
    let usable: Vec<&Artifact> = artifacts.iter().copied().filter(|artifact| is_usable(artifact, findings)).collect();
    let mut chosen = choose::best(&usable, &ARCHES.map(|(arch, _)| arch), rank);
    if chosen.is_empty() {
        chosen = choose::best(&usable, &["neutral"], rank);
    }
    for artifact in &usable {
        if !chosen.iter().any(|known| known.id == artifact.id) {
            let message = format!("{} is left out: another file serves its users", artifact.file_name);
            findings.note("scoop-not-chosen", &message, "name the files to publish with `artifacts`");
        }
    }
    let told = old.and_then(|old| old.get("architecture")).and_then(Value::as_fields);
    for (arch, _) in told.into_iter().flat_map(Fields::iter) {
        let is_here = chosen.iter().any(|artifact| ARCHES.contains(&(artifact.arch.as_str(), arch)));
        if !is_here {
            findings.warn(
                "scoop-arch-gone",
                &format!("the bucket has a file for {arch}, and the release has none"),
                "",
            );
        }
    }
    let blocks = chosen.into_iter().filter(|artifact| choose::is_public(artifact, findings)).collect::<Vec<_>>();
    blocks.into_iter().map(|artifact| block(app, artifact, old, findings)).collect()
}

fn is_usable(artifact: &Artifact, findings: &mut Findings) -> bool {
    let name = &artifact.file_name;
    if rank(artifact).is_none() {
        findings.note(
            "scoop-format",
            &format!("{name} is left out: Scoop unpacks no {:?}", choose::kind(artifact)),
            "",
        );
        return false;
    }
    if artifact.arch != "neutral" && !ARCHES.iter().any(|(arch, _)| *arch == artifact.arch) {
        findings.note("scoop-arch", &format!("{name} is left out: Scoop knows no processor {:?}", artifact.arch), "");
        return false;
    }
    if artifact.url.contains('$') {
        findings.error("scoop-url", &format!("{name}: a URL in Scoop has no $"), "publish it under another URL");
        return false;
    }
    true
}

/// Archives first: Scoop unpacks, it does not install.
fn rank(artifact: &Artifact) -> Option<u32> {
    let of_kind = match choose::kind(artifact).as_str() {
        "zip" if choose::technology(artifact).is_none_or(|inside| inside == "portable") => 0,
        "7z" => 2,
        "tar.gz" | "tar.xz" | "tar.bz2" | "tar.zst" | "tar" => 4,
        "portable" => 6,
        "msi" | "wix" => 8,
        "inno" => 10,
        "nullsoft" => 12,
        _ => return None,
    };
    Some(of_kind + u32::from(matches!(artifact.libc.as_deref(), Some("gnu" | "musl"))))
}

fn block(app: &App<'_>, artifact: &Artifact, old: Option<&Fields>, findings: &mut Findings) -> Block {
    let kind = choose::kind(artifact);
    let programs = choose::programs(artifact, choose::is_exe, findings);
    let arch = ARCHES.iter().find(|(arch, _)| *arch == artifact.arch).map_or("", |(_, name)| *name);
    let (url, programs) = match kind.as_str() {
        "portable" => {
            let command = programs.first().map_or(app.name.as_str(), |program| program.command.as_str());
            // `tool-1.2.3-x64.exe` is nobody's command.
            let command = if command.contains(&app.version) { app.name.as_str() } else { command };
            let name = format!("{command}.exe");
            let rename = if artifact.file_name == name { String::new() } else { format!("#/{name}") };
            (artifact.url.clone() + &rename, vec![name])
        }
        "nullsoft" => (format!("{}#/dl.7z", artifact.url), inner(&programs)),
        _ => (artifact.url.clone(), inner(&programs)),
    };
    let bin = bin(app, (arch, artifact, programs), old, findings);
    if bin.is_empty() {
        let message = format!("nobody knows which file of {} is the program", artifact.file_name);
        findings.warn("scoop-no-binary", &message, "name it in the artifact's `binaries`, or set `bin` or `shortcuts`");
    }
    Block {
        arch,
        url,
        hash: choose::sha256(artifact).unwrap_or_default(),
        extract_dir: choose::prefix(artifact).map(backslashed),
        bin,
        is_inno: kind == "inno",
    }
}

fn inner(programs: &[Program]) -> Vec<String> {
    programs.iter().map(|program| backslashed(&program.inner)).collect()
}

/// The settings' programs, else those of the bucket and of the release.
fn bin(
    app: &App<'_>,
    (arch, artifact, programs): (&str, &Artifact, Vec<String>),
    old: Option<&Fields>,
    findings: &mut Findings,
) -> Value {
    let rows = app.settings.rows("bin");
    if !rows.is_empty() {
        let row = |row: Vec<&str>| row_of(row.into_iter().map(str::to_owned).collect());
        let mut rows: Vec<Value> = rows.into_iter().map(row).collect();
        return if rows.len() == 1 && rows[0].as_text().is_some() { rows.remove(0) } else { Value::List(rows) };
    }
    match old.and_then(|old| keep::of_arch(old, arch, "bin")) {
        Some(kept) => keep::merge_bin(kept, &programs, artifact, findings),
        None => one_or_many(programs),
    }
}

fn row_of(mut row: Vec<String>) -> Value {
    if row.len() == 1 { Value::Text(row.remove(0)) } else { Value::texts(row) }
}

/// Writes the blocks: what is the same for all stands outside of them.
pub fn put(blocks: &[Block], old: Option<&Fields>, fields: &mut Fields) {
    let Some(first) = blocks.first() else { return };
    let has_same_bin = blocks.iter().all(|block| block.bin == first.bin);
    let has_same_dir = blocks.iter().all(|block| block.extract_dir == first.extract_dir);
    let mut arches = Fields::new();
    for block in blocks {
        let mut own = Fields::new();
        own.put("url", Value::text(&block.url));
        own.put("hash", Value::text(&block.hash));
        if !has_same_dir {
            own.put_text("extract_dir", block.extract_dir.as_deref());
        }
        if !has_same_bin {
            own.put("bin", block.bin.clone());
        }
        if block.arch.is_empty() {
            for (name, value) in own.iter() {
                fields.put(name, value.clone());
            }
        } else {
            if let Some(old) = old {
                keep::rest_of_arch(old, block.arch, &mut own);
            }
            arches.put(block.arch, Value::Map(own.in_order(&crate::app::ORDER)));
        }
    }
    fields.put("architecture", Value::Map(arches));
    if has_same_dir {
        fields.put_text("extract_dir", first.extract_dir.as_deref());
    }
    if has_same_bin {
        fields.put("bin", first.bin.clone());
    }
    if blocks.iter().all(|block| block.is_inno) {
        fields.put("innosetup", Value::Bool(true));
    }
}
