//! Why a component was not installed, changed or loaded.

use std::path::PathBuf;
use std::time::Duration;

use super::Edited;
use crate::component::ComponentError;
use crate::model::files::{LockFileError, TrustedKeysError};
use crate::model::minisign::{KeyId, MinisignError};
use crate::model::{Digest, ExitCode, Explain};
use crate::net::{NetError, OciError};
use crate::store::StoreError;

/// Why a component was not installed, changed or loaded. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network failed, or a server refused.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A registry failed, or refused.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// It is no component that can be used.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A file that is no text.
    #[error("{} is not text", .0.display())]
    NotText(PathBuf),
    /// A text that names no place to fetch from.
    #[error("a component cannot come from `{text}`: {why}")]
    Origin {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The lockfile that the user named does not exist.
    #[error("there is no lockfile {}", .0.display())]
    NoLockFile(PathBuf),
    /// A lockfile that cannot be understood.
    #[error("the lockfile {} cannot be used", path.display())]
    LockFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LockFileError,
    },
    /// A list of keys that cannot be understood, or takes no such key.
    #[error("the list of trusted keys {} cannot be used", path.display())]
    Trust {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TrustedKeysError,
    },
    /// No key of that name.
    #[error("no key is trusted as `{0}`")]
    NoKey(String),
    /// No component of that name.
    #[error("no component is installed as `{0}`")]
    NotInstalled(String),
    /// A name that no component can have.
    #[error("`{0}` is not a name of the form [a-z0-9-]{{1,64}}")]
    Name(String),
    /// A change was asked for, and `--frozen`.
    #[error("the lockfile {} must not change (--frozen)", .0.display())]
    Frozen(PathBuf),
    /// With `--frozen`, an installed component cannot be used.
    #[error("component `{name}` is refused: {reason} (--frozen)")]
    Broken {
        /// The component.
        name: String,
        /// Why.
        reason: String,
    },
    /// Other bytes than the ones pinned.
    #[error("component `{name}` is pinned to sha256:{pinned}, and this is sha256:{found}")]
    Pinned {
        /// The component.
        name: String,
        /// The digest that may stand there.
        pinned: String,
        /// The digest of the other one.
        found: String,
    },
    /// The rule is installed under another name.
    #[error("the rule `{rule}` is installed already, as `{name}`")]
    SameRule {
        /// The rule's identifier.
        rule: String,
        /// The name.
        name: String,
    },
    /// No such version is kept.
    #[error("component `{name}` has no version {wanted} to go to")]
    NoVersion {
        /// The component.
        name: String,
        /// The version.
        wanted: String,
    },
    /// Other bytes than the ones asked for.
    #[error("{what} is not the component that was asked for: expected {expected}, got {got}")]
    Mismatch {
        /// Where it came from.
        what: String,
        /// What was asked for.
        expected: Digest,
        /// What arrived.
        got: Digest,
    },
    /// Longer than any component may be without a grant.
    #[error("{what} is longer than a component may be: {}the limit is {limit} bytes", bytes.map(|bytes| format!("{bytes} bytes, ")).unwrap_or_default())]
    TooLong {
        /// Where it came from.
        what: String,
        /// Its length, if anybody told.
        bytes: Option<u64>,
        /// The limit.
        limit: u64,
    },
    /// A signature that does not count.
    #[error("the signature of {what} is refused")]
    Signature {
        /// The component.
        what: String,
        /// Why.
        source: MinisignError,
    },
    /// No signature, and one is required.
    #[error("{0} is not signed, and signatures are required")]
    Unsigned(String),
    /// A signature of a key that is not trusted, and signatures are required.
    #[error("{what} is signed with the key {id}, which is not trusted, and signatures are required")]
    Stranger {
        /// The component.
        what: String,
        /// The key.
        id: KeyId,
    },
    /// A lockfile grants what this user did not.
    #[error("the lockfile grants component `{name}` {grant}, which you did not")]
    StrangeGrant {
        /// The component.
        name: String,
        /// The grants.
        grant: String,
    },
    /// A rule that is asked about URLs of any host, and no leave for that.
    #[error("component `{rule}` would be asked about {asked_about}")]
    AnyHost {
        /// The rule's identifier.
        rule: String,
        /// What it is asked about.
        asked_about: String,
    },
    /// A rule without examples.
    #[error("component `{0}` has no examples, so that nothing was tested")]
    Untested(String),
    /// A lockfile that says what is not so.
    #[error("component `{name}` is refused: {edited}")]
    Edited {
        /// The component.
        name: String,
        /// What is not so.
        edited: Edited,
    },
    /// A lockfile keeps no secrets, so that this URL is not known any more.
    #[error("component `{name}` came from {source_url}, and the rest of that URL was not kept")]
    Redacted {
        /// The component.
        name: String,
        /// What is known of the URL.
        source_url: String,
    },
}

