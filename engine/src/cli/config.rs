//! `turbo-engine config`.

use std::borrow::Cow;
use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::json;

use super::error::CliError;
use super::output::Output;
use super::settings::{KNOWN, Settings, config_path, variable};
use crate::model::ExitCode;

/// Show the configuration.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum ConfigVerb {
    /// Print each setting, its value, and where the value comes from
    Show,
}

/// Prints every setting.
pub(super) fn show(settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    if output.json {
        let entry = |key: &str, help: &str| {
            let value = settings.value(key);
            json!({"key": key, "value": shown(key, &value.text), "origin": value.origin, "variable": variable(key), "help": help})
        };
        let all: Vec<_> = KNOWN.iter().map(|known| entry(known.key, known.help)).collect();
        let rules: Vec<_> = settings.rules.keys().collect();
        output.json(
            &json!({"v": 1, "file": config_path(), "settings": all, "limits": settings.limits, "rules": rules}),
        )?;
        return Ok(ExitCode::Done);
    }
    let mut text = String::new();
    let width =
        KNOWN.iter().map(|known| shown(known.key, &settings.value(known.key).text).len()).max().unwrap_or(0).min(40);
    for known in KNOWN {
        let value = settings.value(known.key);
        let quoted = format!("{:?}", shown(known.key, &value.text));
        let _ = writeln!(text, "{:<22} = {quoted:<width$}  # {}", known.key, value.origin, width = width + 2);
    }
    for rule in settings.rules.keys() {
        let _ = writeln!(text, "[rules.{rule}]");
    }
    output.data(&text)?;
    if let Some(path) = config_path() {
        output.note(&format!("the user's file is {}", path.display()));
    }
    Ok(ExitCode::Done)
}

/// A value as it may be shown to others: a proxy's without its login.
fn shown<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    match value.rsplit_once('@') {
        Some((before, host)) if key == "proxy" => {
            let scheme = before.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
            format!("{scheme}[redacted]@{host}").into()
        }
        _ => value.into(),
    }
}
