//! Requests of protocols that are more than a GET: one request, one answer
//! whatever its status, no redirect.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::client::Trust;
use super::race::dispatch;
use super::{Net, NetError};

/// Slowest rate, in bytes per second, at which a body is sent.
const SLOWEST_UPLOAD: u64 = 32 << 10;

/// One request.
#[derive(Debug, Clone)]
pub struct Exchange<'a> {
    /// The method.
    pub method: Method,
    /// What to ask.
    pub url: &'a Url,
    /// Who named it.
    pub trust: Trust,
    /// Header fields, credentials among them: they go to this URL alone, as no
    /// redirect is followed.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What the server said, whether or not it agreed.
#[derive(Debug, Clone)]
pub struct Told {
    /// The status code.
    pub status: StatusCode,
    /// The text beside the status code, where it is not the usual one: some
    /// servers say there what is wrong.
    pub reason: Option<String>,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Net {
    /// Sends a request and reads its answer, of at most `limit` bytes.
    pub async fn exchange(&self, exchange: Exchange<'_>, limit: usize) -> Result<Told, NetError> {
        let host = exchange.url.host_str().unwrap_or("").to_owned();
        let patience = self.options().stall_timeout;
        let (mut told, mut answer) = self.begin(exchange).await?;
        loop {
            let next = tokio::time::timeout(patience, answer.chunk()).await;
            let next = next.map_err(|_| NetError::Stalled { host: host.clone(), after: patience })?;
            let Some(chunk) = next.map_err(|error| NetError::sort(&host, None, error))? else { return Ok(told) };
            if told.body.len() + chunk.len() > limit {
                let what = format!("more than the {limit} bytes expected");
                return Err(NetError::Protocol { host, what });
            }
            told.body.extend_from_slice(&chunk);
        }
    }

    /// Sends a request for the head of its answer alone: the body is not read,
    /// however long it is.
    pub async fn head_of(&self, exchange: Exchange<'_>) -> Result<Told, NetError> {
        Ok(self.begin(exchange).await?.0)
    }

    async fn begin(&self, exchange: Exchange<'_>) -> Result<(Told, reqwest::Response), NetError> {
        let Exchange { method, url, trust, mut headers, body } = exchange;
        let host = url.host_str().unwrap_or("").to_owned();
        let (client, clean) = self.client_for(url, trust, false)?;
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let options = self.options();
        let sending = std::time::Duration::from_secs(body.len() as u64 / SLOWEST_UPLOAD);
        let patience = options.connect_timeout + options.stall_timeout + sending;
        let request = || client.request(method.clone(), clean.clone()).headers(headers.clone()).body(body.clone());
        let sent = tokio::time::timeout(patience, dispatch(request)).await;
        let sent = sent.map_err(|_| NetError::Stalled { host, after: patience })?;
        let mut answer = sent.map_err(|error| self.sort(url, error))?;
        self.check_login(url, answer.status())?;
        let reason = answer.extensions().get::<hyper::ext::ReasonPhrase>();
        let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        let told =
            Told { status: answer.status(), reason, headers: std::mem::take(answer.headers_mut()), body: Vec::new() };
        Ok((told, answer))
    }
}
