//! A root for sandboxes, made of this machine's own programs and their libraries: no packages are needed for a test.

use seaworthy_host::{files, process};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const PROGRAMS: [&str; 14] = [
    "/bin/sh",
    "/bin/cat",
    "/bin/sleep",
    "/bin/ls",
    "/bin/mount",
    "/bin/su",
    "/bin/ps",
    "/bin/mkdir",
    "/bin/hostname",
    "/usr/bin/id",
    "/usr/bin/seq",
    "/usr/bin/env",
    "/usr/bin/getent",
    "/usr/bin/python3",
];

/// The folder; made once, for all tests and all runs.
pub(crate) fn folder() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("base-3");
        if !base.is_dir() {
            let draft = base.with_extension(std::process::id().to_string());
            make(&draft);
            if std::fs::rename(&draft, &base).is_err() {
                files::remove_tree(&draft).unwrap();
            }
        }
        base
    })
    .clone()
}

fn make(root: &Path) {
    let ctypes = "import _ctypes; print(_ctypes.__file__)";
    let ctypes = process::command("/usr/bin/python3").args(["-c", ctypes]).output().unwrap();
    let ctypes = String::from_utf8(ctypes.stdout).unwrap();
    for program in PROGRAMS.into_iter().chain([ctypes.trim()]) {
        copy(Path::new(program), root);
        let output = process::command("/usr/bin/ldd").arg(program).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for library in text.split_ascii_whitespace().filter(|word| word.starts_with('/')) {
            copy(Path::new(library), root);
        }
    }
    let version = process::command("/usr/bin/python3").args(["-c", "import os; print(os.__file__)"]).output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let folder = Path::new(version.trim()).parent().unwrap().to_owned();
    let inside = root.join(folder.strip_prefix("/").unwrap());
    files::create_directory(inside.parent().unwrap(), 0o755).unwrap();
    assert!(process::command("/bin/cp").arg("-aT").arg(&folder).arg(&inside).status().unwrap().success());
}

/// Where it is and where links to it are is the same for a program inside.
fn copy(path: &Path, root: &Path) {
    let inside = root.join(path.strip_prefix("/").unwrap());
    if inside.exists() {
        return;
    }
    files::create_directory(inside.parent().unwrap(), 0o755).unwrap();
    assert!(process::command("/bin/cp").args(["-pL", "--"]).arg(path).arg(&inside).status().unwrap().success());
}
