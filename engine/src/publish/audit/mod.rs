//! What was done to the outside world, when, and with which bytes.
//!
//! The log is a file of JSON lines that only grows. Every effect has a line
//! that is on disk before it is tried, and one after it. The lines form a chain
//! and their end is kept in `FILE.head`, so that an edit, a cut or a move is
//! found ([`verify`]); who has a key can have the head authenticated.
//! The key invariant: nothing is done without a line that says so.

mod chain;
mod head;
mod record;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

pub use chain::{Chain, Fault};
pub use head::{Head, HeadError};
pub use record::{Entry, What};
use record::{NO_LINE, Record, Recovery};

use crate::model::{ExitCode, Explain, Secret, rfc3339};
use crate::store::{AppendLog, StoreError, read_bounded, sha256, write_atomic};

/// Largest log.
const LOG_BYTES: usize = 256 << 20;
/// Largest head.
const HEAD_BYTES: usize = 4096;

/// Why nothing could be recorded, or a log is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody touched the log.
    #[error("the audit log {} was tampered with", path.display())]
    Tampered {
        /// The log.
        path: PathBuf,
        /// Where, and how.
        source: Fault,
    },
    /// Somebody touched its head.
    #[error("the head {} of the audit log cannot be believed", path.display())]
    Head {
        /// The head's file.
        path: PathBuf,
        /// Why.
        source: HeadError,
    },
    /// Lines, and no head.
    #[error("the audit log {} has lines, and its head {} is gone", log.display(), head.display())]
    NoHead {
        /// The log.
        log: PathBuf,
        /// Where the head should be.
        head: PathBuf,
    },
    /// A line failed before; what followed would hide that.
    #[error("the audit log {} took no more lines", .0.display())]
    Broken(PathBuf),
}

impl Explain for AuditError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Tampered { .. } | Self::Head { .. } | Self::NoHead { .. } => ExitCode::Verification,
            Self::Broken(_) => ExitCode::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => return error.hint(),
            Self::Tampered { .. } | Self::NoHead { .. } => {
                "keep the log for whoever looks into it, and begin another one with --audit FILE".into()
            }
            Self::Head { source: HeadError::Unkeyed | HeadError::Code, .. } => {
                "check the key; without one, the log and its head are compared all the same".into()
            }
            Self::Head { .. } => "keep both files for whoever looks into it, and begin another log".into(),
            Self::Broken(_) => "check the disk and run the same command again with --resume".into(),
        })
    }
}

/// Why a log is not to be believed, whatever files it is in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Somebody touched the lines.
    #[error(transparent)]
    Lines(#[from] Fault),
    /// Somebody touched the head.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// Lines, and no head.
    #[error("the head is gone")]
    NoHead,
}

/// Reads the bytes of a log, held against those of its head's file. Gives the
/// chain, and the number of a line that the head does not know yet.
pub fn examine(log: &[u8], head: Option<&[u8]>, key: Option<&Secret>) -> Result<(Chain, Option<u64>), Doubt> {
    let head = head.map(|bytes| Head::parse(bytes, key)).transpose()?;
    let chain = chain::read(log, head.as_ref())?;
    let unconfirmed = match head {
        Some(head) => chain.against(&head)?,
        // The very first line may have come without a head.
        None if chain.digests.len() <= 1 => chain.last.as_ref().map(|last| last.sequence),
        None => return Err(Doubt::NoHead),
    };
    Ok((chain, unconfirmed))
}

/// A log that takes lines.
#[derive(Debug)]
pub struct AuditLog {
    inner: Mutex<Inner>,
    head_path: PathBuf,
    key: Option<Secret>,
}

#[derive(Debug)]
struct Inner {
    log: AppendLog,
    last: Option<Head>,
    broken: bool,
}

impl AuditLog {
    /// Opens or begins a log, alone among processes. One that a crash cut in
    /// the middle of a line is continued, and says so; one that was touched is
    /// not.
    pub fn open(path: &Path, key: Option<Secret>) -> Result<Self, AuditError> {
        let (log, content) = AppendLog::open(path, LOG_BYTES)?;
        let head_path = head_path(path);
        let (chain, unconfirmed) = judge(path, &content, key.as_ref())?;
        let inner = Inner { log, last: chain.last.clone(), broken: false };
        let opened = Self { inner: Mutex::new(inner), head_path, key };
        opened.recover(&chain, &content, unconfirmed)?;
        Ok(opened)
    }

