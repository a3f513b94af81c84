//! Pushes a package to a feed of `NuGet` v2, as Chocolatey's own client does.
//!
//! The key invariants: the key goes to the origin that the user named and to no
//! other, encrypted or to this machine; and a package is sent again only when it
//! is known that it did not arrive.

mod endpoint;
mod error;
pub mod feed;
mod recorded;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Method, StatusCode};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, SystemTime};
use url::Url;

use self::endpoint::Endpoint;
pub use self::error::NugetError;
use self::feed::{Known, Package};
pub use self::recorded::deliver_recorded;
use super::{Submission, chance};
use crate::model::excerpt::excerpt;
use crate::model::http::retry_after;
use crate::model::{DisplayUrl, Origin, Secret};
use crate::net::{Exchange, Net, NetError, Told, Trust};
use crate::plan::Backoff;
use crate::publish::pack::{Nuspec, PackedNupkg, nuspec_of};

/// The field that carries the key.
const KEY_FIELD: HeaderName = HeaderName::from_static("x-nuget-apikey");
/// Largest answer that is read.
const ANSWER_BYTES: usize = 1 << 20;
/// Longest wait that is read from an answer.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// Most redirects of the first request.
const MOST_REDIRECTS: usize = 10;

/// Where a package goes, and by whose leave.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// The feed: a bare host, or the address of its push service.
    pub source: &'a Url,
    /// The key of the feed's account.
    pub key: &'a Secret,
    /// Attempts after the first one.
    pub retries: u32,
}

/// Pushes a package unless the feed has these very bytes.
///
/// Cancelled while it sends, the package may have arrived; the next delivery
/// finds out.
pub async fn deliver(net: &Net, package: &PackedNupkg, target: &Target<'_>) -> Result<Submission, NugetError> {
    let push = Push::new(net, package, target)?;
    let (endpoint, known) = push.open().await?;
    if known == Known::Same {
        return Ok(Submission::already_there(endpoint.entry(&push.nuspec)));
    }
    push.send(&endpoint, known).await
}

/// What [`deliver`] would send, without sending anything.
pub fn preview(package: &PackedNupkg, source: &Url) -> Result<String, NugetError> {
    Ok(format!("{}\n{}", requests(package, source)?, nuspec_of(&package.bytes)?.text()))
}

/// The requests that [`deliver`] would send.
pub fn requests(package: &PackedNupkg, source: &Url) -> Result<String, NugetError> {
    endpoint::check(source)?;
    let nuspec = nuspec_of(&package.bytes)?;
    let endpoint = Endpoint::of(source)?;
    let Endpoint { push, .. } = &endpoint;
    let (name, size) = (&package.file_name, package.bytes.len());
    let digest: String = Sha256::digest(&package.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!(
        "GET {source}\n  to learn where it redirects to\nGET {entry}\n  to learn whether it is there\nPUT {push}\n  \
         X-NuGet-ApiKey: [redacted]\n  Content-Type: multipart/form-data\n  \
         package: {name}, {size} bytes, sha-256:{digest}\n",
        source = DisplayUrl(source),
        entry = endpoint.entry(&nuspec),
    ))
}

/// One package on its way.
struct Push<'a> {
    net: &'a Net,
    package: &'a PackedNupkg,
    nuspec: Nuspec,
    /// The package as it is sent, and what is said of it.
    form: (HeaderValue, Bytes),
    key: HeaderValue,
    target: &'a Target<'a>,
}

impl<'a> Push<'a> {
    /// Checks what needs no feed to be wrong.
    fn new(net: &'a Net, package: &'a PackedNupkg, target: &'a Target<'a>) -> Result<Self, NugetError> {
        let nuspec = nuspec_of(&package.bytes)?;
        endpoint::check(target.source)?;
        let key = key_field(target.key)?;
        Ok(Self { net, package, nuspec, form: multipart(&package.bytes), key, target })
    }

