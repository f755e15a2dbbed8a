//! Somebody who outlives this process: the groups of its steps end with it, however it ends.

use seaworthy_host::linux::cgroups::Hierarchies;
use seaworthy_host::process::command;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};

/// Waits until nobody holds its input open any more, then ends every group whose name begins like the first argument,
/// in the folders that follow. It has to be small and to need nothing: a shell is.
const SCRIPT: &str = r#"
prefix=$1
shift
cat > /dev/null
for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  left=
  for folder in "$@"; do
    for group in "$folder/$prefix"*; do
      [ -d "$group" ] || continue
      [ -e "$group/pids.max" ] && echo 0 > "$group/pids.max"
      while read -r pid; do kill -9 "$pid"; done < "$group/cgroup.procs"
      rmdir "$group" || left=yes
    done
  done
  [ -n "$left" ] || exit 0
  sleep 0.05
done
"#;

/// The one who waits. Dropping it ends what is left, too.
pub(crate) struct Keeper(Child);

impl Keeper {
    /// Starts it; `None`: there are no groups, or it cannot be started. Then the next check ends what is left.
    pub(crate) fn start(hierarchies: &Hierarchies, prefix: &str) -> Option<Self> {
        let folders = hierarchies.folders();
        if folders.is_empty() {
            return None;
        }
        let mut shell = command("/bin/sh");
        shell.args(["-c", SCRIPT, "sh", prefix]).args(folders).env("PATH", "/usr/bin:/bin").current_dir("/");
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Not in the process group of the terminal: Ctrl-C there is not for it.
        shell.process_group(0);
        shell.spawn().ok().map(Self)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
