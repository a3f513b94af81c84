//! What the user is told of a file in a content coding that nobody asked for.
//!
//! curl saves such a file as it came, too, and decodes it with `--compressed`;
//! aria2 decodes it unasked; wget decodes it with `--compression`, but not what
//! is named as the coded file.

use url::Url;

use super::Receipt;
use crate::model::http::Codings;
use crate::net::Response;

/// The codings of a file.
pub(super) struct Coding {
    host: String,
    codings: Codings,
    is_decoded: bool,
    is_stored: bool,
}

impl Coding {
    /// Of an answer to a request for `url`.
    pub(super) fn of(answer: &Response, url: &Url) -> Self {
        let codings = answer.codings().clone();
        Self {
            host: answer.url().host_str().unwrap_or_default().to_owned(),
            is_decoded: answer.is_decoded(),
            is_stored: codings.are_stored_as(url.path()) || codings.are_stored_as(answer.url().path()),
            codings,
        }
    }

    /// What to tell, where the file is saved in its coding.
    pub(super) fn warning(&self) -> Option<String> {
        if self.codings.is_identity() || self.is_decoded {
            return None;
        }
        let Self { host, codings, .. } = self;
        Some(if self.is_stored {
            format!("{host} labels the file with `Content-Encoding: {codings}`; it is saved as it is stored there")
        } else {
            format!(
                "{host} sent the file in the content coding `{codings}`, which was not asked for; it is saved as it \
                 came (--decode decodes it)"
            )
        })
    }

    /// The receipt with what it says of codings.
    pub(super) fn noted(&self, receipt: Receipt) -> Receipt {
        let content_coding = (!self.codings.is_identity()).then(|| self.codings.to_string());
        Receipt { content_coding, decoded: self.is_decoded, ..receipt }
    }
}
