//! Why nothing was signed.

use std::path::PathBuf;
use std::time::Duration;

use super::authenticode::AuthenticodeError;
use crate::model::{ExitCode, Explain};
use crate::store::StoreError;

/// Why a file was not signed. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file that Authenticode has no place in.
    #[error("{} is neither a program for Windows nor a script of PowerShell", .0.display())]
    Kind(PathBuf),
    /// The tool is not there.
    #[error("{program} cannot be run")]
    NoTool {
        /// The tool.
        program: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The tool failed.
    #[error("{program} did not sign {}{}", path.display(), said(message))]
    Tool {
        /// The tool.
        program: String,
        /// The file.
        path: PathBuf,
        /// What the tool says last.
        message: String,
    },
    /// The tool took too long.
    #[error("{program} did not end within {} s", after.as_secs())]
    Stalled {
        /// The tool.
        program: String,
        /// How long.
        after: Duration,
    },
    /// What the tool made is no signature of the file.
    #[error("the signature that {program} made of {} is refused", path.display())]
    Refused {
        /// The tool.
        program: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: AuthenticodeError,
    },
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl Explain for SignError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Kind(_) | Self::NoTool { .. } => ExitCode::Usage,
            Self::Tool { .. } => ExitCode::Failed,
            Self::Stalled { .. } => ExitCode::Network,
            Self::Refused { .. } => ExitCode::Verification,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => return error.hint(),
            Self::Kind(_) => "sign it with --key alone; Authenticode is for .exe, .dll, .ps1 and their kin".into(),
            Self::NoTool { .. } => "install osslsigncode, or name the tool with --tool PATH".into(),
            Self::Tool { .. } => {
                "check the certificate, its password and the address of the timestamps; -vv shows all the tool says"
                    .into()
            }
            Self::Stalled { .. } => "the server of timestamps may not answer: try another with --timestamp URL".into(),
            Self::Refused { .. } => "do not use it; check which program stands behind the tool's name".into(),
        })
    }
}
