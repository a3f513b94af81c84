//! The only place that touches files: staging, journal, history, targets,
//! cache, totals, installed components, logs, folders that are watched.
//!
//! The key invariant: nothing carries its final name before it is complete,
//! verified and on disk; everything on the way there can be resumed.

mod adopt;
mod append_log;
mod below;
pub mod cache;
mod check;
mod components;
mod disagreement;
mod disk;
mod error;
mod folder;
mod follower;
mod gather;
mod hash;
mod history;
mod journal;
mod listing;
mod own_file;
mod part;
mod recorder;
mod run_names;
mod runs;
mod scratch;
mod shared_file;
mod space;
mod stream_file;
mod target;
mod tree;
mod writer;

pub use adopt::{adopt, begins};
pub use append_log::AppendLog;
pub use below::{create_folder_below, list_below, read_below, write_below};
pub use check::{Checked, check};
pub use components::{ChangeLock, ComponentStore, Kept, KeptWith, sweep_beside};
pub use error::StoreError;
pub use folder::{Folder, Look, Stamp};
pub use gather::{GatherLimits, Gathered, gather, read_start};
pub use hash::{Hashes, hash_file, read_pieces, sha256};
pub use history::{Download, Finished, History, Record};
pub use journal::{Journal, JournalError};
pub use listing::{Listed, list_folder, read_plain};
pub use own_file::Obstacle;
pub use part::{Keep, Part, Preallocate};
pub use run_names::{Claimant, NameTable, RunNames, kept_bytes};
pub use runs::{Run, Runs, RunsError};
pub use scratch::{ScratchFile, ScratchFolder};
pub use shared_file::SharedFile;
pub use space::{Space, check_writable, longest_name, space};
pub use stream_file::{Outlet, StreamFile, outlet};
pub use target::{
    IfExists, Target, create_folder, read_bounded, remove, remove_folder, replace_by, reserve_private_file,
    write_atomic, write_private,
};
pub use tree::{ReadSeek, is_file, is_folder, matching, open_file};
pub use writer::{LastJournal, ReadAhead, Summary, Writer, WriterOptions};
