//! Requests to GitHub's REST API, and what its refusals mean.
//!
//! The key invariant: the token goes to the API's own address alone, as no
//! redirect is followed, and whatever the server repeats of it is not shown.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::answers;
use crate::model::Secret;
use crate::model::excerpt::excerpt_of;
use crate::net::{Exchange, Net, NetError, Told, Trust};
use crate::publish::deliver::DeliverError;

/// Largest answer.
const ANSWER_BYTES: usize = 16 << 20;
/// Most of a message that is shown.
const MESSAGE_CHARS: usize = 400;
/// How often a request waits for a limit to pass.
const MOST_WAITS: u32 = 3;

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
            let Some(wait) = answers::asked_to_wait(told.status, &told.headers, SystemTime::now()) else {
                return Ok(told);
            };
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
        self.shown(&answers::message(&told.body, told.status))
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
