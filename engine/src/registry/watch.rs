//! Takes over components that change while downloads run: those of a folder
//! that the user named, and the installed ones.
//!
//! One thread looks, four times a second. What it finds is let in as at the
//! start, and handed to the rules, which exchange it or keep what they have.
//! The key invariant: nothing that goes wrong here takes a working rule away;
//! only a file that is gone, or a component that is removed, does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::folder::name;
use super::load::reason;
use super::{Loaded, LockPolicy, Registry, RegistryError};
use crate::component::{Change, Grant, Limits, Place, Rules, Shelf, Swap};
use crate::store::{Folder, Stamp};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(250);

/// Where components lie that may change, and how they were last seen.
#[derive(Debug)]
pub struct Watched {
    registry: Registry,
    folder: Option<Folder>,
    limits: Limits,
    /// What the user's settings grant.
    own_grants: BTreeMap<String, Grant>,
    /// What single components are granted now.
    grants: BTreeMap<String, Grant>,
    /// How each file of the folder was when it was last tried, by its name.
    tried: BTreeMap<String, String>,
    lock_file: Option<Stamp>,
    /// The installed components, and why some of them do not take part.
    installed: BTreeMap<String, Option<String>>,
    /// Trouble that was told and lasts.
    told: BTreeSet<String>,
}

/// What a watch has to tell.
#[derive(Debug)]
pub enum Notice {
    /// A component was exchanged, or should have been.
    Swap(Box<Swap>),
    /// The folder or the lockfile cannot be used now; what was, stays.
    Trouble(String),
}

/// A watch under way. It ends when this is dropped, and then tells nothing
/// more; what is being compiled at that moment is finished in the background.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

struct Shared {
    is_over: AtomicBool,
    /// None once nobody listens any more.
    report: Mutex<Option<Report>>,
}

type Report = Box<dyn FnMut(Notice) + Send>;

impl Watched {
    /// Takes note of the lockfile as it is, before it is loaded: a change from
    /// now on is noticed.
    pub fn new(registry: Registry, limits: &Limits, grants: &BTreeMap<String, Grant>) -> Self {
        let lock_file = Stamp::of(registry.options().lock_file.path());
        Self {
            registry,
            folder: None,
            limits: limits.clone(),
            own_grants: grants.clone(),
            grants: grants.clone(),
            tried: BTreeMap::new(),
            lock_file,
            installed: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Loads the installed components, as [`Registry::load`] does.
    pub fn load(&mut self, named: &[PathBuf]) -> Result<Loaded, RegistryError> {
        let loaded = self.registry.load(named, &self.limits, &self.own_grants)?;
        self.grants.clone_from(&loaded.grants);
        self.installed = fates(&loaded.installed);
        Ok(loaded)
    }

    /// Reads the components of a folder, which is watched from now on.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read. Of the files each is judged by itself.
    pub fn read_folder(&mut self, path: &Path) -> Result<Shelf, RegistryError> {
        let folder = self.folder.insert(Folder::new(path, "wasm"));
        let mut shelf = Shelf::default();
        for path in folder.look()?.quiet {
            let candidate = self.registry.candidate(&path);
            self.tried.insert(name(&path), candidate.state);
            match candidate.judged {
                Ok(component) => shelf.given.push(component),
                Err(refused) => shelf.refused.push(refused),
            }
        }
        Ok(shelf)
    }

    /// Starts to watch for the sake of a set of rules.
    pub fn start(mut self, rules: Rules, report: impl FnMut(Notice) + Send + 'static) -> Result<Watch, std::io::Error> {
        let report: Report = Box::new(report);
        let shared = Arc::new(Shared { is_over: AtomicBool::new(false), report: Mutex::new(Some(report)) });
        let thread = thread::Builder::new().name("rule-watch".into()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                while !shared.is_over.load(Ordering::Acquire) {
                    self.look(&rules, &shared);
                    thread::park_timeout(INTERVAL);
                }
            }
        })?;
        Ok(Watch { shared, thread })
    }

