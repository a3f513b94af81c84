//! The flow of one download: candidates, first answer, transfer, verification,
//! final name, receipt.
//!
//! Joins the rules, the network and the store; decides nothing that `plan`
//! can decide. The key invariant: a file gets its final name once, complete
//! and verified as far as anybody can say what it should be.

mod attempt;
mod audit;
mod cached;
mod coding;
mod error;
mod events;
mod existing;
mod finish;
mod job;
mod lane;
mod left;
mod open;
mod place;
mod receipt;
mod receive;
mod remote_time;
mod repair;
mod route;
mod seats;
mod single;
mod source;
mod stage;
mod strangers;
mod transfer;
mod truth;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

pub use audit::AuditEnd;
pub use error::DownloadError;
pub use events::{Event, Observer, SourceState};
pub use job::{
    ChecksumFile, DigestRule, Engine, EngineOptions, FileTime, Job, NetworkUse, Output, PlainPartial, Promised,
    Recheck, Unverified,
};
pub use receipt::{Proof, Receipt, SourceReceipt, Verified};
pub use seats::{Memory, PerHost, Seats};

use crate::net::Trust;
use crate::plan::{Parts, Role, Vouching, rank};
use crate::store::{StoreError, remove, reserve_private_file};
use attempt::{Attempt, Ranges};
use cached::Cached;
use place::Place;
use source::Source;
use truth::Discovery;

/// Most times that a download begins anew because the origin's file changed.
const MOST_RESTARTS: usize = 2;

/// Downloads one file.
///
/// Cancelling `cancel` ends it soon with [`DownloadError::Interrupted`] and a
/// journal from which the same call resumes; dropping the future leaves a
/// journal that is at most a second behind.
pub async fn download(
    engine: &Engine,
    mut job: Job,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Result<Receipt, DownloadError> {
    let begun = Instant::now();
    let place = Place::of(&job.output, &job.url, &engine.names)?;
    if let Some(target) = place.expected()
        && let Some(receipt) = existing::settle_locally((engine, observer), &job, target).await?
    {
        place.claim(target)?;
        return Ok(receipt.accounted(begun));
    }
    job.digests.extend(truth::from_checksum_file(engine, &job).await?);
    let _flight;
    if let Some(cache) = &engine.cache {
        let cached = Cached { engine, cache, observer, cancel };
        _flight = cached.single_flight(&job).await;
        if let Some(receipt) = cached.deliver(&mut job, &place).await? {
            return Ok(receipt.accounted(begun));
        }
    }
    if engine.options.network == NetworkUse::Offline {
        return Err(DownloadError::Offline);
    }
    let mut sources = gather(engine, &mut job, observer).await;
    let discovery = Discovery::new(&engine.net, &sources[0]);
    let (ranges, parts) = (Ranges::Asked, Parts::Single);
    let mut attempt = Attempt { engine, observer, cancel, place: &place, ranges, parts, discovery, scratch: None };
    if matches!(job.output, Output::Stream(_)) {
        attempt.stage_in(usable_scratch(engine).await);
    }
    // What went to standard output cannot be taken back.
    let mut restarts = if matches!(job.output, Output::Stream(_)) { 0 } else { MOST_RESTARTS };
    loop {
        match attempt.run(&mut job, &mut sources).await {
            Err(DownloadError::Changing) if restarts > 0 => {
                observer.event(&Event::warning("the file at the origin has changed; starting anew"));
            }
            Err(DownloadError::NoRanges) if restarts > 0 => {
                observer.event(&Event::warning("the origin stopped serving ranges; starting anew with one stream"));
                attempt.ranges = Ranges::Avoided;
            }
            // Of several versions, only one stream is surely one of them.
            Err(DownloadError::Mismatch { .. })
                if restarts > 0 && attempt.parts == Parts::Allowed(Vouching::Digest) =>
            {
                observer.event(&Event::warning("parts of the file do not fit together; starting anew with one stream"));
                attempt.ranges = Ranges::Avoided;
            }
            // Nothing is streamed yet: the bytes need no disk when they come in order.
            Err(DownloadError::Store(StoreError::NoRoom { .. })) if attempt.scratch.is_some() => {
                attempt.stage_in(None);
                continue;
            }
            Ok(receipt) => return Ok(receipt.accounted(begun)),
            Err(error) => attempt.after_failure(error, &mut job, &sources, restarts).await?,
        }
        restarts -= 1;
    }
}

/// The folder in which bytes for standard output may wait for those before
/// them; none where nothing can be written.
async fn usable_scratch(engine: &Engine) -> Option<PathBuf> {
    let folder = engine.scratch.clone();
    let tried = blocking(move || reserve_private_file(&folder).map(|file| remove(&file))).await;
    tried.inspect_err(|error| tracing::info!("streaming over one connection: {}", reason(error))).ok()?;
    Some(engine.scratch.clone())
}

/// All the places to ask, the origin first, then what the user named, then
/// what the rules proposed.
async fn gather(engine: &Engine, job: &mut Job, observer: &dyn Observer) -> Vec<Source> {
    let mut origin = Source::new(job.url.clone(), job.trust, Role::Origin, None);
    origin.scoped = Some(job.scoped());
    job.headers.clear();
    let mut sources = vec![origin];
    for (url, trust) in &job.mirrors {
        add(&mut sources, Source::new(url.clone(), *trust, Role::Mirror, None));
    }
    if let Some(rules) = &engine.rules {
        // The first question may compile the rule.
        let (asked, url, region) = (rules.clone(), job.url.clone(), engine.options.region);
        let answer = blocking(move || asked.ask(&url, region)).await;
        for fault in rules.faults().iter().chain(&answer.faults) {
            observer.event(&Event::OfComponent { component: fault.component.clone(), message: fault.to_string() });
        }
        for reaching in rules.reaching() {
            observer.event(&Event::OfComponent { component: reaching.rule.clone(), message: reaching.to_string() });
        }
        for advice in &answer.advice {
            observer.event(&match &advice.rule {
                Some(rule) => Event::OfComponent { component: rule.clone(), message: advice.to_string() },
                None => Event::warning(advice.to_string()),
            });
        }
        for ranked in rank(&answer.candidates, engine.options.region) {
            let candidate = ranked.candidate;
            let rule = Some(candidate.rule.to_string());
            add(&mut sources, Source::new(candidate.url.to_url(), Trust::Named, Role::Mirror, rule));
        }
    }
    sources.iter_mut().for_each(|source| source.coded = engine.options.coded);
    sources
}

fn add(sources: &mut Vec<Source>, source: Source) {
    if !sources.iter().any(|known| known.url == source.url) {
        sources.push(source);
    }
}

/// An error with its causes, in one line.
pub(crate) fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some libraries repeat the cause in their own message.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// Runs blocking work off the runtime's thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(tokio::task::spawn_blocking(work).await).expect("blocking work is never cancelled")
}

/// What a task gave, none when it was cancelled. Its panic goes on here.
fn joined<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended {
        Ok(given) => Some(given),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

/// A number in `0.0..1.0` that nobody can foretell.
fn chance() -> f64 {
    let drawn = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(drawn) / (f64::from(u32::MAX) + 1.0)
}
