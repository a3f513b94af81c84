//! The way to a source: its URL, and where that led.
//!
//! Release pages redirect to a storage by a link that is good for some
//! minutes. To follow the redirect for every range would cost a round trip
//! each, and could end at another server each time. The key invariant: the URL
//! that the source has stays the way back, whatever it led to.

use std::sync::{Arc, Mutex};

use url::Url;

use crate::model::Origin;
use crate::model::http::Codings;
use crate::net::{Body, Coded, Get, Net, NetError, Precondition, Response, Scoped, Trust, Wanted};

/// The way to a source. Clones share what they remember.
#[derive(Debug, Clone)]
pub(super) struct Route {
    url: Url,
    trust: Trust,
    scoped: Option<Scoped>,
    end: Arc<Mutex<Option<End>>>,
    /// The content codings of the first answer: parts in others are of another
    /// representation, whatever their validators say.
    codings: Arc<Mutex<Option<Codings>>>,
    coded: Coded,
}

/// Where redirects ended, and who named that place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    url: Url,
    trust: Trust,
}

impl Route {
    pub(super) fn new(url: Url, trust: Trust) -> Self {
        Self { url, trust, scoped: None, end: Arc::default(), codings: Arc::default(), coded: Coded::Kept }
    }

    /// The same way, with what the user gave for its beginning.
    pub(super) fn with(self, scoped: Option<Scoped>) -> Self {
        Self { scoped, ..self }
    }

    /// The same way, with a decision on content codings.
    pub(super) fn coded(self, coded: Coded) -> Self {
        Self { coded, ..self }
    }

    /// Host and port of its beginning, the scope of a connection limit.
    pub(super) fn host(&self) -> String {
        Origin::of(&self.url).to_string()
    }

    /// Asks from the beginning, and remembers where that led.
    pub(super) async fn ask_anew(
        &self,
        net: &Net,
        wanted: Wanted,
        precondition: Precondition,
    ) -> Result<Response, NetError> {
        let answer = self.ask_from_start(net, wanted, precondition).await?;
        *self.codings.lock().expect("no panic while holding it") = Some(answer.codings().clone());
        Ok(answer)
    }

    async fn ask_from_start(
        &self,
        net: &Net,
        wanted: Wanted,
        precondition: Precondition,
    ) -> Result<Response, NetError> {
        let get = Get { precondition, ..self.get(&self.url, self.trust, wanted) };
        let answer = net.get(get).await?;
        self.remember(&answer);
        Ok(answer)
    }

    /// Asks where the last request ended. A link that has expired is asked for
    /// again, once.
    pub(super) async fn ask(&self, net: &Net, wanted: Wanted) -> Result<Response, NetError> {
        let answer = self.ask_end(net, wanted).await?;
        self.check_codings(&answer)?;
        Ok(answer)
    }

    async fn ask_end(&self, net: &Net, wanted: Wanted) -> Result<Response, NetError> {
        let Some(end) = self.end() else { return self.ask_from_start(net, wanted, Precondition::None).await };
        match net.get(self.get(&end.url, end.trust, wanted)).await {
            Ok(answer) => {
                self.remember(&answer);
                Ok(answer)
            }
            Err(error) => {
                self.forget(&end);
                if has_expired(&error) {
                    self.ask_from_start(net, wanted, Precondition::None).await
                } else {
                    Err(error)
                }
            }
        }
    }

    /// Some servers code a part as it leaves and keep the validator of the
    /// file: its bytes are no part of what came before.
    fn check_codings(&self, answer: &Response) -> Result<(), NetError> {
        let mut known = self.codings.lock().expect("no panic while holding it");
        let known = known.get_or_insert_with(|| answer.codings().clone());
        let is_part = matches!(answer.body(), Body::Part { .. });
        if is_part && known != answer.codings() {
            let what = format!("a part in another content coding (`{}`) than before", answer.codings());
            return Err(NetError::Protocol { host: answer.url().host_str().unwrap_or_default().to_owned(), what });
        }
        Ok(())
    }

    /// Begins at the beginning the next time: what answered was of no use.
    pub(super) fn start_over(&self) {
        *self.lock() = None;
    }

    fn get<'a>(&'a self, url: &'a Url, trust: Trust, wanted: Wanted) -> Get<'a> {
        Get { scoped: self.scoped.as_ref(), coded: self.coded, ..Get::new(url, trust, wanted) }
    }

    fn end(&self) -> Option<End> {
        self.lock().clone()
    }

    fn remember(&self, answer: &Response) {
        let end = End { url: answer.url().clone(), trust: answer.trust() };
        *self.lock() = Some(end).filter(|end| end.url != self.url);
    }

    /// Forgets an end, unless another connection has found a new one meanwhile.
    fn forget(&self, end: &End) {
        let mut known = self.lock();
        if known.as_ref() == Some(end) {
            *known = None;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<End>> {
        self.end.lock().expect("no panic while holding it")
    }
}

/// Whether an answer is that of a link whose time is over.
fn has_expired(error: &NetError) -> bool {
    error.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403 | 404 | 410))
}
