//! Files pushed to an OCI registry as one artifact.
//!
//! The same files have the same manifest, so that the registry itself tells
//! whether they are there. The key invariant: a tag is moved only to a manifest
//! all of whose files the registry has.

use super::{DeliverError, Submission};
use crate::model::delivery::OciArtifact;
use crate::model::{OciName, Secret};
use crate::net::{Net, OciFiles, OciLogin, push_files, standing};
use crate::publish::ledger::{Intent, Ledger};

/// The name of the effect in the records.
const PUSH: &str = "artifact";

/// Where it goes, and by whose leave.
#[derive(Debug, Clone)]
pub struct OciTarget<'a> {
    /// The network.
    pub net: &'a Net,
    /// User and token; none asks as everybody.
    pub login: Option<(&'a str, &'a Secret)>,
}

/// Pushes the files, unless the tag has them. Dropped in between, it may or may
/// not have arrived; a later call finds out.
pub async fn deliver(
    target: &OciTarget<'_>,
    artifact: &OciArtifact,
    ledger: &mut Ledger<'_>,
) -> Result<Submission, DeliverError> {
    let (name, files) = read(artifact)?;
    let login = target.login();
    let (digest, shown) = (files.digest(), name.to_string());
    let reference = format!("{shown}@sha256:{}", digest.hex());
    let before = standing(target.net, &name, login.as_ref()).await?;
    let submission = if before.as_ref() == Some(&digest) {
        settled(ledger, &shown, &reference)?
    } else {
        let before = before.map_or_else(|| "absent".to_owned(), |before| before.to_string());
        let digests = [format!("sha256:{}", digest.hex())];
        ledger.intend(&Intent { effect: PUSH, target: &shown, digests: &digests, facts: &[("before", &before)] })?;
        if let Err(error) = push_files(target.net, &name, login.as_ref(), &files).await {
            ledger.failed(PUSH, &error.to_string())?;
            return Err(error.into());
        }
        ledger.performed(PUSH, &reference)?;
        Submission::delivered(reference)
    };
    ledger.conclude(&submission)?;
    Ok(submission)
}

/// What [`deliver`] would push.
pub fn dry_run(artifact: &OciArtifact) -> Result<String, DeliverError> {
    let (name, files) = read(artifact)?;
    Ok(format!("PUT {name}\n  manifest: sha256:{}\n", files.digest().hex()))
}

/// It is there: by an earlier run's doing, or by somebody else's.
fn settled(ledger: &mut Ledger<'_>, target: &str, reference: &str) -> Result<Submission, DeliverError> {
    if ledger.effect(PUSH).is_some() {
        ledger.confirmed(PUSH, reference)?;
        return Ok(Submission::delivered(reference));
    }
    ledger.found((PUSH, target), reference)?;
    Ok(Submission::already_there(reference))
}

fn read(artifact: &OciArtifact) -> Result<(OciName, OciFiles), DeliverError> {
    let name: Result<OciName, _> = format!("oci://{}", artifact.reference).parse();
    let hint = "write HOST/NAME as `registry` of the channel";
    let name = name.map_err(|_| DeliverError::Unready("the reference names no artifact of a registry", hint))?;
    let files = artifact.layers.iter().map(|file| (file.path.clone(), file.content.clone().into())).collect();
    Ok((name, OciFiles { artifact_type: artifact.artifact_type.clone(), files }))
}

impl OciTarget<'_> {
    fn login(&self) -> Option<OciLogin> {
        self.login.map(|(user, password)| OciLogin { user: user.to_owned(), password: password.clone() })
    }
}
