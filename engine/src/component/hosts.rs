//! The hosts of a set: one for all rules under the general limits, and one for
//! each component that was granted more.
//!
//! A pool's slots are as large as the largest memory in it, and every key of
//! the vault carries the limits: a component with a grant shares neither with
//! the others, so that its grant cannot become theirs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::host::Host;
use super::rule::IDLE_INSTANCES;
use super::source::Source;
use super::{Grant, Limits};
use crate::component::description::Description;

/// Questions in flight to one component that has a host of its own.
const BUSY_INSTANCES: usize = 12;

/// What the rules of a set run on.
pub(super) struct Hosts {
    general: Host,
    granted: BTreeMap<String, Host>,
}

impl Hosts {
    /// Hosts for a set of so many instances; `known` are descriptions that
    /// need not be asked for.
    pub(super) fn new(
        limits: &Limits,
        grants: &BTreeMap<String, Grant>,
        cache_dir: Option<&PathBuf>,
        known: BTreeMap<String, Description>,
        instances: usize,
    ) -> Self {
        let count = |instances| u32::try_from(instances).unwrap_or(u32::MAX);
        let own = |grant: &Grant| {
            let room = count(IDLE_INSTANCES + BUSY_INSTANCES);
            Host::new(&grant.raise(limits), cache_dir.cloned(), BTreeMap::new(), room)
        };
        Self {
            general: Host::new(limits, cache_dir.cloned(), known, count(instances)),
            granted: grants.iter().map(|(sha256, grant)| (sha256.clone(), own(grant))).collect(),
        }
    }

    /// The host under the general limits.
    pub(super) fn general(&self) -> &Host {
        &self.general
    }

    /// The host of a component.
    pub(super) fn of(&self, source: &Source) -> &Host {
        // A grant is for these very bytes; few sets have any.
        if self.granted.is_empty() { &self.general } else { self.granted.get(&source.sha256).unwrap_or(&self.general) }
    }

    /// Every host.
    pub(super) fn all(&self) -> impl Iterator<Item = &Host> {
        std::iter::once(&self.general).chain(self.granted.values())
    }
}
