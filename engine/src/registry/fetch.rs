//! Gets a component and its signature from where they are. Bounded before it
//! is begun, and nothing is kept yet.

use url::Url;

use super::signed::SIGNATURE_BYTES;
use super::{ComponentOrigin, RegistryError, read_signature};
use crate::component::MOST_COMPONENT_BYTES;
use crate::model::{DisplayUrl, OciName};
use crate::net::{Body, Get, Net, OciLogin, Response, Scoped, Trust, Wanted, pull};
use crate::plan::Backoff;
use crate::store::read_bounded;

/// Annotation of a manifest that holds the signature of its component.
pub const SIGNATURE_ANNOTATION: &str = "org.turbo-engine.minisig";

/// How to fetch.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// Longest component that is fetched over the network.
    pub limit: u64,
    /// Attempts after the first one.
    pub retries: u32,
    /// Who named the origin.
    pub trust: Trust,
    /// Fields for the server of a URL, and no other.
    pub scoped: Option<Scoped>,
    /// The login for an OCI registry.
    pub login: Option<OciLogin>,
}

/// A component as it came.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its signature, where it has one.
    pub signature: Option<String>,
    /// Where it came from.
    pub origin: ComponentOrigin,
}

/// Fetches a component, again when what failed may pass. Cancel safe: nothing
/// is written.
pub async fn fetch(net: &Net, origin: &ComponentOrigin, options: &FetchOptions) -> Result<Fetched, RegistryError> {
    let mut failures = 0;
    loop {
        match fetch_once(net, origin, options).await {
            Err(error) if failures < options.retries && error.is_passing() => {
                failures += 1;
                tracing::debug!(target: "registry", %error, failures, "trying again");
                // Without chance all clients come back at once, which is all that is lost.
                let chance = f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX);
                tokio::time::sleep(Backoff::default().pause(failures, error.retry_after(), chance)).await;
            }
            fetched => return fetched,
        }
    }
}

async fn fetch_once(net: &Net, origin: &ComponentOrigin, options: &FetchOptions) -> Result<Fetched, RegistryError> {
    let mut from = origin.clone();
    let (bytes, signature) = match origin {
        ComponentOrigin::Path(path) => {
            // It is here already: read whole, it can be told all that it needs.
            let limit = usize::try_from(MOST_COMPONENT_BYTES).unwrap_or(usize::MAX);
            (read_bounded(path, limit)?, read_signature(path)?)
        }
        ComponentOrigin::Url(url) => {
            let answer = ask(net, url, options).await?;
            (read(answer, origin, options.limit).await?, fetch_signature(net, url, options).await?)
        }
        ComponentOrigin::Oci(name) => {
            let pulled = pull(net, name, options.login.as_ref(), (options.trust, options.limit)).await?;
            // A tag may move; the lockfile has to lead to these bytes again.
            from = ComponentOrigin::Oci(OciName { digest: Some(pulled.manifest), ..name.clone() });
            let signature = pulled.annotations.get(SIGNATURE_ANNOTATION).cloned();
            (pulled.bytes, signature.filter(|text| text.len() <= SIGNATURE_BYTES))
        }
    };
    Ok(Fetched { bytes, signature, origin: from })
}

async fn ask(net: &Net, url: &Url, options: &FetchOptions) -> Result<Response, RegistryError> {
    let get = Get { scoped: options.scoped.as_ref(), ..Get::new(url, options.trust, Wanted::Everything) };
    Ok(net.get(get).await?)
}

async fn read(mut answer: Response, origin: &ComponentOrigin, limit: u64) -> Result<Vec<u8>, RegistryError> {
    let too_long = |bytes| RegistryError::TooLong { what: origin.to_string(), bytes, limit };
    if let Body::Whole(Some(length)) = answer.body()
        && length > limit
    {
        return Err(too_long(Some(length)));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_long(None));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// `URL.minisig`. A server that refuses has none: whether one is needed is
/// decided later, by who demands it.
async fn fetch_signature(net: &Net, url: &Url, options: &FetchOptions) -> Result<Option<String>, RegistryError> {
    let mut beside = url.clone();
    beside.set_path(&format!("{}.minisig", url.path()));
    match ask(net, &beside, options).await {
        Ok(answer) => {
            let bytes = answer.first(SIGNATURE_BYTES).await?;
            // Many servers answer every path with a page.
            Ok(Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|text| text.starts_with("untrusted comment:")))
        }
        Err(RegistryError::Net(error)) if error.status().is_some() => {
            tracing::debug!(target: "registry", url = %DisplayUrl(&beside), %error, "no signature");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
