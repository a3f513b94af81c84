//! The conversation with one registry about one repository.
//!
//! The key invariant: a login goes to the registry it was given for, and to a
//! token server of the same site by https; a token goes to the registry alone.
//! Where a registry sends on to other hosts, neither goes along.

use base64::Engine as _;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use url::{Host, Url};

use super::manifest::{Layer, MANIFEST_TYPE, Manifest, authorization, digest, oci_digest};
use super::{OciError, OciLogin};
use crate::model::excerpt::excerpt;
use crate::model::http::{Challenge, challenges};
use crate::model::{Digest, OciName, Origin, is_this_machine};
use crate::net::{Exchange, Get, Net, Scoped, Told, Trust, Wanted};

/// Largest manifest: what the specification asks registries to take.
const MANIFEST_BYTES: usize = 4 << 20;
/// Largest answer that is read for its status or its token.
const ANSWER_BYTES: usize = 256 << 10;

/// What is wanted of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// To fetch.
    Pull,
    /// To fetch and to push.
    Push,
}

/// The conversation.
pub(super) struct Session<'a> {
    net: &'a Net,
    base: Url,
    registry: &'a str,
    repository: &'a str,
    login: Option<&'a OciLogin>,
    trust: Trust,
    access: Access,
    authorization: Option<HeaderValue>,
}