    /// Looks once, and has the rules take over what changed.
    fn look(&mut self, rules: &Rules, shared: &Shared) {
        let mut changes = Vec::new();
        let mut trouble = BTreeSet::new();
        if let Some(folder) = self.folder.take() {
            self.folder = Some(self.look_at_folder(folder, &mut changes, &mut trouble));
        }
        self.look_at_lock_file(&mut changes, &mut trouble);
        for text in trouble.difference(&self.told) {
            shared.tell(Notice::Trouble(text.clone()));
        }
        self.told = trouble;
        if !changes.is_empty() {
            rules.apply(changes, &self.grants).into_iter().for_each(|swap| shared.tell(Notice::Swap(Box::new(swap))));
        }
    }

    fn look_at_folder(
        &mut self,
        mut folder: Folder,
        changes: &mut Vec<(Place, Change)>,
        trouble: &mut BTreeSet<String>,
    ) -> Folder {
        let look = match folder.look() {
            Ok(look) => look,
            Err(error) => {
                trouble.insert(format!("{}; the rules from there stay as they are", reason(&error)));
                return folder;
            }
        };
        if look.ignored > 0 {
            let (path, ignored) = (folder.path().display(), look.ignored);
            trouble.insert(format!("the folder {path} holds too many components; the last {ignored} are left aside"));
        }
        for path in &look.gone {
            self.tried.remove(&name(path));
            changes.push((Place::Folder, Change::Remove(name(path))));
        }
        for path in &look.quiet {
            let before = Stamp::of(path);
            let candidate = self.registry.candidate(path);
            if before.is_none() || Stamp::of(path) != before {
                folder.again(path);
                continue;
            }
            if self.tried.get(&name(path)) == Some(&candidate.state) {
                continue;
            }
            self.tried.insert(name(path), candidate.state);
            let change = candidate.judged.map_or_else(Change::Refuse, Change::Put);
            changes.push((Place::Folder, change));
        }
        folder
    }

    fn look_at_lock_file(&mut self, changes: &mut Vec<(Place, Change)>, trouble: &mut BTreeSet<String>) {
        let stamp = Stamp::of(self.registry.options().lock_file.path());
        // With --frozen the lockfile is the last word, as it was at the start.
        if self.registry.options().lock == LockPolicy::Frozen || stamp == self.lock_file {
            return;
        }
        // One that cannot be understood would be taken for an empty one.
        let loaded = self.registry.lock_file().and_then(|_| self.registry.load(&[], &self.limits, &self.own_grants));
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                trouble.insert(format!("{}; the installed rules stay as they are", reason(&error)));
                return;
            }
        };
        self.lock_file = stamp;
        self.grants = loaded.grants;
        let fates = fates(&loaded.installed);
        let known = std::mem::take(&mut self.installed);
        let gone = known.keys().filter(|name| !fates.contains_key(*name)).cloned().map(Change::Remove);
        changes.extend(gone.map(|change| (Place::Registry, change)));
        let is_news = |name: &String| known.get(name) != fates.get(name);
        let refused = loaded.installed.refused.into_iter().filter(|refused| is_news(&refused.name));
        changes.extend(refused.map(|refused| (Place::Registry, Change::Refuse(refused))));
        changes.extend(loaded.installed.given.into_iter().map(|given| (Place::Registry, Change::Put(given))));
        self.installed = fates;
    }
}

/// Which components are installed, and why some do not take part.
fn fates(installed: &Shelf) -> BTreeMap<String, Option<String>> {
    let given = installed.given.iter().map(|given| (given.name.clone(), None));
    given.chain(installed.refused.iter().map(|refused| (refused.name.clone(), Some(refused.reason.clone())))).collect()
}

impl Shared {
    fn tell(&self, notice: Notice) {
        if let Some(report) = self.report.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            report(notice);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        *self.shared.report.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.thread.thread().unpark();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}
