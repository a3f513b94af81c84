//! A word to whoever looks after a release: one line of text and its facts,
//! posted as JSON to a webhook.
//!
//! The key invariant: the URL of a webhook is a secret. It goes to the network
//! and nowhere else; of it, the host alone is shown.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::credentials::{CredentialError, CredentialSource};
use crate::model::{ExitCode, Explain, Secret, is_this_machine};
use crate::net::{Exchange, Net, NetError, Trust};

/// Why somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was refused, or could not be delivered.
    Failed,
    /// Somebody has to act.
    NeedsAction,
    /// It was begun and is not over.
    Unfinished,
    /// Nothing has happened for too long.
    Silent,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "failed",
            Self::NeedsAction => "needs action",
            Self::Unfinished => "unfinished",
            Self::Silent => "silent",
        })
    }
}

/// What somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The release, as `NAME VERSION`.
    pub release: String,
    /// The channel.
    pub channel: String,
    /// Why.
    pub reason: Reason,
    /// The same in somebody else's words; may be empty.
    pub detail: String,
    /// Where it can be seen.
    pub reference: Option<String>,
    /// Since when it is so, as RFC 3339.
    pub since: String,
}

impl Alert {
    /// The alert in one line, for chats and pagers.
    pub fn text(&self) -> String {
        let mut text = format!("{} on {}: {}", self.release, self.channel, self.reason);
        let more = [Some(&self.detail).filter(|detail| !detail.is_empty()), self.reference.as_ref()];
        for more in more.into_iter().flatten() {
            text.push_str(": ");
            text.push_str(more);
        }
        // Foreign words call nobody: chats read `<!all>` and `@all` as such.
        text.replace('<', "(").replace('>', ")").replace('@', "@\u{200b}")
    }

    /// The alert with all its facts.
    pub fn event(&self) -> Value {
        json!({
            "v": 1, "event": "alert", "text": self.text(), "release": self.release, "channel": self.channel,
            "reason": self.reason, "detail": self.detail, "reference": self.reference, "since": self.since,
        })
    }
}

/// Where alerts are posted to.
#[derive(Clone)]
pub struct Webhook(Url);

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/[redacted]", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Webhook {
    /// Takes a webhook from where the user says: its URL itself, or a place
    /// for secrets that has it. `variable` reads the environment.
    pub fn named(source: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, AlertError> {
        if source.starts_with("https://") || source.starts_with("http://") {
            return Self::new(&Secret::new(source));
        }
        let source: CredentialSource = source.parse()?;
        Self::new(&source.fetch(variable)?)
    }

    fn new(text: &Secret) -> Result<Self, AlertError> {
        // The parser's own words may repeat the text.
        let url: Url = text.expose().parse().map_err(|_| AlertError::Webhook("is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AlertError::Webhook("is no https URL"));
        }
        if url.scheme() == "http" && !is_this_machine(&url) {
            return Err(AlertError::Webhook("is not encrypted: it is on another machine, and no https URL"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AlertError::Webhook("carries a login, which is not sent"));
        }
        Ok(Self(url))
    }
}

/// Why nobody was told.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// There is no secret where it should be.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// A webhook that is not posted to.
    #[error("the webhook {0}")]
    Webhook(&'static str),
    /// The network failed.
    #[error("the webhook cannot be reached")]
    Net(#[from] NetError),
    /// The other side did not take it.
    #[error("{server} does not take the alert ({})", status.as_u16())]
    Refused {
        /// The other side.
        server: String,
        /// What it answered.
        status: StatusCode,
    },
}

impl Explain for AlertError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Credential(_) | Self::Webhook(_) => ExitCode::Usage,
            Self::Net(_) | Self::Refused { .. } => ExitCode::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Credential(CredentialError::Unset(name)) => format!("set {name} to the URL of the webhook"),
            Self::Credential(CredentialError::Source(_)) | Self::Webhook(_) => {
                "write an https URL, or where it is: env:NAME, fd:N or keyring:SERVICE/ACCOUNT".into()
            }
            Self::Credential(error) => return error.hint(),
            Self::Net(error) => return error.hint(),
            Self::Refused { .. } => "check that the URL of the webhook is the right one, and still valid".into(),
        })
    }
}

/// Posts an alert, once. Any answer but a success is an error; a redirect is
/// not followed, as it would carry the alert to somebody else.
pub async fn alert(net: &Net, webhook: &Webhook, alert: &Alert) -> Result<(), AlertError> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let body = Bytes::from(alert.event().to_string());
    let post = Exchange { method: Method::POST, url: &webhook.0, trust: Trust::Typed, headers, body };
    let status = net.head_of(post).await?.status;
    let server = webhook.0.host_str().unwrap_or_default().to_owned();
    if status.is_success() { Ok(()) } else { Err(AlertError::Refused { server, status }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(source: &str) -> Result<Webhook, AlertError> {
        Webhook::named(source, &|name| (name == "HOOK").then(|| "https://chat.example/T0/s3cr3t".to_owned()))
    }

    #[test]
    fn a_webhook_is_encrypted_and_never_shown() {
        for source in ["env:HOOK", "https://chat.example/T0/s3cr3t?key=s3cr3t"] {
            let webhook = webhook(source).expect("a webhook");
            assert_eq!((webhook.to_string(), format!("{webhook:?}")), {
                let shown = "https://chat.example/[redacted]".to_owned();
                (shown.clone(), shown)
            });
        }
        assert!(webhook("http://127.0.0.1:8080/s3cr3t").is_ok());
        for source in
            ["http://chat.example/s3cr3t", "https://me:s3cr3t@chat.example/", "s3cr3t", "ftp://s3cr3t", "env:X"]
        {
            let error = webhook(source).expect_err("no webhook");
            let told = format!("{error} {error:?} {:?}", error.hint());
            assert!(!told.contains("s3cr3t"), "{told}");
        }
    }

    #[test]
    fn foreign_words_call_nobody() {
        let alert = Alert {
            release: "tool 1.2.3".into(),
            channel: "winget".into(),
            reason: Reason::NeedsAction,
            detail: "<!channel> @all".into(),
            reference: None,
            since: "2026-11-25T00:00:00Z".into(),
        };
        assert_eq!(alert.text(), "tool 1.2.3 on winget: needs action: (!channel) @\u{200b}all");
    }
}
