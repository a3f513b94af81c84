//! What a generator must not do, and did.

use std::fmt;

/// Something that a generator must not do. The channel is refused before
/// anything has an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A path that is not plain and relative.
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A path outside the folders of the package manager.
    Outside {
        /// The path.
        path: String,
        /// The folders.
        prefixes: Vec<String>,
    },
    /// Nobody said where it may write.
    NoPrefix {
        /// The package manager.
        manager: String,
    },
    /// Two paths that are one on some file systems.
    Collision {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// Content that is not plain text.
    Text {
        /// The file.
        path: String,
        /// What is in it.
        why: &'static str,
    },
    /// A URL that is not the release's.
    Url {
        /// The file.
        path: String,
        /// The URL.
        url: String,
    },
    /// A digest that is not the release's.
    Digest {
        /// The file.
        path: String,
        /// The digest.
        digest: String,
    },
    /// Another destination than the configured one.
    Destination {
        /// Which kind of destination.
        what: &'static str,
        /// The configured one, if any.
        configured: Option<String>,
        /// The generator's.
        got: String,
    },
    /// A field that cannot be used.
    Field {
        /// Its name.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More than anybody needs.
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// Another answer to the same question.
    Wavers {
        /// What is different.
        what: String,
    },
}

impl Violation {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Path { .. } => "path",
            Self::Outside { .. } => "outside-prefix",
            Self::NoPrefix { .. } => "no-prefix",
            Self::Collision { .. } => "path-collision",
            Self::Text { .. } => "not-text",
            Self::Url { .. } => "foreign-url",
            Self::Digest { .. } => "foreign-digest",
            Self::Destination { .. } => "foreign-destination",
            Self::Field { .. } => "field",
            Self::TooMany { .. } => "too-many",
            Self::Wavers { .. } => "not-deterministic",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { path, why } => write!(out, "the path `{path}` {why}"),
            Self::Outside { path, prefixes } => write!(out, "the path `{path}` is not below {}", prefixes.join(" or ")),
            Self::NoPrefix { manager } => {
                write!(out, "no folder is known that a generator for `{manager}` may write to")
            }
            Self::Collision { first, second } => {
                write!(out, "the paths `{first}` and `{second}` are one on some file systems")
            }
            Self::Text { path, why } => write!(out, "{path} {why}"),
            Self::Url { path, url } => write!(out, "{path} has the URL {url}, which the release does not have"),
            Self::Digest { path, digest } => write!(out, "{path} has the digest {digest}, which no artifact has"),
            Self::Destination { what, configured: Some(configured), got } => {
                write!(out, "the {what} is `{got}`, configured is `{configured}`")
            }
            Self::Destination { what, configured: None, got } => {
                write!(out, "the {what} is `{got}`, but none is configured")
            }
            Self::Field { what, why } => write!(out, "the {what} {why}"),
            Self::TooMany { what, limit } => write!(out, "more than {limit} {what}"),
            Self::Wavers { what } => write!(out, "asked twice the same, it gives another {what}"),
        }
    }
}
