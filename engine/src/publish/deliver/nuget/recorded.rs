//! A push with a record before and after it, so that a later run knows what an
//! earlier one may have done.
//!
//! Feeds do not always tell which bytes they have. The key invariant: a version
//! that the feed did not have when the push was recorded, and has now, is ours.

use super::{Known, NugetError, Push, Submission, Target};
use crate::net::Net;
use crate::publish::deliver::DeliverError;
use crate::publish::ledger::{Intent, Ledger};
use crate::publish::pack::PackedNupkg;
use crate::publish::state::Progress;
use crate::store::sha256;

/// The name of the effect in the records.
const PUSH: &str = "package";
/// The fact that tells what the feed had before.
const BEFORE: &str = "before";
const ABSENT: &str = "absent";

/// Pushes a package unless the feed has it, by its own word or by our records.
/// Dropped in between, a later call finds out how far it came.
pub async fn deliver_recorded(
    net: &Net,
    package: &PackedNupkg,
    target: &Target<'_>,
    ledger: &mut Ledger<'_>,
) -> Result<Submission, DeliverError> {
    let push = Push::new(net, package, target)?;
    let (endpoint, known) = push.open().await?;
    let reference = endpoint.entry(&push.nuspec).to_string();
    let shown = format!("{} {} {}", endpoint.origin(), push.nuspec.id, push.nuspec.version);
    if let Some(submission) = settled(ledger, known, (&shown, &reference))? {
        ledger.conclude(&submission)?;
        return Ok(submission);
    }
    let digests = [format!("sha256:{} {}", sha256(&package.bytes).hex(), package.file_name)];
    let facts = [(BEFORE, if known == Known::Absent { ABSENT } else { "unknown" })];
    ledger.intend(&Intent { effect: PUSH, target: &shown, digests: &digests, facts: &facts })?;
    let submission = match push.send(&endpoint, known).await {
        Ok(submission) => submission,
        Err(error) => return fails(ledger, error),
    };
    ledger.performed(PUSH, &submission.reference)?;
    if matches!(push.look(&endpoint).await, Known::Same | Known::Present) {
        ledger.confirmed(PUSH, &submission.reference)?;
    }
    ledger.conclude(&submission)?;
    Ok(submission)
}

/// What needs no push: the feed has these bytes, or an earlier run has pushed
/// them.
fn settled(
    ledger: &mut Ledger<'_>,
    known: Known,
    (target, reference): (&str, &str),
) -> Result<Option<Submission>, DeliverError> {
    let effect = ledger.effect(PUSH);
    let is_acknowledged = effect.is_some_and(|effect| effect.progress != Progress::Intended);
    let was_absent = effect.is_some_and(|effect| effect.fact(BEFORE) == Some(ABSENT));
    let is_ours = match known {
        Known::Same | Known::Present => is_acknowledged || was_absent,
        // Galleries show a package only once they have looked at it.
        Known::Absent | Known::Untold => is_acknowledged,
        Known::Other => false,
    };
    if is_ours {
        ledger.confirmed(PUSH, reference)?;
        return Ok(Some(Submission::delivered(reference)));
    }
    if known == Known::Same {
        ledger.found((PUSH, target), reference)?;
        return Ok(Some(Submission::already_there(reference)));
    }
    Ok(None)
}

fn fails(ledger: &mut Ledger<'_>, error: NugetError) -> Result<Submission, DeliverError> {
    ledger.failed(PUSH, &error.to_string())?;
    Err(error.into())
}
