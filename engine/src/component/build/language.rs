//! The languages that components are written in.

use std::fmt;

use serde::Deserialize;

/// The language of a component's source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, built by cargo.
    #[default]
    Rust,
    /// JavaScript, built by npm's `@bytecodealliance/componentize-js`.
    Js,
    /// Python, built by `PyPI`'s `componentize-py`.
    Python,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Js => "JavaScript",
            Self::Python => "Python",
        })
    }
}
