//! The engine as its users meet it: through the built binary and real
//! servers. `tidy` alone reads the source tree instead.

mod authoring;
mod bad_input;
mod cache;
mod cli;
mod components;
mod credentials;
mod disk;
mod download;
mod existing;
mod faults;
mod fuzz_corpus;
mod generators;
mod github;
mod hostile;
mod hosts;
mod identity;
mod jobs;
mod kill;
mod mirrors;
mod network;
mod oci;
mod readme;
mod registry;
mod resume;
mod rig;
mod signatures;
mod tidy;
mod verbs;
mod verify;
mod wit_reference;
mod wording;