    /// Owns up to what an earlier process left, before anything else is told.
    fn recover(&self, chain: &Chain, content: &[u8], unconfirmed: Option<u64>) -> Result<(), AuditError> {
        let mut end = Vec::new();
        let torn_sha256 = chain.torn.clone().map(|torn| {
            let mut torn = content[torn].to_vec();
            if torn.last() != Some(&b'\n') {
                torn.push(b'\n');
                end.push(b'\n');
            }
            sha256(&torn).hex()
        });
        if chain.unterminated && chain.torn.is_none() {
            end.push(b'\n');
        }
        if torn_sha256.is_none() && unconfirmed.is_none() && end.is_empty() {
            return Ok(());
        }
        let mut record = Record::new(What::Recovered, &Entry::default());
        record.recovery = Some(Recovery { torn_sha256, unconfirmed });
        self.write(end, record).map(drop)
    }

    /// Tells of something, and returns once that is on disk.
    pub fn append(&self, what: What, entry: &Entry<'_>) -> Result<Head, AuditError> {
        self.write(Vec::new(), Record::new(what, entry))
    }

    /// The last line.
    pub fn head(&self) -> Option<Head> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }

    fn write(&self, mut bytes: Vec<u8>, mut record: Record) -> Result<Head, AuditError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.broken {
            return Err(AuditError::Broken(inner.log.path().to_owned()));
        }
        record.sequence = inner.last.as_ref().map_or(1, |last| last.sequence + 1);
        record.previous = inner.last.as_ref().map_or_else(|| NO_LINE.to_owned(), |last| last.sha256.clone());
        record.time = rfc3339(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        let line = record.line();
        let head = Head { sequence: record.sequence, sha256: sha256(&line).hex() };
        bytes.extend_from_slice(&line);
        bytes.push(b'\n');
        inner.broken = true;
        inner.log.append(&bytes)?;
        write_atomic(&self.head_path, head.text(self.key.as_ref()).as_bytes())?;
        inner.broken = false;
        inner.last = Some(head.clone());
        Ok(head)
    }
}

/// What is known of a log that was found to be whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Lines that belong to the chain.
    pub records: u64,
    /// The last of them.
    pub head: Option<Head>,
    /// Bytes at the end that a crash left.
    pub torn_bytes: usize,
    /// A last line that the head does not know, as a crash leaves one.
    pub unconfirmed: Option<u64>,
    /// Whether a key proved the head.
    pub authenticated: bool,
}

/// Reads a log and finds whatever was changed, cut or moved in it. Heads that
/// were kept elsewhere have to be in it as well.
pub fn verify(path: &Path, key: Option<&Secret>, others: &[Head]) -> Result<Verified, AuditError> {
    let content = read_bounded(path, LOG_BYTES)?;
    let (chain, unconfirmed) = judge(path, &content, key)?;
    for head in others {
        let lines = chain.digests.len() as u64;
        let known = usize::try_from(head.sequence).ok().and_then(|number| chain.digests.get(number.checked_sub(1)?));
        if known != Some(&head.sha256) {
            let what = if head.sequence > lines {
                format!("{} lines are cut off: a state file knows {}", head.sequence - lines, head.sequence)
            } else {
                "it is not the line that a state file knows".into()
            };
            let line = usize::try_from(head.sequence.min(lines + 1)).unwrap_or(usize::MAX);
            return Err(AuditError::Tampered { path: path.to_owned(), source: Fault { line, what } });
        }
    }
    Ok(Verified {
        records: chain.digests.len() as u64,
        torn_bytes: chain.torn.map_or(0, |torn| torn.len()),
        head: chain.last,
        unconfirmed,
        authenticated: key.is_some() && !content.is_empty(),
    })
}

/// The chain of a log, held against its head, and the line that the head does
/// not know yet.
fn judge(path: &Path, content: &[u8], key: Option<&Secret>) -> Result<(Chain, Option<u64>), AuditError> {
    let head_path = head_path(path);
    let head = match read_bounded(&head_path, HEAD_BYTES) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        read => Some(read?),
    };
    examine(content, head.as_deref(), key).map_err(|doubt| match doubt {
        Doubt::Lines(source) => AuditError::Tampered { path: path.to_owned(), source },
        Doubt::Head(source) => AuditError::Head { path: head_path, source },
        Doubt::NoHead => AuditError::NoHead { log: path.to_owned(), head: head_path },
    })
}

fn head_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(".head");
    name.into()
}
