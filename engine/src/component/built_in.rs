//! The rules inside the engine.

/// A rule inside the engine.
pub(super) struct BuiltIn {
    /// Its identifier, which it also says itself.
    pub(super) id: &'static str,
    /// The component.
    pub(super) bytes: &'static [u8],
}

/// Every rule inside the engine, in the order of asking: the particular
/// before the general.
pub(super) const BUILT_IN: &[BuiltIn] = &[];