impl<'a> Session<'a> {
    /// Prepares to talk; nothing is sent yet. A registry on this machine is
    /// spoken to without TLS, as is everybody's custom.
    pub(super) fn open(
        net: &'a Net,
        name: &'a OciName,
        (login, trust): (Option<&'a OciLogin>, Trust),
        access: Access,
    ) -> Result<Self, OciError> {
        let wrong = |_| OciError::Protocol { registry: name.registry.clone(), what: "its name is no host".into() };
        let https: Url = format!("https://{}/v2/{}/", name.registry, name.repository).parse().map_err(wrong)?;
        let base = if is_this_machine(&https) {
            format!("http://{}/v2/{}/", name.registry, name.repository).parse().map_err(wrong)?
        } else {
            https
        };
        let (registry, repository) = (name.registry.as_str(), name.repository.as_str());
        Ok(Self { net, base, registry, repository, login, trust, access, authorization: None })
    }

    /// The manifest of an artifact, and its digest.
    pub(super) async fn manifest(&mut self, name: &OciName) -> Result<(Manifest, Digest), OciError> {
        let url = self.url(&format!("manifests/{}", name.reference()))?;
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(MANIFEST_TYPE))]);
        let told = self.ask(&Question { method: Method::GET, url, headers, body: Bytes::new() }).await?;
        let told = self.expect(told, &[StatusCode::OK], &name.to_string())?;
        let got = digest(&told.body);
        if let Some(expected) = name.digest.clone().filter(|expected| *expected != got) {
            return Err(self.mismatch("the manifest", expected, got));
        }
        let manifest =
            Manifest::parse(&told.body).map_err(|error| self.protocol(&format!("a manifest that is none: {error}")))?;
        Ok((manifest, got))
    }

    /// The bytes of a layer. A registry may keep them elsewhere; what was given
    /// for the registry does not go there.
    pub(super) async fn blob(&mut self, layer: &Layer) -> Result<Vec<u8>, OciError> {
        let url = self.url(&format!("blobs/sha256:{}", layer.digest.hex()))?;
        let headers = self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect();
        let scoped = Scoped::new(&self.base, headers, None);
        let get = Get { scoped: Some(&scoped), ..Get::new(&url, self.trust, Wanted::Everything) };
        let answer = self.net.get(get).await.map_err(|error| match error.status() {
            Some(status) if is_denial(status) => self.denied(status),
            _ => error.into(),
        })?;
        let size = usize::try_from(layer.size).unwrap_or(usize::MAX);
        let bytes = answer.collect(size).await?;
        let got = digest(&bytes);
        if got != layer.digest {
            return Err(self.mismatch("the layer", layer.digest.clone(), got));
        }
        Ok(bytes)
    }

    /// Puts bytes into the registry, unless it has them.
    pub(super) async fn upload(&mut self, bytes: Bytes) -> Result<(), OciError> {
        let digest = oci_digest(&bytes);
        let what = format!("the blob {digest}");
        let known = self.url(&format!("blobs/{digest}"))?;
        if self.ask(&Question::new(Method::HEAD, known)).await?.status == StatusCode::OK {
            return Ok(());
        }
        let begin = Question::new(Method::POST, self.url("blobs/uploads/")?);
        let told = self.ask(&begin).await?;
        let told = self.expect(told, &[StatusCode::ACCEPTED], &what)?;
        let mut target = self.target(&told)?;
        target.query_pairs_mut().append_pair("digest", &digest);
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]);
        let told = self.ask(&Question { method: Method::PUT, url: target, headers, body: bytes }).await?;
        self.expect(told, &[StatusCode::CREATED, StatusCode::NO_CONTENT], &what).map(drop)
    }

    /// SHA-256 of the manifest that a name stands for; none where it is free.
    pub(super) async fn standing(&mut self, name: &OciName) -> Result<Option<Digest>, OciError> {
        let url = self.url(&format!("manifests/{}", name.reference()))?;
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(MANIFEST_TYPE))]);
        let told = self.ask(&Question { method: Method::GET, url, headers, body: Bytes::new() }).await?;
        if told.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let told = self.expect(told, &[StatusCode::OK], &name.to_string())?;
        Ok(Some(digest(&told.body)))
    }

    /// Gives the artifact its name.
    pub(super) async fn publish(&mut self, name: &OciName, manifest: &Manifest) -> Result<Digest, OciError> {
        let body = manifest.bytes();
        let got = digest(&body);
        if let Some(expected) = name.digest.clone().filter(|expected| *expected != got) {
            return Err(self.mismatch("the manifest", expected, got));
        }
        let url = self.url(&format!("manifests/{}", name.reference()))?;
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(MANIFEST_TYPE))]);
        let told = self.ask(&Question { method: Method::PUT, url, headers, body: body.into() }).await?;
        self.expect(told, &[StatusCode::CREATED], &name.to_string())?;
        Ok(got)
    }

    fn url(&self, path: &str) -> Result<Url, OciError> {
        self.base.join(path).map_err(|_| self.protocol("a name that makes no URL"))
    }

    /// Where an upload goes: to the registry itself, and nowhere else.
    fn target(&self, told: &Told) -> Result<Url, OciError> {
        let location = told.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let target = location.and_then(|location| self.base.join(location).ok());
        let target = target.ok_or_else(|| self.protocol("an upload without a place to go to"))?;
        if Origin::of(&target) != Origin::of(&self.base) {
            return Err(self.protocol(&format!("an upload that should go to {}", Origin::of(&target))));
        }
        Ok(target)
    }

    /// Asks, and once more with a login when the registry wants one. Refused
    /// again, it stays refused.
    async fn ask(&mut self, question: &Question) -> Result<Told, OciError> {
        let told = self.send(question).await?;
        if told.status != StatusCode::UNAUTHORIZED {
            return Ok(told);
        }
        self.authorization = Some(self.log_in(&told).await?);
        self.send(question).await
    }

    async fn send(&self, question: &Question) -> Result<Told, OciError> {
        let mut headers = question.headers.clone();
        headers.extend(self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())));
        let exchange = Exchange {
            method: question.method.clone(),
            url: &question.url,
            trust: self.trust,
            headers,
            body: question.body.clone(),
        };
        Ok(self.net.exchange(exchange, MANIFEST_BYTES).await?)
    }

    /// What to show the registry after it asked who this is.
    async fn log_in(&self, told: &Told) -> Result<HeaderValue, OciError> {
        let fields = told.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let offered: Vec<Challenge> = fields.flat_map(challenges).collect();
        let bearer = offered.iter().find(|challenge| challenge.scheme == "bearer");
        if let Some(challenge) = bearer {
            return self.token(challenge).await;
        }
        let is_basic = offered.iter().any(|challenge| challenge.scheme == "basic");
        match self.login.filter(|_| is_basic) {
            Some(login) => Ok(basic(login)),
            None => Err(self.denied(told.status)),
        }
    }

    /// Fetches a token from where the registry says.
    async fn token(&self, challenge: &Challenge) -> Result<HeaderValue, OciError> {
        let realm = challenge.parameters.get("realm").and_then(|realm| realm.parse::<Url>().ok());
        let mut url = realm.ok_or_else(|| self.protocol("a token server that is no URL"))?;
        let is_own = Origin::of(&url) == Origin::of(&self.base);
        if !is_own && url.scheme() != "https" {
            return Err(self.protocol(&format!("a token server without TLS, {}", Origin::of(&url))));
        }
        if let Some(service) = challenge.parameters.get("service") {
            url.query_pairs_mut().append_pair("service", service);
        }
        let actions = if self.access == Access::Push { "pull,push" } else { "pull" };
        url.query_pairs_mut().append_pair("scope", &format!("repository:{}:{actions}", self.repository));
        let trust = if is_own { self.trust } else { Trust::Named };
        let login = self.login.filter(|_| is_own || is_same_site(&self.base, &url));
        let headers = login.map(|login| (AUTHORIZATION, basic(login))).into_iter().collect();
        let exchange = Exchange { method: Method::GET, url: &url, trust, headers, body: Bytes::new() };
        let told = self.net.exchange(exchange, ANSWER_BYTES).await?;
        if told.status != StatusCode::OK {
            return Err(self.denied(told.status));
        }
        authorization(&told.body).ok_or_else(|| self.protocol("a token that is none"))
    }

    fn expect(&self, told: Told, wanted: &[StatusCode], what: &str) -> Result<Told, OciError> {
        match told.status {
            status if wanted.contains(&status) => Ok(told),
            status if is_denial(status) => Err(self.denied(status)),
            status => Err(OciError::Status { registry: self.registry.to_owned(), what: what.to_owned(), status }),
        }
    }

    fn denied(&self, status: StatusCode) -> OciError {
        OciError::Denied { registry: self.registry.to_owned(), repository: self.repository.to_owned(), status }
    }

    fn protocol(&self, what: &str) -> OciError {
        OciError::Protocol { registry: self.registry.to_owned(), what: excerpt(what) }
    }

    fn mismatch(&self, what: &'static str, expected: Digest, got: Digest) -> OciError {
        OciError::Mismatch { registry: self.registry.to_owned(), what, expected, got }
    }
}

