//! The rules inside the engine.

/// A rule inside the engine.
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
