//! Manifest generators: a release into what one package manager wants.
//!
//! ```
//! use turbo_component::manifest::{
//!     Delivery, Diagnostic, Generated, GeneratorInfo, ManifestGenerator, OutputFile, PriorFile, Release,
//! };
//!
//! #[derive(Default)]
//! pub struct Versions;
//!
//! impl ManifestGenerator for Versions {
//!     fn describe(&self) -> GeneratorInfo {
//!         GeneratorInfo::new("versions", "1.0.0", "One line a release", "versions")
//!     }
//!
//!     fn generate(
//!         &self,
//!         release: &Release,
//!         _settings: &[(String, String)],
//!         _prior: &[PriorFile],
//!     ) -> Result<Generated, Vec<Diagnostic>> {
//!         let artifact = release.artifacts.first().ok_or_else(|| {
//!             vec![Diagnostic::error("no-artifact", "the release has no file").suggest("upload one before publishing")]
//!         })?;
//!         let line = format!("{} {}\n", artifact.url, artifact.sha256().unwrap_or_default());
//!         let path = format!("{}/{}.txt", release.name, release.version);
//!         Ok(Generated::of(Delivery::Files(vec![OutputFile::text(&path, &line)])))
//!     }
//! }
//!
//! turbo_component::export_manifest_generator!(Versions);
//!
//! // In the crate's tests: what the engine demands of every answer.
//! let release = turbo_component::testing::release("tool", "1.2.3");
//! turbo_component::testing::generate(&Versions, &release, &[], &[]).expect("a good release");
//! ```

use std::marker::PhantomData;

pub use bindings::exports::turbo::engine::manifest::{
    Artifact, Delivery, Diagnostic, Digest, Entry, Generated, GeneratorInfo, GitChange, GitRoute, InstallerFacts,
    Nupkg, Oci, Outcome, OutputFile, PriorFile, Release, Severity, Texts,
};

/// The world `manifest-generator` as Rust, for what this module does not cover.
#[expect(missing_docs, clippy::same_length_and_capacity, reason = "generated; the WIT files document every item")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/turbo-engine/v0_1",
        world: "manifest-generator",
        additional_derives: [PartialEq, Eq],
        pub_export_macro: true,
        default_bindings_module: "turbo_component::manifest::bindings",
    });
}

/// Turns a release into what one package manager wants to be told of it.
///
/// Pure: the answer depends on the arguments alone. `Default` makes the value
/// that every call is made on.
pub trait ManifestGenerator: Default {
    /// Says what the generator is.
    fn describe(&self) -> GeneratorInfo;

    /// Names the files of the destination that [`Self::generate`] reads.
    fn wants(&self, _release: &Release, _settings: &[(String, String)]) -> Vec<String> {
        Vec::new()
    }

    /// Makes the deliveries of one release. The error says why there can be
    /// none.
    fn generate(
        &self,
        release: &Release,
        settings: &[(String, String)],
        prior: &[PriorFile],
    ) -> Result<Generated, Vec<Diagnostic>>;

    /// Checks one delivery, made here or written by hand.
    fn validate(&self, _delivery: &Delivery, _prior: &[PriorFile]) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Names the URLs that tell what became of a delivery.
    fn poll(&self, _delivery: &Delivery, _submission: &str) -> Vec<String> {
        Vec::new()
    }

    /// Reads the answers of those URLs: HTTP status and body, in order.
    fn interpret(&self, _delivery: &Delivery, _answers: &[(u16, Vec<u8>)]) -> Outcome {
        Outcome::Pending
    }
}

/// The value of a setting.
///
/// ```
/// let settings = [("branch".to_owned(), "main".to_owned())];
/// assert_eq!(turbo_component::manifest::setting(&settings, "branch"), Some("main"));
/// ```
pub fn setting<'a>(settings: &'a [(String, String)], key: &str) -> Option<&'a str> {
    settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

impl GeneratorInfo {
    /// A generator by name, semantic version, one sentence and the package
    /// manager it writes for.
    pub fn new(id: &str, version: &str, summary: &str, manager: &str) -> Self {
        Self {
            id: id.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            manager: manager.to_owned(),
            extra: Vec::new(),
        }
    }
}

