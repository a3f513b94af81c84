//! The effects themselves: one module a kind of delivery.
//!
//! A delivery is idempotent: it looks first whether what it would do is done
//! already, by itself before a crash or by somebody else. Each has a twin that
//! tells the whole effect and sends nothing that changes anything.

pub mod nuget;

use serde::{Deserialize, Serialize};

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
