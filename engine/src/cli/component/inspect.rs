//! `turbo-engine component inspect`.

use std::fmt::Write as _;
use std::io::Write;

use clap::Args;
use serde_json::json;

use super::{ComponentError, SubjectArgs};
use crate::cli::settings::Settings;
use crate::cli::units::show_bytes;
use crate::component::author::{Inspection, Rebuild, inspect};
use crate::model::quoted;

/// Tell all about a component: what it asks for, how near to limits it comes
///
/// Whatever is wrong with a file, what can be told of it is told. Exits 8 when
/// the engine would refuse it, with each reason.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    #[command(flatten)]
    subject: SubjectArgs,
}

/// Runs the verb.
pub(super) fn run(
    args: &InspectArgs,
    settings: &Settings,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), ComponentError> {
    let inspection = inspect(args.subject.path(), args.subject.rebuild(Rebuild::Now), &settings.limits)?;
    if json {
        let mut event = json!(inspection);
        event["v"] = 1.into();
        event["event"] = "inspected".into();
        writeln!(out, "{event}")?;
    } else {
        out.write_all(to_text(&inspection).as_bytes())?;
    }
    inspection.refusal().map_or(Ok(()), |refusal| Err(refusal.into()))
}

fn to_text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| writeln!(text, "{name:12} {value}").expect("a string takes all");
    line("file", &inspection.path.display().to_string());
    line("length", &show_bytes(inspection.bytes));
    line("sha256", &inspection.sha256);
    line("world", inspection.world.map_or("none that this engine knows", crate::component::World::name));
    if !inspection.id.is_empty() {
        line("component", &format!("{} {}: {}", inspection.id, inspection.version, quoted(&inspection.summary)));
        line("examples", &inspection.examples.to_string());
    }
    inspection.asked_about().iter().for_each(|urls| line("asked about", urls));
    if let Some(hosts) = inspection.leads_to() {
        line("leads to", &hosts);
    }
    if inspection.any_host {
        line("to install", "component add needs --any-host: it sees each of these URLs before the download");
    }
    if inspection.leads_to().is_some() && inspection.examples == 0 {
        line("to install", "component add needs --untested: without examples nothing tests it");
    }
    for export in &inspection.exports {
        line("exports", export);
    }
    for import in &inspection.imports {
        let refused = inspection.refused_imports.contains(import);
        line("imports", &format!("{import}{}", if refused { ", which components do not get" } else { "" }));
    }
    for measure in &inspection.measures {
        let over = if measure.found > measure.allowed { ", too many" } else { "" };
        line("limit", &format!("{} {} of {}{over}", measure.limit, measure.found, measure.allowed));
    }
    if !inspection.grants.is_empty() {
        grants(inspection, &mut line);
    }
    for difference in &inspection.disagreements {
        let (field, manifest, component) = (&difference.field, &difference.manifest, &difference.component);
        line("differs", &format!("component.toml says `{field}` is {manifest}, the component says {component}"));
    }
    for refusal in &inspection.refusals {
        line("refused", &refusal.reason);
        if let Some(hint) = &refusal.hint {
            line("hint", hint);
        }
    }
    text
}

/// What has to be granted, and how that is done.
fn grants(inspection: &Inspection, line: &mut impl FnMut(&str, &str)) {
    let pairs = |write: fn(&String, &String) -> String| -> Vec<String> {
        inspection.grants.iter().map(|(limit, value)| write(limit, value)).collect()
    };
    line("grants", &pairs(|limit, value| format!("{limit}={value}")).join(" "));
    let flags = pairs(|limit, value| format!("--grant {limit}={value}")).join(" ");
    let Some(file) = &inspection.file else {
        return line("to install", &format!("turbo-engine component add FILE {flags}"));
    };
    line("to install", &format!("turbo-engine component add {} {flags}", file.display()));
    let entries = pairs(|limit, value| format!("{limit} = \"{value}\"")).join(", ");
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let table = format!("[grants]\n{:12} {name} = {{ sha256 = \"{}\", {entries} }}", "", inspection.sha256);
    line("for --rule", &table);
}
