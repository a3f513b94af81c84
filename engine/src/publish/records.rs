//! The folder in which a project's publishing is recorded: the audit log, and
//! a folder a release and channel with the order and how far it has come.

use std::path::{Path, PathBuf};

use super::intake::Stage;
use super::order::{ORDER_FILE, Order, OrderError};
use super::state::{Scope, State, StateError};
use crate::model::release::Release;
use crate::model::{ExitCode, Explain};
use crate::plan::names::foreign;
use crate::store::{StoreError, list_folder, remove};

/// Where it is when nobody says so.
pub const RECORDS_FOLDER: &str = ".turbo-publish";

/// Most files in the folder.
const MOST_FILES: usize = 200_000;

/// The folder.
#[derive(Debug, Clone)]
pub struct Records {
    folder: PathBuf,
}

/// An order, where it lies.
#[derive(Debug, Clone)]
pub struct KeptOrder {
    /// The order.
    pub order: Order,
    /// The channel as its folder is called: that of a trial has a name of its own.
    pub channel: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of it was tried.
    Untouched,
    /// Something was tried, and it is not over.
    Begun,
    /// All of it is delivered.
    Over,
}

impl Records {
    /// Takes a folder, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The audit log.
    pub fn audit(&self) -> PathBuf {
        self.folder.join("audit.jsonl")
    }

    /// The orders that were written down, by release and channel. One that
    /// cannot be read stands for itself alone. Blocks.
    pub fn orders(&self) -> Result<Vec<Result<KeptOrder, OrderError>>, StoreError> {
        let listed = list_folder(&self.folder, MOST_FILES)?;
        let order = |path: &str| -> Option<Result<KeptOrder, OrderError>> {
            let [release, channel, ORDER_FILE] = path.split('/').collect::<Vec<_>>()[..] else { return None };
            let folder = self.folder.join(release).join(channel);
            let order = Order::read(&folder).transpose()?;
            Some(order.map(|order| KeptOrder { order, channel: channel.to_owned(), folder }))
        };
        Ok(listed.iter().filter_map(|listed| order(&listed.path)).collect())
    }

    /// The folder of one channel.
    pub fn channel(&self, release: &Release, channel: &str, stage: Stage) -> PathBuf {
        let release = foreign(&format!("{}-{}", release.name, release.version)).unwrap_or_else(|| "release".into());
        let staging = if stage == Stage::Staging { ".staging" } else { "" };
        self.folder.join(release).join(format!("{channel}{staging}"))
    }
}

/// The scope of a delivery of an order.
pub fn scope(order: &Order, position: usize) -> Scope {
    Scope::of(&order.release, &order.channel, &order.deliveries[position])
}

/// The state of each delivery of an order; none of what was never tried, and of
/// an earlier order.
pub fn states(order: &Order, folder: &Path) -> Result<Vec<Option<State>>, StateError> {
    let read = |position: usize| {
        let state = State::read(&Order::state_path(folder, position))?;
        Ok(state.filter(|state| state.scope == scope(order, position)))
    };
    (0..order.deliveries.len()).map(read).collect()
}

/// How far an order has come.
pub fn standing(order: &Order, folder: &Path) -> Result<Standing, StateError> {
    let states = states(order, folder)?;
    let is_over = |state: &Option<State>| state.as_ref().is_some_and(|state| state.submission.is_some());
    Ok(match states.iter().all(is_over) {
        true => Standing::Over,
        false if states.iter().all(Option::is_none) => Standing::Untouched,
        false => Standing::Begun,
    })
}

/// Removes the states of an order that another one has replaced.
pub fn forget(order: &Order, folder: &Path) -> Result<(), StateError> {
    for (state, position) in states(order, folder)?.iter().zip(0..) {
        if state.is_none() {
            remove(&Order::state_path(folder, position));
        }
    }
    Ok(())
}

/// The order that an earlier run has left, and how far it has come.
pub fn earlier(folder: &Path) -> Result<Option<(Order, Standing)>, RecordsError> {
    let Some(order) = Order::read(folder)? else { return Ok(None) };
    let standing = standing(&order, folder)?;
    Ok(Some((order, standing)))
}

/// Why the records cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The order.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The state of one of its deliveries.
    #[error(transparent)]
    State(#[from] StateError),
    /// An earlier run has begun with something else.
    #[error(
        "an earlier run has begun to publish {release} to {channel}, and what would be published has changed since"
    )]
    Changed {
        /// The release.
        release: String,
        /// The channel.
        channel: String,
        /// Its folder.
        folder: PathBuf,
    },
}

impl Explain for RecordsError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Order(error) => error.exit_code(),
            Self::State(error) => error.exit_code(),
            Self::Changed { .. } => ExitCode::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Order(error) => return error.hint(),
            Self::State(error) => return error.hint(),
            Self::Changed { folder, .. } => format!(
                "undo the change and go on with --resume; or look at what was done there, and move {} away to begin anew",
                folder.display()
            ),
        })
    }
}
