//! What holds for every input of every parser, one function a fuzz target.
//!
//! A property panics when it is broken. The fuzzer looks for inputs that do
//! so; the test suite replays the ones it found worth keeping.

mod answers;
mod artifacts;
mod components;
mod fields;
mod files;
mod manifests;
mod packages;
mod records;
mod release;
mod sets;

pub use answers::{git_output, github, nuget_feed, oci_manifest};
pub use artifacts::artifacts;
pub use components::{lock_file, minisign, oci};
pub use fields::{candidate_url, disposition, headers, proxy};
pub use files::{cookies, input_file, metalink, netrc, sums};
pub use manifests::manifests;
pub use packages::{authenticode, nuspec};
pub use records::{audit, cache_entry, finished, host_limits, totals};
pub use release::{release, versions};
pub use sets::{journal, ranges};

/// What a target asserts of an input.
pub type Property = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Property); 29] = [
    ("artifacts", artifacts),
    ("audit", audit),
    ("authenticode", authenticode),
    ("cache_entry", cache_entry),
    ("candidate_url", candidate_url),
    ("cookies", cookies),
    ("disposition", disposition),
    ("finished", finished),
    ("git_output", git_output),
    ("github", github),
    ("headers", headers),
    ("host_limits", host_limits),
    ("input_file", input_file),
    ("journal", journal),
    ("lock_file", lock_file),
    ("manifests", manifests),
    ("metalink", metalink),
    ("minisign", minisign),
    ("netrc", netrc),
    ("nuget_feed", nuget_feed),
    ("nuspec", nuspec),
    ("oci", oci),
    ("oci_manifest", oci_manifest),
    ("proxy", proxy),
    ("ranges", ranges),
    ("release", release),
    ("sums", sums),
    ("totals", totals),
    ("versions", versions),
];
