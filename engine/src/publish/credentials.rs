//! Where a channel's secret comes from: a variable, an inherited descriptor,
//! or the keyring of the system. Never an argument, which is for everybody to
//! see.
//!
//! The key invariant: what comes out is a [`Secret`], and nothing else of it
//! stays behind.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::model::excerpt::excerpt;
use crate::model::{ExitCode, Explain, Secret};
use crate::store::{StoreError, read_bounded};

/// Largest secret.
const SECRET_BYTES: usize = 16 << 10;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// `env:NAME`, a variable of the environment.
    Environment(String),
    /// `fd:N`, a descriptor that the process was started with.
    Descriptor(u16),
    /// `keyring:SERVICE/ACCOUNT`, the keyring of the system.
    Keyring {
        /// Whose secret it is.
        service: String,
        /// Which of them.
        account: String,
    },
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A text that names no place.
    #[error("`{0}` is not a place to take a secret from")]
    Source(String),
    /// The variable is not set, or empty.
    #[error("the variable {0} is not set")]
    Unset(String),
    /// The descriptor cannot be read.
    #[error("the descriptor {number} cannot be read")]
    Descriptor {
        /// Its number.
        number: u16,
        /// Why.
        source: StoreError,
    },
    /// The platform has no descriptors to inherit.
    #[error("descriptors are inherited on Unix alone")]
    NoDescriptors,
    /// Something that no request can carry.
    #[error("the secret from {0} is empty, not text, or has more than one line")]
    Shape(CredentialSource),
    /// The keyring has no such entry, or there is no keyring.
    #[error("{source_name}: {why}")]
    Keyring {
        /// Where it was looked for.
        source_name: CredentialSource,
        /// What the keyring says.
        why: String,
    },
}

impl Explain for CredentialError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Source(_) => "write env:NAME, fd:N or keyring:SERVICE/ACCOUNT".into(),
            Self::Unset(name) => {
                format!("set {name}, or name another place: with --credential, or as `credential` of the channel")
            }
            Self::Descriptor { number, .. } => format!("open it for the process, as in `{number}<FILE`"),
            Self::NoDescriptors => "take the secret from a variable: env:NAME".into(),
            Self::Shape(_) => "check what was stored there: one line, without anything else".into(),
            Self::Keyring { .. } => {
                "log in to a session with a keyring, or take the secret from env:NAME or fd:N".into()
            }
        })
    }
}

impl FromStr for CredentialSource {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        // The text may be the secret itself, pasted in the wrong place.
        let wrong = || CredentialError::Source(text.split(':').next().map(excerpt).unwrap_or_default() + ":...");
        let (kind, rest) = text.split_once(':').ok_or_else(|| CredentialError::Source("...".into()))?;
        match kind {
            "env" if is_variable(rest) => Ok(Self::Environment(rest.to_owned())),
            "fd" => rest.parse().map(Self::Descriptor).map_err(|_| wrong()),
            "keyring" => match rest.split_once('/') {
                Some((service, account)) if !service.is_empty() && !account.is_empty() => {
                    Ok(Self::Keyring { service: service.to_owned(), account: account.to_owned() })
                }
                _ => Err(wrong()),
            },
            _ => Err(CredentialError::Source("...".into())),
        }
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Descriptor(number) => write!(f, "fd:{number}"),
            Self::Keyring { service, account } => write!(f, "keyring:{service}/{account}"),
        }
    }
}

impl CredentialSource {
    /// Fetches the secret. `variable` reads the environment, which is the
    /// caller's to do.
    pub fn fetch(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Secret, CredentialError> {
        let text = match self {
            Self::Environment(name) => {
                let value = variable(name).filter(|value| !value.is_empty());
                Zeroizing::new(value.ok_or_else(|| CredentialError::Unset(name.clone()))?)
            }
            Self::Descriptor(number) => self.read_descriptor(*number)?,
            Self::Keyring { service, account } => {
                let read = super::keyring::read(service, account);
                read.map_err(|why| CredentialError::Keyring { source_name: self.clone(), why })?
            }
        };
        let line = text.trim_end_matches(['\r', '\n']);
        if line.is_empty() || line.chars().any(char::is_control) {
            return Err(CredentialError::Shape(self.clone()));
        }
        Ok(Secret::new(line))
    }

    /// Reads an inherited descriptor by the name that the system has for it.
    fn read_descriptor(&self, number: u16) -> Result<Zeroizing<String>, CredentialError> {
        if cfg!(not(unix)) {
            return Err(CredentialError::NoDescriptors);
        }
        let path = PathBuf::from(format!("/dev/fd/{number}"));
        let bytes = read_bounded(&path, SECRET_BYTES);
        let bytes = Zeroizing::new(bytes.map_err(|source| CredentialError::Descriptor { number, source })?);
        let text = std::str::from_utf8(&bytes).map_err(|_| CredentialError::Shape(self.clone()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(source: &str, value: Option<&str>) -> Result<Secret, CredentialError> {
        let source: CredentialSource = source.parse()?;
        source.fetch(&|name| value.filter(|_| name == "TOKEN").map(str::to_owned))
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for text in ["env:TOKEN", "fd:3", "keyring:github/me"] {
            assert_eq!(text.parse::<CredentialSource>().expect("a place").to_string(), text);
        }
        for text in ["ghp_s3cr3t", "env:", "env:A B", "fd:x", "keyring:github", "keyring:/me", "token:ghp_s3cr3t"] {
            let error = text.parse::<CredentialSource>().expect_err("no place").to_string();
            assert!(!error.contains("s3cr3t"), "a pasted secret is not repeated: {error}");
        }
    }

    #[test]
    fn one_line_of_text_is_a_secret() {
        assert_eq!(fetch("env:TOKEN", Some("s3cr3t\n")).expect("set").expose(), "s3cr3t");
        assert!(matches!(fetch("env:OTHER", Some("x")), Err(CredentialError::Unset(_))));
        assert!(matches!(fetch("env:TOKEN", Some("")), Err(CredentialError::Unset(_))));
        for wrong in ["a\nb", "a\r\nX-Injected: 1", "\u{1b}"] {
            assert!(matches!(fetch("env:TOKEN", Some(wrong)), Err(CredentialError::Shape(_))), "{wrong:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_descriptor_is_read_whole() {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(b"s3cr3t\r\n").expect("room");
        drop(writer);
        let source = CredentialSource::Descriptor(u16::try_from(reader.as_raw_fd()).expect("small"));
        assert_eq!(source.fetch(&|_| None).expect("read").expose(), "s3cr3t");
        let closed = CredentialSource::Descriptor(999).fetch(&|_| None);
        assert!(matches!(closed, Err(CredentialError::Descriptor { .. })), "{closed:?}");
    }
}
