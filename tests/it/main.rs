//! The engine as its users meet it: through the built binary and real
//! servers. `tidy` alone reads the source tree instead.

mod bad_input;
mod cli;
mod credentials;
mod download;
mod existing;
mod faults;
mod github;
mod jobs;
mod mirrors;
mod rig;
mod tidy;
mod verify;
