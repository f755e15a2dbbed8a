//! Making sure that nothing of an instance is left.

use crate::folders::{EXIT_FILE, InstanceFolders, STATE_FILE};
use crate::wire::{ExitRecord, ShimState};
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_host::files;
use seaworthy_host::lock::Lock;
use seaworthy_host::process::{self, Signal};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long killed processes may take to go.
const KILL_FOR: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What the shim of an instance wrote last; `None` when it wrote nothing that can be read.
pub(super) fn recorded_state(folders: &InstanceFolders) -> Option<ShimState> {
    let bytes = files::read_if_there(&folders.root.join(STATE_FILE)).ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}

/// How a command ended, if its shim wrote it down for this start.
pub(super) fn recorded_exit(folders: &InstanceFolders, token: &str) -> Option<ExitRecord> {
    let bytes = files::read_if_there(&folders.root.join(EXIT_FILE)).ok().flatten()?;
    serde_json::from_slice(&bytes).ok().filter(|record: &ExitRecord| record.token == token)
}

/// Waits until the shim is dead, at most so long; the lock proves it.
pub(super) async fn wait_for_lock(folders: &InstanceFolders, patience: Duration) -> Result<Option<Lock>, Diagnostic> {
    let until = Instant::now() + patience;
    loop {
        if let Some(lock) = Lock::try_acquire(&folders.lock)? {
            return Ok(Some(lock));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Kills a shim that does not answer; its program dies with it.
pub(super) fn kill_shim(folders: &InstanceFolders) {
    if let Some(state) = recorded_state(folders).filter(|state| state.boot_id == process::boot_id()) {
        let _ = process::signal_exactly(state.shim_pid, state.shim_start_time, Signal::SIGKILL);
    }
}

/// Kills what a dead shim left behind, until nothing is left. The caller holds the instance's lock.
pub(super) async fn end(folders: &InstanceFolders) -> Result<(), Diagnostic> {
    let until = Instant::now() + KILL_FOR;
    loop {
        let left = left(folders);
        if left.is_empty() && remove_groups(folders).is_ok() {
            return Ok(());
        }
        if Instant::now() >= until {
            let message = format!("processes {left:?} of `{}` cannot be killed", folders.root.display());
            return Err(Diagnostic::new(Fault::Machine, message)
                .help("`ps -o pid,stat,wchan,args` shows what they wait for: a broken disk or network mount?")
                .later());
        }
        for pid in left {
            let _ = process::signal(pid, Signal::SIGKILL);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Kills what is in the instance's control groups, too, and removes them.
fn remove_groups(folders: &InstanceFolders) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    if folders.staging.exists() {
        crate::linux::sandbox::remove_groups(&folders.group)?;
    }
    Ok(())
}

/// The processes of an instance without its shim: its program's session, and whatever left that session.
fn left(folders: &InstanceFolders) -> Vec<u32> {
    let mut left = Vec::new();
    if let Some(state) = recorded_state(folders).filter(|state| state.boot_id == process::boot_id())
        && let Some(program) = state.program
    {
        // Somebody else may have got the number since, and made a session of that name.
        let stranger = process::start_time(program.pid).is_some_and(|started| started != program.start_time);
        if !stranger {
            left.extend(process::session_members(program.pid));
        }
    }
    #[cfg(target_os = "linux")]
    left.extend(crate::linux::strays::started_with_tmpdir(&folders.temporary));
    left.sort_unstable();
    left.dedup();
    left
}
