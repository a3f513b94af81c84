//! Write turbo-engine components in Rust.
//!
//! A *mirror rule* answers one question: where else are the bytes of this URL?
//! Implement [`MirrorRule`], export it with [`export_mirror_rule!`], and build
//! the crate (a `cdylib`) with `turbo-engine component build`. A *manifest
//! generator* writes what a package manager wants to be told of a release: see
//! [`manifest`].
//!
//! `turbo-engine component new` writes a whole project. There, what the
//! component says of itself stands in `component.toml` alone, and
//! [`rule_info!`] makes the description of it; below it is written out.
//!
//! ```
//! use turbo_component::{Answer, MirrorRule, Pattern, Place, RuleError, RuleInfo, Url};
//!
//! /// Where the files of `files.example` are copied to.
//! const COPIES: &[Place] = &[
//!     Place::cdn("https://cdn.example").weight(80),
//!     Place::mirror("https://mirror.example/files").region("de").weight(50),
//! ];
//!
//! #[derive(Default)]
//! pub struct Files;
//!
//! impl MirrorRule for Files {
//!     fn describe(&self) -> RuleInfo {
//!         RuleInfo::new("files", env!("CARGO_PKG_VERSION"), "Copies of files.example")
//!             .pattern(Pattern::host("files.example").under("/pub/"))
//!             .example(
//!                 "https://files.example/pub/a.tar.gz",
//!                 &["https://cdn.example/pub/a.tar.gz", "https://mirror.example/files/pub/a.tar.gz"],
//!             )
//!     }
//!
//!     fn map_url(&self, url: &Url<'_>, _region: &str) -> Answer {
//!         if url.host != "files.example" || url.query.is_some() {
//!             return Err(RuleError::NotMine);
//!         }
//!         Ok(Place::all(COPIES, url.path))
//!     }
//! }
//!
//! turbo_component::export_mirror_rule!(Files);
//!
//! // In the crate's tests: the component's own examples, and what the engine
//! // demands of every answer.
//! turbo_component::testing::self_test(&Files);
//! ```
//!
//! A rule is pure: it has no files, network, clock or randomness, and its
//! answer depends on its settings and the request alone. A panic ends the
//! instance; its text reaches the engine's log, and the download goes on
//! without the rule.

mod arena;
mod candidate;
pub mod glue;
mod info;
pub mod log;
pub mod manifest;
pub mod testing;
mod url;

pub use arena::Arena;
pub use bindings::exports::turbo::engine::mirror_rules::{
    Candidate, CandidateKind, Example, Pattern, Promise, RuleError, RuleInfo,
};
pub use bindings::turbo::engine::log::{Level, log};
pub use candidate::Place;
pub use manifest::{GeneratorInfo, ManifestGenerator};
pub use turbo_component_macros::{generator_info, rule_info};
pub use url::{Url, is_commit_hash};

/// The WIT package as Rust, for what the rest of this crate does not cover.
#[expect(missing_docs, clippy::same_length_and_capacity, reason = "generated; the WIT files document every item")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/turbo-engine/v0_1",
        world: "mirror-rule",
        additional_derives: [PartialEq, Eq],
        pub_export_macro: true,
        default_bindings_module: "turbo_component::bindings",
    });
}

/// What a rule answers: candidates, best first, or why there are none.
pub type Answer = Result<Vec<Candidate>, RuleError>;

/// A rule that says where else the bytes of a URL are.
///
/// `Default` is the rule without settings.
pub trait MirrorRule: Default {
    /// Says what the rule is: which URLs it wants, and its own self-test.
    fn describe(&self) -> RuleInfo;

    /// Maps one URL to the places that have the same bytes, best first.
    ///
    /// `region` is an ISO 3166-1 alpha-2 code in lower case, or empty. The
    /// engine ranks by region anyway; most rules ignore it.
    fn map_url(&self, url: &Url<'_>, region: &str) -> Answer;

    /// Takes the user's settings; called at most once, before anything else.
    /// The error names the setting and says what is wrong with it.
    fn configure(&mut self, settings: &[(String, String)]) -> Result<(), String> {
        match settings {
            [] => Ok(()),
            [(key, _), ..] => Err([key, ": this rule has no settings; remove it"].concat()),
        }
    }
}

/// Makes a type that implements [`MirrorRule`] the component's one rule, and an
/// [`Arena`] its allocator.
#[macro_export]
macro_rules! export_mirror_rule {
    ($rule:ty) => {
        const _: () = {
            impl $crate::glue::Exported for $rule {
                fn instance() -> &'static ::std::sync::OnceLock<Self> {
                    static INSTANCE: ::std::sync::OnceLock<$rule> = ::std::sync::OnceLock::new();
                    &INSTANCE
                }

                fn outliving<T>(make: impl FnOnce() -> T) -> T {
                    #[cfg(target_family = "wasm")]
                    return ARENA.outliving(make);
                    #[cfg(not(target_family = "wasm"))]
                    make()
                }
            }
            #[cfg(target_family = "wasm")]
            #[global_allocator]
            static ARENA: $crate::Arena = $crate::Arena::new();
            #[cfg(target_family = "wasm")]
            type Component = $crate::glue::Adapter<$rule>;
            #[cfg(target_family = "wasm")]
    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
    };
}
