//! The hosts of a set: one for all rules under the general limits, and one for
//! each component that was granted more.
//!
//! A pool's slots are as large as the largest memory in it, and every key of
//! the vault carries the limits: a component with a grant shares neither with
//! the others, so that its grant cannot become theirs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::host::{BuildTally, Host};
use super::rule::IDLE_INSTANCES;
use super::source::Source;
use super::{Grant, Limits};
use crate::component::description::Description;

/// Questions in flight to one component that has a host of its own.
const BUSY_INSTANCES: usize = 12;

/// What the rules of a set run on. Cheap to clone.
#[derive(Clone)]
pub(super) struct Hosts {
    general: Arc<Host>,
    granted: BTreeMap<String, Arc<Host>>,
    cache_dir: Option<PathBuf>,
    built: Arc<BuildTally>,
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
        let built = Arc::<BuildTally>::default();
        let general = Host::new(limits, cache_dir.cloned(), known, count(instances), Arc::clone(&built));
        let none = BTreeMap::new();
        Self { general: Arc::new(general), granted: none, cache_dir: cache_dir.cloned(), built }.granting(grants)
    }

    /// The same hosts with other grants. A host whose grant stays, stays.
    pub(super) fn granting(&self, grants: &BTreeMap<String, Grant>) -> Self {
        let own = |sha256: &String, grant: &Grant| {
            let limits = grant.raise(self.general.limits());
            let known = self.granted.get(sha256).filter(|host| *host.limits() == limits);
            known.cloned().unwrap_or_else(|| Arc::new(self.host(&limits)))
        };
        let granted = grants.iter().map(|(sha256, grant)| (sha256.clone(), own(sha256, grant))).collect();
        Self { granted, ..self.clone() }
    }

    /// A host of one component's own.
    fn host(&self, limits: &Limits) -> Host {
        let room = count(IDLE_INSTANCES + BUSY_INSTANCES);
        Host::new(limits, self.cache_dir.clone(), BTreeMap::new(), room, Arc::clone(&self.built))
    }

    /// The host under the general limits.
    pub(super) fn general(&self) -> &Host {
        &self.general
    }

    /// The host of a component: a grant is for these very bytes.
    pub(super) fn of(&self, source: &Source) -> &Arc<Host> {
        self.granted.get(&source.sha256).unwrap_or(&self.general)
    }

    /// What became of compilations.
    pub(super) fn built(&self) -> &BuildTally {
        &self.built
    }
}

fn count(instances: usize) -> u32 {
    u32::try_from(instances).unwrap_or(u32::MAX)
}
