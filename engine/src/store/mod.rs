//! The only place that touches files: staging, journal, history, targets,
//! cache, totals, installed components.
//!
//! The key invariant: nothing carries its final name before it is complete,
//! verified and on disk; everything on the way there can be resumed.

pub mod cache;
mod check;
mod components;
mod disagreement;
mod disk;
mod error;
mod follower;
mod hash;
mod history;
mod journal;
mod part;
mod recorder;
mod runs;
mod shared_file;
mod space;
mod target;
mod tree;
mod writer;

pub use check::{Checked, check};
pub use components::{ChangeLock, ComponentStore, Kept};
pub use error::StoreError;
pub use hash::{Hashes, hash_file, sha256};
pub use history::{Download, Finished, History};
pub use journal::{Journal, JournalError};
pub use part::{Keep, Part, Preallocate};
pub use runs::{Run, Runs, RunsError};
pub use shared_file::SharedFile;
pub use space::{Space, check_writable, space};
pub use target::{
    IfExists, Target, create_folder, read_bounded, remove, remove_folder, reserve_private_file, write_atomic,
};
pub use tree::{ReadSeek, is_file, is_folder, matching, open_file, read_below, write_below};
pub use writer::{LastJournal, ReadAhead, Summary, Writer, WriterOptions};
