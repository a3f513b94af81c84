//! Requests to GitHub's REST API, and what its refusals mean.
//!
//! The key invariant: the token goes to the API's own address alone, as no
//! redirect is followed, and whatever the server repeats of it is not shown.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::model::Secret;
use crate::model::excerpt::excerpt_of;
use crate::model::http::retry_after;
use crate::net::{Exchange, Net, NetError, Told, Trust};
use crate::publish::deliver::DeliverError;

/// Largest answer.
const ANSWER_BYTES: usize = 16 << 20;
/// Most of a message that is shown.
const MESSAGE_CHARS: usize = 400;
/// How often a request waits for a limit to pass.
const MOST_WAITS: u32 = 3;
/// What GitHub asks of those whom it tells no time.
const DEFAULT_WAIT: Duration = Duration::from_mins(1);
/// Longest wait that is read from an answer.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The API as one user sees it, or as the public does.
#[derive(Debug, Clone)]
pub struct Api<'a> {
    pub(super) net: &'a Net,
    pub(super) base: Url,
    pub(super) token: Option<Secret>,
    /// Longest wait for a limit to pass.
    pub(super) patience: Duration,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub method: Method,
    pub path: Vec<&'a str>,
    pub query: Vec<(&'a str, String)>,
    pub body: Option<Value>,
    /// What it is for, to be named in errors.
    pub what: String,
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: &[&'a str], what: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.to_vec(), query: Vec::new(), body: None, what: what.into() }
    }

    pub(super) fn send(method: Method, path: &[&'a str], body: Value, what: impl Into<String>) -> Self {
        Self { method, path: path.to_vec(), query: Vec::new(), body: Some(body), what: what.into() }
    }
}

/// How GitHub words a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    message: String,
    errors: Vec<Value>,
}

impl Api<'_> {
    /// Asks, and reads the answer as `T`.
    pub(super) async fn ask<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, DeliverError> {
        let what = ask.what.clone();
        match self.look(ask).await? {
            Some(answer) => Ok(answer),
            None => Err(DeliverError::NotFound { server: self.server(), what }),
        }
    }

    /// As [`Self::ask`]; none when there is no such thing.
    pub(super) async fn look<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<Option<T>, DeliverError> {
        let told = self.tell(&ask).await?;
        if told.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !told.status.is_success() {
            return Err(self.refusal(&ask, &told));
        }
        let answer = serde_json::from_slice(&told.body);
        answer.map(Some).map_err(|error| self.protocol(&format!("{}: {error}", ask.what)))
    }

    /// Asks, waiting for limits to pass, and gives the answer whatever it is.
    pub(super) async fn tell(&self, ask: &Ask<'_>) -> Result<Told, DeliverError> {
        let url = self.url(ask);
        for waits in 0.. {
            let told = self.net.exchange(self.exchange(&url, ask), ANSWER_BYTES).await?;
            let Some(wait) = asked_to_wait(&told) else { return Ok(told) };
            if wait > self.patience || waits == MOST_WAITS {
                return Err(DeliverError::RateLimited { server: self.server(), wait });
            }
            tracing::info!("{} asks to wait for {} s", self.server(), wait.as_secs());
            tokio::time::sleep(wait).await;
        }
        unreachable!("the number of waits is bounded")
    }

    /// The URL of a request. Every part is encoded, so that none adds a path.
    pub(super) fn url(&self, ask: &Ask<'_>) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an http URL")
            .pop_if_empty()
            .extend(ask.path.iter().flat_map(|part| part.split('/')));
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(ask.query.iter());
        }
        url
    }

    fn exchange<'u>(&self, url: &'u Url, ask: &Ask<'_>) -> Exchange<'u> {
        let fixed = |text| HeaderValue::from_static(text);
        let mut headers = HeaderMap::from_iter([
            (ACCEPT, fixed("application/vnd.github+json")),
            (CONTENT_TYPE, fixed("application/json")),
            (HeaderName::from_static("x-github-api-version"), fixed("2022-11-28")),
        ]);
        headers.extend(self.token.as_ref().map(|token| (AUTHORIZATION, bearer(token))));
        let body = ask.body.as_ref().map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        Exchange { method: ask.method.clone(), url, trust: Trust::Typed, headers, body }
    }

    /// What a refusal means.
    pub(super) fn refusal(&self, ask: &Ask<'_>, told: &Told) -> DeliverError {
        let (server, what) = (self.server(), ask.what.clone());
        let message = self.message(told);
        match told.status {
            StatusCode::UNAUTHORIZED if self.token.is_none() => DeliverError::NoCredential { server },
            StatusCode::UNAUTHORIZED => DeliverError::Unauthorized { server },
            StatusCode::FORBIDDEN => {
                // Fine-grained tokens, then classic ones.
                let needs =
                    field(told, "x-accepted-github-permissions").or_else(|| field(told, "x-accepted-oauth-scopes"));
                DeliverError::Forbidden { server, what, status: 403, message, needs }
            }
            StatusCode::NOT_FOUND => DeliverError::NotFound { server, what },
            status if status.is_server_error() => NetError::Status { host: server, status, retry_after: None }.into(),
            status if status.is_redirection() => self.protocol(&format!("{what}: a redirect ({status})")),
            _ => DeliverError::Rejected { server, what, message },
        }
    }

    /// What GitHub says, on one line and without the token.
    fn message(&self, told: &Told) -> String {
        let refusal: Refusal = serde_json::from_slice(&told.body).unwrap_or_default();
        let more = refusal.errors.iter().filter_map(|error| {
            let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
            error
                .as_str()
                .map(str::to_owned)
                .or_else(|| text("message"))
                .or_else(|| Some(format!("{} {}", text("field")?, text("code")?)))
        });
        let all: Vec<String> = std::iter::once(refusal.message).chain(more).filter(|text| !text.is_empty()).collect();
        let status = told.status.as_u16();
        let text = if all.is_empty() { format!("status {status}") } else { format!("{} ({status})", all.join("; ")) };
        self.shown(&text)
    }

    /// Foreign text, fit to be shown.
    fn shown(&self, text: &str) -> String {
        let scrubbed = self.token.as_ref().map_or_else(|| text.to_owned(), |token| token.scrub(text));
        excerpt_of(&scrubbed, MESSAGE_CHARS)
    }

    pub(super) fn server(&self) -> String {
        self.base.host_str().unwrap_or_default().to_owned()
    }

    pub(super) fn protocol(&self, what: &str) -> DeliverError {
        DeliverError::Protocol { server: self.server(), what: self.shown(what) }
    }
}

