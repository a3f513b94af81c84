//! Signatures over what is released: minisign's beside a file, a list of
//! checksums, and Authenticode inside of programs and scripts for Windows.
//!
//! Minisign and the checksums are made here. Authenticode is made by
//! `osslsigncode` or `signtool`, because keys of code signing live in tokens and
//! files that those read; what they made is verified here before it takes the
//! place of the file. The key invariant: no password is ever an argument or in
//! an environment; a tool gets it through a pipe.

pub mod authenticode;
mod error;
mod packages;
mod sums;
mod tool;

pub use error::SignError;
pub use packages::Signer;
pub use sums::sums;
pub use tool::{Identity, IdentityParts, Signing, Tool, sign_file};
