//! `turbo-engine publish status STATE...`: how far single deliveries have come,
//! and what GitHub says of their pull requests, which nobody interprets.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use super::secrets::secret;
use super::status::StatusArgs;
use crate::cli::engine::{net_options, runtime};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::model::ExitCode;
use crate::net::Net;
use crate::publish::deliver::Standing;
use crate::publish::deliver::github::{self, GitHubPlace, PullStanding, PullState};
use crate::publish::state::{Progress, State};

/// Runs the verb on state files.
pub(super) fn run(args: &StatusArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    let mut code = ExitCode::Done;
    let net = Net::new(net_options(settings, args.network.resolve.clone())?);
    let api = args.api()?;
    let token = args.credential.as_deref().map(secret).transpose()?;
    let asking = token.map(|token| GitHubPlace {
        net: &net,
        api: api.clone(),
        token: Some(token),
        attempts: 0,
        patience: Duration::ZERO,
    });
    for path in &args.states {
        let none = || CliError::usage(format!("there is no state file {}", path.display()), "check how it is written");
        let state = State::read(path)?.ok_or_else(none)?;
        let pull = asking.as_ref().map(|asking| ask(asking, &state)).transpose()?.flatten();
        let is_refused = pull.as_ref().is_some_and(|pull| pull.state == PullState::Closed);
        if state.submission.is_none() || is_refused {
            code = ExitCode::Partial;
        }
        if output.json {
            let reference = state.submission.as_ref().map(|submission| submission.reference.as_str());
            output.json(&json!({
                "v": 1, "event": "status", "release": state.scope.release, "channel": state.scope.channel,
                "state": word(&state), "reference": reference, "effects": state.effects, "pull-request": pull,
            }))?;
        } else {
            output.data(&shown(&state, pull.as_ref()))?;
        }
    }
    Ok(code)
}

fn ask(asking: &GitHubPlace<'_>, state: &State) -> Result<Option<PullStanding>, CliError> {
    let reference = state.submission.as_ref().map(|submission| submission.reference.as_str());
    let Some((repository, number)) = reference.and_then(github::pull_of) else { return Ok(None) };
    let runtime = runtime()?;
    let looked = runtime.block_on(github::look(asking, &repository, number));
    runtime.shutdown_background();
    let channel = state.scope.channel.clone();
    looked.map(Some).map_err(|source| CliError::Deliver { channel, source: Box::new(source) })
}

/// Whether it is over, and by whose doing.
pub(super) fn word(state: &State) -> &'static str {
    match state.submission.as_ref().map(|submission| submission.state) {
        Some(Standing::Delivered) => "delivered",
        Some(Standing::AlreadyThere) => "already-there",
        None => "unfinished",
    }
}

fn shown(state: &State, pull: Option<&PullStanding>) -> String {
    let mut text = format!("{}  {}: {}", state.scope.release, state.scope.channel, word(state));
    if let Some(submission) = &state.submission {
        let _ = write!(text, ", {}", submission.reference);
    }
    text.push('\n');
    if let Some(PullStanding { state, labels, checks, updated }) = pull {
        let state = match state {
            PullState::Open => "open",
            PullState::Merged => "merged",
            PullState::Closed => "closed, not merged",
        };
        let _ = writeln!(text, "  now            {state}, since {updated}");
        for label in labels {
            let _ = writeln!(text, "  label          {label}");
        }
        for (name, conclusion) in checks {
            let _ = writeln!(text, "  check          {name}: {conclusion}");
        }
    }
    for effect in &state.effects {
        let progress = match effect.progress {
            Progress::Intended => "tried, outcome unknown",
            Progress::Performed => "performed",
            Progress::Confirmed => "confirmed",
        };
        let _ = writeln!(text, "  {:<14} {progress}: {}", effect.effect, effect.target);
    }
    text
}
