//! Requests of protocols that are more than a GET: one request, one answer
//! whatever its status, no redirect.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::client::Trust;
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
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Net {
    /// Sends a request and reads its answer, of at most `limit` bytes.
    pub async fn exchange(&self, exchange: Exchange<'_>, limit: usize) -> Result<Told, NetError> {
        let Exchange { method, url, trust, mut headers, body } = exchange;
        let host = url.host_str().unwrap_or("").to_owned();
        let (client, clean) = self.client_for(url, trust, false)?;
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let options = self.options();
        let sending = std::time::Duration::from_secs(body.len() as u64 / SLOWEST_UPLOAD);
        let patience = options.connect_timeout + options.stall_timeout + sending;
        let stalled = |after| NetError::Stalled { host: host.clone(), after };
        let request = client.request(method, clean).headers(headers).body(body).send();
        let sent = tokio::time::timeout(patience, request).await.map_err(|_| stalled(patience))?;
        let mut answer = sent.map_err(|error| NetError::sort(&host, error))?;
        let mut told =
            Told { status: answer.status(), headers: std::mem::take(answer.headers_mut()), body: Vec::new() };
        loop {
            let next = tokio::time::timeout(options.stall_timeout, answer.chunk()).await;
            let next = next.map_err(|_| stalled(options.stall_timeout))?;
            let Some(chunk) = next.map_err(|error| NetError::sort(&host, error))? else { return Ok(told) };
            if told.body.len() + chunk.len() > limit {
                let what = format!("more than the {limit} bytes expected");
                return Err(NetError::Protocol { host, what });
            }
            told.body.extend_from_slice(&chunk);
        }
    }
}
