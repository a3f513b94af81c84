//! What a download tells while it runs.

use serde::Serialize;
use url::Url;

use crate::model::DisplayUrl;

/// Hears of a download's progress. Called often: it must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The first answer is here.
    Start {
        /// The URL asked for, without secrets.
        url: String,
        /// Where the bytes go; none for standard output.
        file: Option<String>,
        /// Length in bytes, where it is known.
        size: Option<u64>,
        /// Bytes that an earlier run left.
        resumed_bytes: u64,
    },
    /// A source joined or left.
    Source {
        /// Its URL, without secrets.
        url: String,
        /// The rule that named it.
        rule: Option<String>,
        /// What became of it.
        state: SourceState,
        /// Why, where it left.
        why: Option<String>,
    },
    /// Bytes arrived.
    Progress {
        /// Bytes so far, an earlier run's among them.
        bytes: u64,
        /// Length in bytes, where it is known.
        size: Option<u64>,
        /// Bytes per second now.
        rate: f64,
        /// Open connections.
        connections: usize,
        /// Sources with an open connection.
        sources: usize,
    },
    /// An attempt failed and will be repeated.
    Retry {
        /// Host that failed.
        host: String,
        /// Why.
        why: String,
        /// Seconds until the next attempt.
        wait_s: f64,
    },
    /// Something the user should know.
    Warning {
        /// What.
        message: String,
    },
    /// Something the user should know of a component. It is told with every
    /// file; whoever shows several files shows it once.
    #[serde(rename = "warning")]
    OfComponent {
        /// The component.
        component: String,
        /// What, the component named in it.
        message: String,
    },
}

/// What became of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// Known, not asked.
    Unused,
    /// It delivers.
    Active,
    /// It was given up.
    Dropped,
    /// Its bytes differ from the origin's.
    Refused,
}

impl Event {
    /// A warning.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::Warning { message: message.into() }
    }
}

/// The text of a URL in an event.
pub(super) fn shown(url: &Url) -> String {
    DisplayUrl(url).to_string()
}
