//! What the engine tells the programs that it starts: arguments and environment.
//!
//! Programs that it starts by name are found as links to a script first, which
//! writes both to a file below the home, where the scan finds them. On Linux,
//! every process below the engine is looked at as well while it runs.

use std::path::Path;
use std::process::Command;

/// Makes the command find the recording script in the place of every program
/// of [`PROGRAMS`] that it would find.
#[cfg(unix)]
pub fn record(command: &mut Command, home: &Path) {
    const PROGRAMS: [&str; 6] = ["git", "ssh", "osslsigncode", "signtool", "cargo", "node"];
    let recorder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/children/record");
    let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value.map(ToOwned::to_owned));
    let Some(path) = path.filter(|path| !path.is_empty()) else { return };
    let links = home.join("children/bin");
    std::fs::create_dir_all(&links).expect("scratch is writable");
    for program in PROGRAMS {
        let link = links.join(program);
        let is_there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
        if is_there && !link.exists() {
            // Another run of this home may have been faster.
            let made = std::os::unix::fs::symlink(recorder, &link);
            assert!(made.is_ok() || link.exists(), "{made:?}");
        } else if !is_there && link.exists() {
            let _ = std::fs::remove_file(&link);
        }
    }
    let folders = std::iter::once(links).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders).expect("no colon in a scratch folder"));
}

#[cfg(not(unix))]
pub fn record(_command: &mut Command, _home: &Path) {}

#[cfg(target_os = "linux")]
pub use sampled::Sampler;
#[cfg(not(target_os = "linux"))]
pub use unsampled::Sampler;

#[cfg(target_os = "linux")]
mod sampled {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread::{self, JoinHandle};
    use std::time::Duration;

    use crate::rig::secrets;

    const PAUSE: Duration = Duration::from_millis(3);

    /// Looks at the processes below the engine until it is stopped.
    pub struct Sampler {
        shared: Arc<Shared>,
        thread: Option<JoinHandle<()>>,
    }

    #[derive(Default)]
    struct Shared {
        is_over: AtomicBool,
        seen: Mutex<BTreeSet<String>>,
        found: Mutex<Option<String>>,
    }

    impl Sampler {
        /// Begins with a process that is, or becomes, or starts the engine. Only
        /// publishing starts programs while it has secrets.
        pub fn start(command: &Command, root: u32) -> Self {
            let shared = Arc::new(Shared::default());
            let publishes = command.get_args().any(|argument| argument.to_string_lossy().contains("publish"));
            let thread = publishes.then(|| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    while !shared.is_over.load(Ordering::SeqCst) {
                        shared.look(root, false);
                        thread::sleep(PAUSE);
                    }
                })
            });
            Self { shared, thread }
        }

        /// The command lines that were seen until now.
        pub fn seen(&self) -> Vec<String> {
            self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
        }

        /// Ends it, and gives what was found.
        pub fn stop(&mut self) -> Option<String> {
            self.shared.is_over.store(true, Ordering::SeqCst);
            if let Some(thread) = self.thread.take() {
                thread.join().expect("looking at processes does not panic");
            }
            self.shared.found.lock().unwrap_or_else(PoisonError::into_inner).take()
        }
    }

    impl Shared {
        fn look(&self, process: u32, is_below_engine: bool) {
            let folder = PathBuf::from(format!("/proc/{process}"));
            // Between fork and exec a child is still the engine, with its
            // environment: the program has to be known before that is read.
            let Ok(program) = fs::read_link(folder.join("exe")) else { return };
            let is_engine = program == Path::new(env!("CARGO_BIN_EXE_turbo-engine"));
            if is_below_engine && !is_engine {
                self.judge(&folder, &program);
            }
            for child in children(&folder) {
                self.look(child, is_below_engine || is_engine);
            }
        }

        fn judge(&self, folder: &Path, program: &Path) {
            for file in ["cmdline", "environ"] {
                let Ok(told) = fs::read(folder.join(file)) else { continue };
                if let Some(found) = secrets::find(&told) {
                    let what = format!("the {file} of its child {}: {found}", program.display());
                    self.found.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
                } else if file == "cmdline" {
                    let line = String::from_utf8_lossy(&told).replace('\0', " ");
                    self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(line);
                }
            }
        }
    }

    fn children(folder: &Path) -> Vec<u32> {
        let Ok(threads) = fs::read_dir(folder.join("task")) else { return Vec::new() };
        let lists = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod unsampled {
    use std::process::Command;

    /// Sees nothing where there is no `/proc`.
    pub struct Sampler;

    impl Sampler {
        pub fn start(_command: &Command, _root: u32) -> Self {
            Self
        }

        pub fn seen(&self) -> Vec<String> {
            Vec::new()
        }

        pub fn stop(&mut self) -> Option<String> {
            None
        }
    }
}
