//! The bare Debian root, and where its packages come from.

use super::{create, remove, text};
use crate::failure::Failure;
use crate::{output, shell};
use std::fs;
use std::path::{Path, PathBuf};

/// Makes the base, or takes the one that an earlier run made. Never changed afterwards: each run has a copy.
pub(super) fn make(folder: &Path, suite: &str, anew: bool) -> Result<PathBuf, Failure> {
    let base = folder.join(format!("base-{suite}"));
    if anew {
        remove(&base)?;
    }
    if base.exists() {
        return Ok(base);
    }
    output::line(format!("==> making a {suite} root with debootstrap"));
    let unfinished = folder.join("base-unfinished");
    remove(&unfinished)?;
    let mirror = mirror(folder, suite)?;
    shell::run(folder, &["debootstrap", "--variant=minbase", suite, &text(&unfinished), &mirror])?;
    fs::rename(&unfinished, &base).map_err(|source| Failure::Io { path: base.clone(), source })?;
    Ok(base)
}

/// Where this machine's own apt gets that suite from, else Debian's default.
fn mirror(folder: &Path, suite: &str) -> Result<String, Failure> {
    let targets = ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"];
    let listed = shell::capture(folder, &targets)?;
    let mirror = listed.lines().find_map(|line| line.strip_prefix(suite)?.strip_prefix(' ')).unwrap_or_default();
    Ok(mirror.to_owned())
}

/// This machine's sources of packages, with their keys and settings, and how its names resolve.
pub(super) fn configure_packages(root: &Path) -> Result<(), Failure> {
    for file in ["etc/apt/sources.list", "etc/resolv.conf", "etc/hosts"] {
        copy(root, Path::new(file))?;
    }
    for folder in ["etc/apt/sources.list.d", "etc/apt/auth.conf.d", "etc/apt/keyrings", "etc/apt/trusted.gpg.d"] {
        copy_folder(root, Path::new(folder), |_| true)?;
    }
    // What says how to fetch; not the hooks of programs that are not there.
    copy_folder(root, Path::new("etc/apt/apt.conf.d"), |content| content.contains("Acquire::"))
}

fn copy_folder(root: &Path, folder: &Path, wanted: fn(&str) -> bool) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(Path::new("/").join(folder)) else { return Ok(()) };
    for entry in entries.flatten() {
        if fs::read(entry.path()).is_ok_and(|content| wanted(&String::from_utf8_lossy(&content))) {
            copy(root, &folder.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn copy(root: &Path, file: &Path) -> Result<(), Failure> {
    let (from, to) = (Path::new("/").join(file), root.join(file));
    let _ = fs::remove_file(&to);
    if !from.is_file() {
        return Ok(());
    }
    create(to.parent().unwrap_or(root))?;
    fs::copy(&from, &to).map(drop).map_err(|source| Failure::Io { path: to, source })
}
