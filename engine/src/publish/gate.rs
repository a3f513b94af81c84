//! The re-hash gate: what the public gets is what was built here.
//!
//! Every public URL is fetched anew, from the origin alone, past the cache and
//! without mirrors, and its digest compared with that of the artifact, before
//! anything is published. A file that is not there yet is waited for, within a
//! budget; one with other bytes is not.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::artifact::{Quiet, Studied};
use crate::download::{DownloadError, Engine, Job, Output, download, reason};
use crate::model::release::Artifact;
use crate::model::{Algorithm, Digest, DisplayUrl, ExitCode, Explain};
use crate::net::{NetError, Trust};

/// URLs that are fetched together.
const AT_ONCE: usize = 4;
/// The pauses between two looks for a file.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How patient the gate is, and what it makes of a file that does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateOptions {
    /// How long to wait for files that are not there yet, all together.
    pub patience: Duration,
    /// What an absent file means.
    pub absent: Absent,
}

/// What a file means that the public cannot get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Nothing is published.
    Fails,
    /// It is told, and that is all: nothing is published anyway.
    Told,
}

/// Why the gate stays shut. Nothing was published.
#[derive(Debug, thiserror::Error)]
#[error("{}", failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct GateError {
    /// What is wrong, for each URL.
    pub failures: Vec<GateFailure>,
}

/// What is wrong with one URL.
#[derive(Debug)]
pub enum GateFailure {
    /// The public gets other bytes.
    Mismatch {
        /// The URL.
        url: String,
        /// The digest of the artifact.
        expected: Digest,
        /// The digest of what was fetched.
        got: Digest,
    },
    /// The public gets nothing.
    Absent {
        /// The URL.
        url: String,
        /// How long it was waited for.
        waited: Duration,
        /// Why it cannot be fetched.
        source: DownloadError,
    },
}

impl fmt::Display for GateFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch { url, expected, got } => {
                write!(out, "{url} gives other bytes than the artifact: expected {expected}, got {got}")
            }
            Self::Absent { url, waited, source } => {
                write!(out, "{url} cannot be fetched, after {} s of waiting: {}", waited.as_secs(), reason(source))
            }
        }
    }
}

impl GateFailure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Mismatch { .. } => ExitCode::Verification,
            Self::Absent { source, .. } => source.exit_code(),
        }
    }
}

impl Explain for GateError {
    fn exit_code(&self) -> ExitCode {
        let codes = || self.failures.iter().map(GateFailure::exit_code);
        // Other bytes are worse than none.
        codes().find(|code| *code == ExitCode::Verification).or_else(|| codes().next()).unwrap_or(ExitCode::Failed)
    }

    fn hint(&self) -> Option<String> {
        Some(match self.exit_code() {
            ExitCode::Verification => {
                "upload the artifact again, or build from what was uploaded; nothing was published".into()
            }
            _ => "upload the artifacts first, or wait longer with --wait SECONDS; nothing was published".into(),
        })
    }
}

/// Fetches every URL and compares. Gives what a person should know; with
/// [`Absent::Told`] files that are not there are among that.
pub async fn gate(
    engine: &Engine,
    studied: &[Studied],
    options: GateOptions,
    cancel: &CancellationToken,
) -> Result<Vec<String>, GateError> {
    // The public has neither our cache nor our mirrors.
    let engine = Engine { rules: None, cache: None, ..engine.clone() };
    let until = Instant::now() + options.patience;
    let looks = studied.iter().map(|studied| look(&engine, studied, until, cancel));
    let found: Vec<Option<GateFailure>> = futures_util::stream::iter(looks).buffered(AT_ONCE).collect().await;
    let is_told = |failure: &GateFailure| {
        options.absent == Absent::Told
            && matches!(failure, GateFailure::Absent { source, .. } if !is_interrupted(source))
    };
    let (told, failures): (Vec<_>, Vec<_>) = found.into_iter().flatten().partition(is_told);
    if failures.is_empty() { Ok(told.iter().map(ToString::to_string).collect()) } else { Err(GateError { failures }) }
}

/// Looks until the file is there or the time is over.
async fn look(engine: &Engine, studied: &Studied, until: Instant, cancel: &CancellationToken) -> Option<GateFailure> {
    let Artifact { url, digests, .. } = &studied.artifact;
    let expected =
        digests.iter().find(|digest| digest.algorithm() == Algorithm::Sha256).expect("every artifact is hashed");
    let parsed: Url = url.parse().expect("intake checks every URL");
    let url = DisplayUrl(&parsed).to_string();
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let source = match fetched(engine, &parsed, studied.trust, cancel).await {
            Ok(got) if got == *expected => return None,
            Ok(got) => return Some(GateFailure::Mismatch { url, expected: expected.clone(), got }),
            Err(source) => source,
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || !may_come(&source) {
            return Some(GateFailure::Absent { url, waited: begun.elapsed(), source });
        }
        tracing::info!(target: "publish", url, reason = reason(&source), "waiting for the file");
        tokio::select! {
            () = tokio::time::sleep(pause.min(left)) => {}
            () = cancel.cancelled() => {
                return Some(GateFailure::Absent { url, waited: begun.elapsed(), source: DownloadError::Interrupted });
            }
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether waiting may help: uploads take their time, and so do those who
/// distribute them.
fn may_come(error: &DownloadError) -> bool {
    match error {
        DownloadError::Net(error) => error.status().is_some() || error.is_passing(),
        DownloadError::Changing | DownloadError::NoRanges => true,
        _ => false,
    }
}

fn is_interrupted(error: &DownloadError) -> bool {
    matches!(error, DownloadError::Interrupted | DownloadError::Net(NetError::Redirect { .. }))
}

/// The SHA-256 of what a URL gives now.
async fn fetched(
    engine: &Engine,
    url: &Url,
    trust: Trust,
    cancel: &CancellationToken,
) -> Result<Digest, DownloadError> {
    let job = Job::plain(url.clone(), trust, Output::Stream(Box::new(io::sink())));
    let receipt = download(engine, job, &Quiet, cancel).await?;
    let hex = receipt.sha256.expect("what was fetched was hashed");
    Ok(Digest::from_hex(Algorithm::Sha256, &hex).expect("a receipt has 64 digits"))
}
