//! Users of this machine that exist for the time of a test.

use seaworthy_host::process;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A user with a home of its own, removed when this is dropped.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) home: PathBuf,
}

impl Account {
    /// A new user, whose home lies in a folder that everybody may pass.
    pub(crate) fn new(folder: &Path, groups: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        assert!(seaworthy_host::peer::is_root(), "this test makes users, which only root may: run it as root");
        let name = format!("swtest{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let home = folder.join(&name);
        let place = home.to_string_lossy().into_owned();
        // A password that nothing matches, not a locked account: sshd refuses those.
        let mut words = vec!["--create-home", "--home-dir", &place, "--shell", "/bin/sh", "--password", "*"];
        let groups = groups.join(",");
        if !groups.is_empty() {
            words.extend(["--groups", &groups]);
        }
        words.push(&name);
        administer("useradd", &words);
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o711)).expect("the home");
        let uid = std::fs::metadata(&home).expect("the home").uid();
        Self { name, uid, home }
    }

    /// Gives a file or a folder to this user.
    pub(crate) fn own(&self, path: &Path) {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.uid)).expect("permission to give");
    }

    /// A program as this user would start it after logging in, with nothing inherited but the usual PATH.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = process::command("setpriv");
        let uid = self.uid.to_string();
        command.args(["--reuid", &uid, "--regid", &uid, "--init-groups", "--"]).arg(program.as_ref());
        command.env("HOME", &self.home).env("USER", &self.name).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = process::command("userdel").args(["--force", &self.name]).env("PATH", "/usr/sbin:/usr/bin").output();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// Runs one of the administrator's programs, which must succeed.
#[track_caller]
pub(crate) fn administer(program: &str, words: &[&str]) {
    let output = process::command(program).args(words).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output();
    let output = output.expect("the administrator's programs (package passwd)");
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