fn bearer(token: &Secret) -> HeaderValue {
    let text = zeroize::Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

fn field(told: &Told, name: &str) -> Option<String> {
    let text = told.headers.get(name)?.to_str().ok()?.trim();
    (!text.is_empty()).then(|| excerpt_of(text, MESSAGE_CHARS))
}

/// How long a limit asks to wait: the primary one names when it ends, the
/// secondary one how long. Any other 403 is a refusal.
fn asked_to_wait(told: &Told) -> Option<Duration> {
    let is_limit = matches!(told.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    if !is_limit {
        return None;
    }
    let text = |name: &str| told.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(wait) = text(RETRY_AFTER.as_str()).and_then(|text| retry_after(text, SystemTime::now(), LONGEST_WAIT)) {
        return Some(wait);
    }
    if text("x-ratelimit-remaining") == Some("0") {
        let reset: Option<u64> = text("x-ratelimit-reset").and_then(|text| text.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let wait = reset.map_or(DEFAULT_WAIT, |reset| Duration::from_secs(reset.saturating_sub(now) + 1));
        return Some(wait.min(LONGEST_WAIT));
    }
    (told.status == StatusCode::TOO_MANY_REQUESTS).then_some(DEFAULT_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, fields: &[(&'static str, &str)]) -> Told {
        let headers =
            fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        Told { status: StatusCode::from_u16(status).unwrap(), headers, reason: None, body: Vec::new() }
    }

    #[test]
    fn limits_are_told_from_refusals() {
        let seconds = |status, fields: &[_]| asked_to_wait(&told(status, fields)).map(|wait| wait.as_secs());
        assert_eq!(seconds(403, &[("retry-after", "7")]), Some(7));
        assert_eq!(seconds(429, &[]), Some(60));
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")]), Some(1));
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "99999999999")]), Some(3600));
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "12")]), None);
        assert_eq!(seconds(422, &[("retry-after", "7")]), None);
    }
}
