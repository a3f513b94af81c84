//! What a channel is going to deliver, written down before anything is
//! delivered: whoever resumes delivers that very thing, and whoever asks later
//! what became of it knows what it was.
//!
//! One folder a release and channel: `order.json`, the state of each delivery
//! as `1.state.json`, `2.state.json`, and the packages that were pushed. The
//! key invariant: an order never changes once a delivery of it has begun.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::intake::Target;
use super::record_file::{self, Versioned};
use crate::component::GeneratorSummary;
use crate::model::delivery::Delivery;
use crate::model::release::Pairs;
use crate::model::{ExitCode, Explain};
use crate::store::{StoreError, create_folder};

/// The name of the file.
pub const ORDER_FILE: &str = "order.json";
/// The version of the format.
pub const ORDER_VERSION: u32 = 1;
/// Largest order: what generators may propose, and a little for the quotes.
const ORDER_BYTES: usize = 256 << 20;

/// What is going to be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Order {
    /// The version of the format, [`ORDER_VERSION`].
    pub v: u32,
    /// The release, as `NAME VERSION`.
    pub release: String,
    /// The day of the release, `YYYY-MM-DD`.
    pub date: String,
    /// The channel.
    pub channel: String,
    /// SHA-256 of all that the generator was asked with, but for the files of
    /// the destination.
    pub question: String,
    /// The component as the channel names it.
    pub component: String,
    /// What the component says of itself.
    pub generator: GeneratorSummary,
    /// Where the deliveries go; of a credential it has the place alone.
    pub target: Target,
    /// The deliveries, in order, as they were generated and checked.
    pub deliveries: Vec<Delivery>,
    /// Artifacts that packages have inside: path in the package, and the
    /// artifact's identifier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embedded: Pairs,
    /// The packages, which lie beside the order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<PackedFile>,
}

/// A package that lies beside its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PackedFile {
    /// The delivery that it is of, by its position from 0.
    pub delivery: usize,
    /// Name of the file.
    pub file: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Why an order cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not an order of this engine, or of a later one.
    #[error("the order {} cannot be understood: {why}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl Explain for OrderError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Shape { .. } => ExitCode::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Shape { path, .. } => {
                let folder = path.parent().unwrap_or(path).display();
                Some(format!("move {folder} away; what was done is in the audit log"))
            }
        }
    }
}

impl Versioned for Order {
    const VERSION: u32 = ORDER_VERSION;
    const MOST_BYTES: usize = ORDER_BYTES;

    fn version(&self) -> u32 {
        self.v
    }
}

impl Order {
    /// Reads the order of a folder; none where there is none.
    pub fn read(folder: &Path) -> Result<Option<Self>, OrderError> {
        record_file::read(&folder.join(ORDER_FILE), |path, why| OrderError::Shape { path, why })
    }

    /// Writes it into its folder, and returns once it is on disk.
    pub fn write(&self, folder: &Path) -> Result<(), OrderError> {
        create_folder(folder)?;
        Ok(record_file::write(&folder.join(ORDER_FILE), self)?)
    }

    /// The state file of a delivery, by its position from 0.
    pub fn state_path(folder: &Path, position: usize) -> PathBuf {
        folder.join(format!("{}.state.json", position + 1))
    }
}