    /// Finds the feed, and what it has of this version.
    async fn open(&self) -> Result<(Endpoint, Known), NugetError> {
        let endpoint = Endpoint::of(&self.probe().await?)?;
        let known = self.look(&endpoint).await;
        Ok((endpoint, known))
    }

    /// Sends the package, and again when it is known that it did not arrive.
    async fn send(&self, endpoint: &Endpoint, mut known: Known) -> Result<Submission, NugetError> {
        let reference = endpoint.entry(&self.nuspec);
        let mut failures = 0;
        loop {
            let answer = self.put(endpoint).await;
            if let Ok(told) = &answer
                && told.status.is_success()
            {
                return Ok(Submission::delivered(reference));
            }
            let before = known;
            // What the feed knows now tells a package that arrived, and was not
            // acknowledged, from one that did not.
            if may_have_arrived(&answer) || is_about_the_version(&answer) {
                known = self.look(endpoint).await;
            }
            let wait = answer.as_ref().ok().and_then(asked_wait);
            let error = match answer {
                Err(_) if known == Known::Same => return Ok(Submission::delivered(reference)),
                Err(error) if error.is_passing() && is_absent(known, &error) => NugetError::Net(error),
                Err(error) if known != Known::Absent && known != before => self.unclear(&error),
                Err(error) => return Err(error.into()),
                // An earlier attempt arrived after all, or somebody else's.
                Ok(_) if known == Known::Same => return Ok(Submission::already_there(reference)),
                Ok(told) if is_busy(told.status, known) => self.refused(&told, known),
                Ok(told) => return Err(self.refused(&told, known)),
            };
            if failures == self.target.retries || matches!(error, NugetError::Unclear { .. }) {
                return Err(error);
            }
            failures += 1;
            tracing::debug!(target: "publish", %error, failures, "trying again");
            tokio::time::sleep(Backoff::default().pause(failures, wait, chance())).await;
        }
    }

    /// Follows where the source redirects to, without the key. To another
    /// origin it must not lead: the key is not for there.
    async fn probe(&self) -> Result<Url, NugetError> {
        let named = self.target.source;
        let mut url = named.clone();
        for _ in 0..=MOST_REDIRECTS {
            let told = self.net.head_of(request(Method::GET, &url)).await?;
            if !matches!(told.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(url);
            }
            let location = told.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            let next = next.ok_or_else(|| NugetError::protocol(named, "a redirect without a place to go to"))?;
            if Origin::of(&next) != Origin::of(named) {
                return Err(NugetError::Elsewhere {
                    from: Origin::of(named).to_string(),
                    to: excerpt(&DisplayUrl(&next).to_string()),
                });
            }
            url = next;
        }
        Err(NugetError::protocol(named, "redirects without end"))
    }

    /// What the feed knows of this version. A feed that does not tell is no
    /// obstacle.
    async fn look(&self, endpoint: &Endpoint) -> Known {
        let url = endpoint.entry(&self.nuspec);
        let package = Package { bytes: &self.package.bytes };
        match self.net.exchange(request(Method::GET, &url), ANSWER_BYTES).await {
            Ok(told) if told.status == StatusCode::OK => feed::compare(&told.body, package),
            Ok(told) if told.status == StatusCode::NOT_FOUND => Known::Absent,
            told => {
                let status = told.as_ref().ok().map(|told| told.status.as_u16());
                tracing::debug!(target: "publish", ?status, "the feed does not tell what it has");
                Known::Untold
            }
        }
    }

    async fn put(&self, endpoint: &Endpoint) -> Result<Told, NetError> {
        let (content_type, body) = self.form.clone();
        let mut exchange = request(Method::PUT, &endpoint.push);
        exchange.headers.insert(KEY_FIELD, self.key.clone());
        exchange.headers.insert(CONTENT_TYPE, content_type);
        exchange.body = body;
        self.net.exchange(exchange, ANSWER_BYTES).await
    }