/// A request that may have to be made twice.
struct Question {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Question {
    fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

fn is_denial(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

fn basic(login: &OciLogin) -> HeaderValue {
    let text = format!("{}:{}", login.user, login.password.expose());
    let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
    let mut value = HeaderValue::try_from(text).expect("base64 is a header value");
    value.set_sensitive(true);
    value
}

/// Whether two hosts belong to one site: the same, or both below the domain
/// that the registry's host lies in, when that is somebody's own. A domain like
/// `co.uk` is nobody's.
fn is_same_site(registry: &Url, other: &Url) -> bool {
    let (Some(Host::Domain(registry)), Some(Host::Domain(other))) = (registry.host(), other.host()) else {
        return registry.host_str() == other.host_str();
    };
    if registry == other {
        return true;
    }
    let Some((_, site)) = registry.split_once('.') else { return false };
    let labels: Vec<&str> = site.split('.').collect();
    let is_own = match labels[..] {
        [second, top] => second.len() > 3 || top.len() > 2,
        [] | [_] => false,
        _ => true,
    };
    is_own && other.strip_suffix(site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_login_stays_on_its_site() {
        for (registry, other, expected) in [
            ("https://ghcr.example/", "https://ghcr.example/token", true),
            ("https://registry-1.hub.example/", "https://auth.hub.example/token", true),
            ("https://registry.acme.com/", "https://auth.acme.com/", true),
            ("https://registry.acme.com/", "https://acme.com/", true),
            ("https://registry.acme.com/", "https://evilacme.com/", false),
            ("https://acme.co.uk/", "https://evil.co.uk/", false),
            ("https://acme.com/", "https://evil.com/", false),
            ("https://10.0.0.1/", "https://10.0.0.2/", false),
            ("https://localhost:1/", "https://evil.localhost/", false),
        ] {
            assert_eq!(is_same_site(&url(registry), &url(other)), expected, "{registry} {other}");
        }
    }
}
