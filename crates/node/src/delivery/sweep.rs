//! Removing the folders of branches and environments that nobody follows or deploys any more: sources, homes with their
//! caches, mirrors. What is wanted is found out anew each time, so that nothing has to be remembered; what is to go is
//! renamed first, so that a half of it is never taken for a whole.

use super::area::of_sent;
use super::receive::ASKING;
use crate::Node;
use crate::failure::machine;
use crate::supervise::note;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::{clock, files};
use seaworthy_model::deployment::Verb;
use seaworthy_model::follow::Follow;
use seaworthy_model::run::{Run, RunSource, RunState};
use seaworthy_model::{Digest, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What begins like this is on its way out.
const GONE: &str = ".gone-";
/// Folders of an app that are no branch's.
const MIRROR: &str = "mirror";
const LOGS: &str = "runs";
const UPLOADS: &str = "sent";
/// How long somebody may try to make an environment run until its builds begin from nothing.
const TRIED: Duration = Duration::from_secs(24 * 3600);
/// How many runs of an app may need their folders.
const RUNS_LOOKED_AT: u32 = 1000;

/// Which folders something works in.
#[derive(Debug, Clone, Default)]
pub(super) struct Leases(Arc<Mutex<BTreeMap<PathBuf, usize>>>);

/// Keeps a folder, and its app's, as long as it lives.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Leases,
    folder: PathBuf,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a folder of a branch.
    pub(super) fn take(&self, folder: &Path) -> Lease {
        self.add(&mut self.lock(), folder)
    }

    /// The same; a folder that nothing works in is cleared up before anybody else can have it.
    pub(super) fn take_clean<E>(&self, folder: &Path, clear_up: impl FnOnce() -> Result<(), E>) -> Result<Lease, E> {
        let mut held = self.lock();
        if !held.contains_key(folder) {
            clear_up()?;
        }
        Ok(self.add(&mut held, folder))
    }

    fn add(&self, held: &mut BTreeMap<PathBuf, usize>, folder: &Path) -> Lease {
        *held.entry(folder.to_owned()).or_default() += 1;
        Lease { leases: self.clone(), folder: folder.to_owned() }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut leases = self.leases.lock();
        if let Some(count) = leases.get_mut(&self.folder) {
            *count -= 1;
            if *count == 0 {
                leases.remove(&self.folder);
            }
        }
    }
}

/// The folder's name of a branch, or of what stands for one.
pub(super) fn folder_name(branch: &str) -> String {
    Digest::of(branch.as_bytes()).short().to_owned()
}

/// Removes what nobody needs.
pub(crate) async fn sweep(node: &Arc<Node>) -> Result<(), Diagnostic> {
    let node = Arc::clone(node);
    tokio::task::spawn_blocking(move || node.sweep_delivery()).await.map_err(|error| machine(&error))?
}

impl Node {
    fn sweep_delivery(&self) -> Result<(), Diagnostic> {
        let all = self.options.home.join("delivery");
        for app in entries(&all)? {
            // Nothing else makes folders there.
            let Ok(app) = Name::new(app) else { continue };
            self.sweep_app(&all.join(app.as_str()), &app)?;
        }
        Ok(())
    }

    fn sweep_app(&self, folder: &Path, app: &Name) -> Result<(), Diagnostic> {
        let wanted = self.wanted(app)?;
        let has_runs = !self.store.runs(app, 1)?.is_empty();
        let there = entries(folder)?;
        let mut removed = 0;
        {
            // Nobody begins to work in one meanwhile.
            let leases = self.delivery.leases.lock();
            let leased = leases.keys().filter(|path| path.parent() == Some(folder));
            let leased: BTreeSet<String> =
                leased.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
            for name in superfluous(&there, &wanted, &leased, has_runs) {
                let gone = folder.join(format!("{GONE}{:016x}", rand::random::<u64>()));
                let from = folder.join(name);
                std::fs::rename(&from, &gone).map_err(|error| files::FileError::new("rename", &from, error))?;
                removed += 1;
            }
        }
        for name in entries(folder)?.iter().filter(|name| name.starts_with(GONE)) {
            remove(&folder.join(name))?;
        }
        if removed > 0 {
            note(&format!("{removed} folders of {app} that nothing is built in any more were removed"));
        }
        if entries(folder)?.is_empty() {
            // Somebody may have made something in it meanwhile: then it stays.
            let _ = std::fs::remove_dir(folder);
        }
        Ok(())
    }