    /// Why the feed did not take it.
    fn refused(&self, told: &Told, known: Known) -> NugetError {
        let feed = Origin::of(self.target.source).to_string();
        let version = format!("{} {}", self.nuspec.id, self.nuspec.version);
        let (status, message) = (told.status.as_u16(), self.message(told));
        match (status, known) {
            (401 | 403, _) => NugetError::Denied { feed, version, status, message },
            (413, _) => NugetError::TooLarge { feed, bytes: self.package.bytes.len(), message },
            (404 | 405, _) => NugetError::NoFeed { feed, status },
            (400 | 409, Known::Other | Known::Present) => {
                NugetError::Conflict { feed, version, status, bytes: known.told(), message }
            }
            (409, Known::Untold) => NugetError::Conflict { feed, version, status, bytes: known.told(), message },
            (400 | 409 | 422, _) => NugetError::Invalid { feed, version, status, message },
            _ => NugetError::Status { feed, status, message },
        }
    }

    fn unclear(&self, error: &NetError) -> NugetError {
        let version = format!("{} {}", self.nuspec.id, self.nuspec.version);
        NugetError::Unclear { feed: Origin::of(self.target.source).to_string(), version, what: error.to_string() }
    }

    /// What the server says, in one line. It may repeat the key.
    fn message(&self, told: &Told) -> String {
        let body = String::from_utf8_lossy(&told.body);
        let is_page = body.trim_start().starts_with('<');
        let said = told.reason.as_deref().filter(|reason| !reason.trim().is_empty());
        let body = (!is_page && !body.trim().is_empty()).then(|| body.trim().to_owned());
        let text: Vec<String> = said.map(str::to_owned).into_iter().chain(body).collect();
        excerpt(&text.join(": ").replace(self.target.key.expose(), "[redacted]"))
    }
}

fn request(method: Method, url: &Url) -> Exchange<'_> {
    Exchange { method, url, trust: Trust::Typed, headers: HeaderMap::new(), body: Bytes::new() }
}

fn key_field(key: &Secret) -> Result<HeaderValue, NugetError> {
    let text = key.expose();
    let value = HeaderValue::try_from(text).ok().filter(|_| !text.is_empty() && text.is_ascii());
    let mut value = value.ok_or(NugetError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The package as the one part of a form, as every client sends it.
fn multipart(package: &[u8]) -> (HeaderValue, Bytes) {
    // A boundary out of the digest of what it bounds does not occur in it.
    let digest: String = Sha256::digest(package).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let boundary = format!("turbo-engine-{digest}");
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"package\"; filename=\"package\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let body = [head.as_bytes(), package, tail.as_bytes()].concat();
    let content_type = format!("multipart/form-data; boundary=\"{boundary}\"");
    (HeaderValue::try_from(content_type).expect("letters and digits"), body.into())
}

/// Whether the request may have been carried out although no answer came.
fn may_have_arrived(answer: &Result<Told, NetError>) -> bool {
    match answer {
        Ok(told) => matches!(told.status.as_u16(), 500 | 502 | 504),
        Err(NetError::Connect { .. } | NetError::Name { .. } | NetError::Tls { .. } | NetError::Setup(_)) => false,
        Err(_) => true,
    }
}

fn is_about_the_version(answer: &Result<Told, NetError>) -> bool {
    answer.as_ref().is_ok_and(|told| matches!(told.status.as_u16(), 400 | 409))
}

/// Whether a second request would be the first that arrives.
fn is_absent(known: Known, error: &NetError) -> bool {
    let never_left = matches!(error, NetError::Connect { .. } | NetError::Name { .. });
    never_left || known == Known::Absent
}

/// The server did not look at the request, or a gateway lost it.
fn is_busy(status: StatusCode, known: Known) -> bool {
    match status.as_u16() {
        429 | 503 => true,
        502 | 504 => known == Known::Absent,
        _ => false,
    }
}

fn asked_wait(told: &Told) -> Option<Duration> {
    retry_after(told.headers.get(RETRY_AFTER)?.to_str().ok()?, SystemTime::now(), LONGEST_WAIT)
}