impl RegistryError {
    /// Whether another attempt may succeed.
    pub(super) fn is_passing(&self) -> bool {
        self.net().is_some_and(NetError::is_passing)
    }

    /// How long the server asked to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.net().and_then(NetError::retry_after)
    }

    fn net(&self) -> Option<&NetError> {
        match self {
            Self::Net(error) | Self::Oci(OciError::Net(error)) => Some(error),
            _ => None,
        }
    }

    fn explained(&self) -> Option<&dyn Explain> {
        Some(match self {
            Self::Store(error) => error,
            Self::Net(error) => error,
            Self::Oci(error) => error,
            Self::Component(error) => error,
            _ => return None,
        })
    }
}

impl Explain for RegistryError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(_) | Self::Net(_) | Self::Oci(_) | Self::Component(_) => {
                self.explained().map_or(ExitCode::Failed, Explain::exit_code)
            }
            Self::NotText(_)
            | Self::Origin { .. }
            | Self::NoLockFile(_)
            | Self::LockFile { .. }
            | Self::Trust { .. }
            | Self::NoKey(_)
            | Self::NotInstalled(_)
            | Self::Name(_)
            | Self::NoVersion { .. } => ExitCode::Usage,
            Self::Mismatch { .. } => ExitCode::Verification,
            Self::Frozen(_)
            | Self::Broken { .. }
            | Self::Pinned { .. }
            | Self::SameRule { .. }
            | Self::TooLong { .. }
            | Self::Signature { .. }
            | Self::Unsigned(_)
            | Self::Stranger { .. }
            | Self::StrangeGrant { .. }
            | Self::AnyHost { .. }
            | Self::Untested(_)
            | Self::Edited { .. }
            | Self::Redacted { .. } => ExitCode::Component,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(StoreError::Io { .. }) => "check the path, the disk and the permissions".into(),
            Self::Store(_) | Self::Net(_) | Self::Oci(_) | Self::Component(_) => return self.explained()?.hint(),
            Self::NotText(_) => "check that it is the right file".into(),
            Self::Origin { .. } => "name a file, an http or https URL, or oci://HOST/NAME:TAG".into(),
            Self::NoLockFile(_) => {
                "check how it is written; `turbo-engine component add --lock FILE` begins a new one".into()
            }
            Self::LockFile { .. } => "restore the file, or move it away and add the components again".into(),
            Self::Trust { .. } => {
                "`turbo-engine component trust list` shows the keys; one line is a name and a key".into()
            }
            Self::NoKey(_) => "`turbo-engine component trust list` shows the keys".into(),
            Self::NotInstalled(_) => "`turbo-engine component list` shows what is installed".into(),
            Self::Name(_) => "choose another with --name".into(),
            Self::Frozen(_) => "run it without --frozen to change the lockfile".into(),
            Self::Broken { .. } => "install it again with `turbo-engine component sync`, without --frozen".into(),
            Self::Pinned { name, .. } => format!("allow another with `turbo-engine component unpin {name}` first"),
            Self::SameRule { name, .. } => format!("replace it with --name {name}, or remove it first"),
            Self::NoVersion { .. } => "`turbo-engine component list --json` shows the versions that are kept".into(),
            Self::Mismatch { .. } => "compare the digest with its source; the file may have been replaced since".into(),
            Self::TooLong { bytes: Some(bytes), .. } => {
                let mebibytes = bytes.div_ceil(1 << 20);
                format!("if you trust it, allow it that with --grant file={mebibytes}MiB")
            }
            Self::TooLong { .. } => "if you trust it, allow it more with --grant file=SIZE".into(),
            Self::Signature { .. } => "fetch file and signature anew; ask the author if it stays so".into(),
            Self::Unsigned(_) => {
                "put FILE.minisig beside it, or lift the demand with the setting require-signature".into()
            }
            Self::Stranger { .. } => "if the key is its author's, trust it: `turbo-engine component trust add`".into(),
            Self::StrangeGrant { .. } => "if you trust whoever wrote it, run this with --accept-grants".into(),
            Self::AnyHost { .. } => {
                "it sees each of these URLs before the download; if you trust it with that, add it with --any-host"
                    .into()
            }
            Self::Untested(_) => "ask its author for examples, or install it as it is with --untested".into(),
            Self::Edited { .. } => {
                "restore the lockfile, or install the component again with `turbo-engine component add`".into()
            }
            Self::Redacted { name, .. } => format!("add it again: `turbo-engine component add URL --name {name}`"),
        })
    }
}