impl Release {
    /// The page with a role: `homepage`, `source`, `docs`, `bugs`, `notes`, `icon`.
    pub fn link(&self, role: &str) -> Option<&str> {
        self.links.iter().find(|(name, _)| name == role).map(|(_, url)| url.as_str())
    }

    /// The texts in the default locale.
    pub fn default_texts(&self) -> Option<&Texts> {
        self.texts.iter().find(|texts| texts.locale == self.default_locale)
    }

    /// The files for an operating system.
    pub fn artifacts_for<'a>(&'a self, os: &'a str) -> impl Iterator<Item = &'a Artifact> {
        self.artifacts.iter().filter(move |artifact| artifact.os == os)
    }
}

impl Artifact {
    /// Its SHA-256 in lower-case hexadecimal.
    pub fn sha256(&self) -> Option<String> {
        let digest = self.digests.iter().find(|digest| digest.algorithm == "sha-256")?;
        let letter = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
        Some(digest.value.iter().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]).collect())
    }
}

impl OutputFile {
    /// A text file by its relative path.
    pub fn text(path: &str, content: &str) -> Self {
        Self { path: path.to_owned(), content: content.as_bytes().to_vec() }
    }
}

impl PriorFile {
    /// The content as text; `None` when there is no such file, or no text in it.
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(self.content.as_deref()?).ok()
    }
}

impl Generated {
    /// One delivery and nothing to say about it.
    pub fn of(delivery: Delivery) -> Self {
        Self { deliveries: vec![delivery], diagnostics: Vec::new(), extra: Vec::new() }
    }

    /// Adds a finding that does not stop the release.
    #[must_use]
    pub fn noting(mut self, diagnostic: Diagnostic) -> Self {
        self.diagnostics.push(diagnostic);
        self
    }
}

impl Diagnostic {
    /// A finding that stops the release, by a stable code and what is wrong.
    pub fn error(code: &str, message: &str) -> Self {
        Self {
            severity: Severity::Error,
            code: code.to_owned(),
            file: None,
            pointer: None,
            line: 0,
            column: 0,
            message: message.to_owned(),
            help_url: None,
            suggestion: None,
        }
    }

    /// A finding that somebody should look at.
    pub fn warning(code: &str, message: &str) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Advice.
    pub fn note(code: &str, message: &str) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, message) }
    }

    /// Says which file of the output it is about.
    #[must_use]
    pub fn in_file(self, path: &str) -> Self {
        Self { file: Some(path.to_owned()), ..self }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn suggest(self, suggestion: &str) -> Self {
        Self { suggestion: Some(suggestion.to_owned()), ..self }
    }
}

/// Implements the world's exports for a generator. Only the code of
/// [`export_manifest_generator!`](crate::export_manifest_generator) names it.
#[derive(Debug)]
pub struct Adapter<G>(PhantomData<G>);

type Settings = Vec<(String, String)>;

impl<G: ManifestGenerator> bindings::exports::turbo::engine::manifest::Guest for Adapter<G> {
    fn describe() -> GeneratorInfo {
        ready::<G>().describe()
    }

    fn wants(release: Release, settings: Settings) -> Vec<String> {
        ready::<G>().wants(&release, &settings)
    }

    fn generate(release: Release, settings: Settings, prior: Vec<PriorFile>) -> Result<Generated, Vec<Diagnostic>> {
        ready::<G>().generate(&release, &settings, &prior)
    }

    fn validate(delivery: Delivery, prior: Vec<PriorFile>) -> Vec<Diagnostic> {
        ready::<G>().validate(&delivery, &prior)
    }

    fn poll(delivery: Delivery, submission: String) -> Vec<String> {
        ready::<G>().poll(&delivery, &submission)
    }

    fn interpret(delivery: Delivery, answers: Vec<(u16, Vec<u8>)>) -> Outcome {
        ready::<G>().interpret(&delivery, &answers)
    }
}

fn ready<G: ManifestGenerator>() -> G {
    crate::glue::report_panics();
    G::default()
}

/// Makes a type that implements [`ManifestGenerator`] the component's one
/// generator.
#[macro_export]
macro_rules! export_manifest_generator {
    ($generator:ty) => {
        const _: () = {
            #[cfg(target_family = "wasm")]
            type Component = $crate::manifest::Adapter<$generator>;
            #[cfg(target_family = "wasm")]
    $crate::manifest::bindings::export!(Component with_types_in $crate::manifest::bindings);
        };
    };
}
