//! The interface as Rust types, one module a released version of the WIT.
//!
//! A later version gets a module of its own beside the old one, and the host
//! adapts answers up to the newest: a component built once keeps working.

/// `turbo:engine@0.1`.
pub(super) mod v0_1 {
    wasmtime::component::bindgen!({
        path: "../wit/turbo-engine/v0_1",
        world: "mirror-rule",
        ownership: Borrowing { duplicate_if_necessary: false },
        additional_derives: [PartialEq],
    });

    pub(crate) use exports::turbo::engine::mirror_rules as rules;
    pub(crate) use turbo::engine::{log, types};

    /// The world `manifest-generator`; what it imports is the rules' own.
    pub(crate) mod generator {
        wasmtime::component::bindgen!({
            path: "../wit/turbo-engine/v0_1",
            world: "manifest-generator",
            additional_derives: [PartialEq],
            with: {
                "turbo:engine/log": crate::component::bindings::v0_1::turbo::engine::log,
            },
        });

        pub(crate) use exports::turbo::engine::manifest;
        pub(crate) use turbo::engine::types;
    }
}
