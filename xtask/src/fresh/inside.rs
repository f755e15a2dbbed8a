//! Runs a script inside the root, in namespaces of its own.

use super::toolchain::Toolchain;
use super::{create, text};
use crate::failure::Failure;
use crate::shell;
use std::fs::File;
use std::path::Path;

/// What happens there: setup twice (the second time it must be quick), then the tests.
pub(super) fn script(setup_only: bool, test_arguments: &[String]) -> String {
    let mut script = "set -eu\ncd /project\ntime ./setup.sh\necho '==> again'\ntime ./setup.sh\n".to_owned();
    if !setup_only {
        let arguments: Vec<String> =
            test_arguments.iter().map(|word| format!(" '{}'", word.replace('\'', "'\\''"))).collect();
        script += &format!("time ./test.sh{}\n", arguments.concat());
    }
    script
}

/// The first argument is the root, the second the script; the mounts come in pairs after them. `unshare` makes new
/// mounts private, so none is seen outside, and process 1 ends everything with it. The root is changed, not only the
/// way to it: in a `chroot`, Linux makes no user namespace, and ordinary users' sandboxes need one.
const ENTER: &str = r#"
set -eu
root=$1 script=$2
shift 2
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs dev/shm
mount --rbind /sys sys
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs -o mode=1777,size=4g tmpfs tmp
while [ $# -gt 0 ]; do
  mount --bind "$1" ".$2"
  mount -o remount,bind,ro ".$2"
  shift 2
done
pivot_root . mnt
umount -l /mnt
exec /usr/bin/env bash -c "$script"
"#;

pub(super) fn run(root: &Path, toolchain: &Toolchain, script: &str) -> Result<(), Failure> {
    create(&root.join("home/fresh"))?;
    let root_text = text(root);
    let mut words: Vec<String> =
        ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", ENTER, "sh"]
            .map(str::to_owned)
            .to_vec();
    words.extend([root_text, script.to_owned()]);
    for (from, to) in &toolchain.mounts {
        place(root, from, to)?;
        words.extend([text(from), (*to).to_owned()]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = shell::command(Path::new("/"), &words);
    command.env_clear().envs(toolchain.environment.iter().cloned()).stdin(std::process::Stdio::null());
    shell::status(command, "setup.sh and test.sh on a fresh machine")
}

/// Something to mount on.
fn place(root: &Path, from: &Path, to: &str) -> Result<(), Failure> {
    let at = root.join(to.trim_start_matches('/'));
    if from.is_dir() {
        return create(&at);
    }
    create(at.parent().unwrap_or(root))?;
    File::create(&at).map(drop).map_err(|source| Failure::Io { path: at, source })
}
