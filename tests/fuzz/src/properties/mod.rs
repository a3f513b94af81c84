//! What holds for every input of every parser, one function a fuzz target.
//!
//! A property panics when it is broken. The fuzzer looks for inputs that do
//! so; the test suite replays the ones it found worth keeping.

mod artifacts;
mod components;
mod fields;
mod files;
mod manifests;
mod packages;
mod sets;

pub use artifacts::artifacts;
pub use components::{lock_file, minisign, oci};
pub use fields::{candidate_url, headers};
pub use files::{cookies, input_file, metalink, netrc, sums};
pub use manifests::manifests;
pub use packages::{authenticode, nuspec};
pub use sets::{journal, ranges};

/// What a target asserts of an input.
pub type Property = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Property); 16] = [
    ("artifacts", artifacts),
    ("authenticode", authenticode),
    ("candidate_url", candidate_url),
    ("cookies", cookies),
    ("headers", headers),
    ("input_file", input_file),
    ("journal", journal),
    ("lock_file", lock_file),
    ("manifests", manifests),
    ("metalink", metalink),
    ("minisign", minisign),
    ("netrc", netrc),
    ("nuspec", nuspec),
    ("oci", oci),
    ("ranges", ranges),
    ("sums", sums),
];
