//! The effects themselves: one module a kind of delivery.
//!
//! A delivery is idempotent: it looks first whether what it would do is done
//! already, by itself before a crash or by somebody else. Each has a twin that
//! tells the whole effect and sends nothing that changes anything.

mod error;
pub mod files;
pub mod git;
pub mod github;
pub mod nuget;
pub mod oci;
mod paths;
mod reach;
mod tree;

use serde::{Deserialize, Serialize};

pub use error::DeliverError;
pub use paths::check_path;
pub use reach::{Parcel, Reach};
pub use tree::{Entry, Tree};

/// Whose name stands in a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// When, in seconds since 1970: a fixed moment gives the same commit twice.
    pub seconds: u64,
}

impl Author {
    /// Takes a name and an address that fit into a commit.
    ///
    /// # Errors
    ///
    /// With what is wrong when they do not.
    pub fn new(name: &str, email: &str, seconds: u64) -> Result<Self, &'static str> {
        let fits =
            |text: &str| !text.trim().is_empty() && !text.contains(['<', '>']) && !text.chars().any(char::is_control);
        match (fits(name), fits(email)) {
            (true, true) => Ok(Self { name: name.trim().into(), email: email.trim().into(), seconds }),
            (false, _) => Err("a name is one line without angle brackets"),
            (_, false) => Err("an address is one line without angle brackets"),
        }
    }

    /// Reads `NAME <MAIL>`.
    ///
    /// # Errors
    ///
    /// With what is wrong with it.
    pub fn parse(text: &str, seconds: u64) -> Result<Self, &'static str> {
        let parts = text.trim().strip_suffix('>').and_then(|text| text.split_once('<'));
        let (name, email) = parts.ok_or("it has no address in angle brackets")?;
        Self::new(name, email, seconds)
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Submission {
    /// Where it can be seen: a URL, a commit, a path.
    pub reference: String,
    /// Whose doing it is.
    pub state: Standing,
}

impl Submission {
    fn delivered(reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), state: Standing::Delivered }
    }

    fn already_there(reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), state: Standing::AlreadyThere }
    }
}

/// Whether a delivery has arrived, and by whose doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It was delivered.
    Delivered,
    /// Nothing was to be done.
    AlreadyThere,
}

/// A number from 0 to 1 that spreads those who failed together.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / (f64::from(u32::MAX) + 1.0)
}