    /// The folders of an app that are needed: those of branches that are followed, of runs that are not done, and of
    /// environments that get commits sent.
    fn wanted(&self, app: &Name) -> Result<BTreeSet<String>, Diagnostic> {
        let mut branches = BTreeSet::new();
        for follower in self.store.followers()?.into_iter().filter(|follower| follower.app == *app) {
            if let Follow::Branch(branch) = follower.follows {
                // Where branches are looked at.
                branches.extend([branch, String::new()]);
            }
        }
        // Newest first: what was sent last for an environment counts.
        let mut seen = BTreeSet::new();
        for run in self.store.runs(app, RUNS_LOOKED_AT)? {
            match &run.source {
                RunSource::Branch { branch, .. } if is_to_be_built(&run) => {
                    branches.insert(branch.clone());
                }
                RunSource::Sent { .. } => {
                    for environment in run.environments.iter().filter(|name| seen.insert((*name).clone())) {
                        if is_to_be_built(&run) || self.gets_more(&run, environment)? {
                            branches.extend([of_sent(environment), ASKING.to_owned()]);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(branches.iter().map(|branch| folder_name(branch)).collect())
    }

    /// Whether another commit may be sent for an environment after this run: it runs, or somebody tries to make it.
    fn gets_more(&self, run: &Run, environment: &Name) -> Result<bool, Diagnostic> {
        if self.store.environment(&run.app, environment)?.and_then(|place| place.running).is_some() {
            return Ok(true);
        }
        let last = self.store.deployments(&run.app, environment, 1)?.into_iter().next();
        let is_down = last.is_some_and(|last| last.verb == Verb::Down && last.started_at > run.queued_at);
        let age = clock::parse(&run.queued_at).and_then(|at| clock::now().duration_since(at).ok());
        Ok(!is_down && age.is_some_and(|age| age < TRIED))
    }
}

/// Whether it has still to be built.
fn is_to_be_built(run: &Run) -> bool {
    matches!(run.state, RunState::Queued | RunState::Checking)
}

/// Which of the names in an app's folder nothing needs.
fn superfluous<'a>(
    there: &'a [String],
    wanted: &BTreeSet<String>,
    leased: &BTreeSet<String>,
    has_runs: bool,
) -> Vec<&'a String> {
    let is_needed = |name: &&String| match name.as_str() {
        MIRROR | UPLOADS => !wanted.is_empty() || !leased.is_empty(),
        // The last runs name their logs.
        LOGS => has_runs,
        name => name.starts_with(GONE) || wanted.contains(name) || leased.contains(name),
    };
    there.iter().filter(|name| !is_needed(name)).collect()
}

fn entries(folder: &Path) -> Result<Vec<String>, Diagnostic> {
    let wrong = |error| Diagnostic::from(files::FileError::new("read", folder, error));
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(wrong)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(wrong)?.file_name().into_string());
    }
    Ok(names)
}

/// Removes a tree that builds have made: some tools take the right to write from their own folders.
pub(super) fn remove(folder: &Path) -> Result<(), Diagnostic> {
    if files::remove_tree(folder).is_ok() {
        return Ok(());
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // No link is followed: only folders are on the list.
        files::set_mode(&folder, 0o700)?;
        for name in entries(&folder)? {
            let path = folder.join(name);
            if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
                folders.push(path);
            }
        }
    }
    Ok(files::remove_tree(folder)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_followed_or_worked_in_stays_and_the_mirror_with_it() {
        let there: Vec<String> = ["mirror", "runs", "sent", "aaa", "bbb", ".gone-1"].map(str::to_owned).to_vec();
        let gone = |wanted: &[&str], leased: &[&str], has_runs| {
            let names = superfluous(&there, &set(wanted), &set(leased), has_runs);
            names.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(gone(&["aaa"], &[], true), "bbb");
        assert_eq!(gone(&[], &["bbb"], true), "aaa");
        assert_eq!(gone(&[], &["sent"], true), "aaa bbb");
        assert_eq!(gone(&[], &[], true), "mirror sent aaa bbb");
        assert_eq!(gone(&[], &[], false), "mirror runs sent aaa bbb");
    }

    #[test]
    fn a_folder_is_kept_until_the_last_who_works_in_it_is_done() {
        let leases = Leases::default();
        let folder = Path::new("/delivery/shop/aaa");
        let (first, second) = (leases.take(folder), leases.take(folder));
        drop(first);
        assert!(leases.lock().contains_key(folder));
        drop(second);
        assert!(leases.lock().is_empty());
    }

    #[test]
    fn a_folder_is_cleared_up_by_whoever_comes_when_nothing_works_in_it() {
        let (leases, folder) = (Leases::default(), Path::new("/delivery/shop/aaa"));
        let clear = || {
            let mut cleared = false;
            let lease = leases.take_clean(folder, || {
                cleared = true;
                Ok::<(), ()>(())
            });
            (lease, cleared)
        };
        let (first, second) = (clear(), clear());
        assert_eq!((first.1, second.1), (true, false));
        drop((first, second));
        assert!(clear().1);
        assert!(leases.take_clean(folder, || Err(())).is_err() && leases.lock().is_empty());
    }

    #[test]
    fn folders_that_may_not_be_written_go_too_and_no_link_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let (tree, other) = (home.path().join("tree"), home.path().join("other"));
        std::fs::create_dir_all(tree.join("mod/cache")).unwrap();
        std::fs::create_dir_all(other.join("kept")).unwrap();
        files::write_atomic(&tree.join("mod/cache/file"), b"x", 0o400).unwrap();
        std::os::unix::fs::symlink(&other, tree.join("mod/link")).unwrap();
        files::set_mode(&tree.join("mod/cache"), 0o500).unwrap();
        files::set_mode(&tree.join("mod"), 0o500).unwrap();
        remove(&tree).unwrap();
        assert!(!tree.exists() && other.join("kept").is_dir());
    }
}
