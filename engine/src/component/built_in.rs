//! The rules inside the engine.
//!
//! What they say of themselves is written down in `built_in.json`, so that a
//! first start, or one without a cache, compiles only what is interested in
//! the URL. The list goes by the digest of the component: an entry that is out
//! of date is not found, and the component is asked instead. A test compares
//! the two; `TURBO_ENGINE_UPDATE=1` makes it write the file.

use std::collections::BTreeMap;

use super::description::Description;

/// A component inside the engine.
pub(super) struct BuiltIn {
    /// Its identifier, which it also says itself.
    pub(super) id: &'static str,
    /// The component.
    pub(super) bytes: &'static [u8],
}

macro_rules! built_in {
    ($($id:literal),*) => {
        &[$(BuiltIn { id: $id, bytes: include_bytes!(concat!("../../../components/dist/", $id, ".wasm")) }),*]
    };
}

/// Every rule inside the engine, in the order of asking.
pub(super) const BUILT_IN: &[BuiltIn] =
    built_in!["github", "jsdelivr", "golang", "maven", "huggingface", "nodejs", "table-mirror"];

/// Every manifest generator inside the engine.
pub(super) const GENERATORS: &[BuiltIn] = built_in!["winget", "scoop", "chocolatey", "homebrew"];

/// Whether a rule of this identifier is inside the engine.
pub fn is_built_in(id: &str) -> bool {
    BUILT_IN.iter().any(|built_in| built_in.id == id)
}

/// What the rules inside the engine say of themselves without settings, by
/// the SHA-256 of the component in hexadecimal.
pub(super) fn descriptions() -> BTreeMap<String, Description> {
    serde_json::from_str(include_str!("built_in.json")).expect("a test reads this file")
}
