//! What the manifest generators share.
//!
//! Everything here is a function of its arguments. Texts and prior files come
//! from strangers: readers are bounded and never panic, writers quote.

pub mod choose;
pub mod findings;
pub mod json;
pub mod license;
pub mod markup;
pub mod outcome;
pub mod settings;
pub mod text;
pub mod uuid;
pub mod value;
pub mod web;
pub mod yaml;

pub use findings::Findings;
pub use settings::Settings;
pub use value::{Fields, Value};
