//! Where an app lies in its repository, for workflows that run there.

use crate::git;
use seaworthy_diagnostics::Diagnostic;
use std::path::{Path, PathBuf};

/// Where an app lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The top of the repository; outside git the manifest's own folder.
    pub top: PathBuf,
    /// The manifest, relative to it, with `/`.
    pub manifest: String,
    /// The branch that the others come from: what the remote calls its own, else `main` or `master`, else what is
    /// checked out, else `main`.
    pub branch: String,
}

impl Upstream {
    /// Of this manifest, which has to be there.
    ///
    /// # Errors
    /// When its folder cannot be read.
    pub fn of(manifest_file: &Path) -> Result<Self, Diagnostic> {
        let file = manifest_file.canonicalize();
        let file = file.map_err(|error| seaworthy_host::files::FileError::new("read", manifest_file, error))?;
        let folder = file.parent().unwrap_or(Path::new("/")).to_path_buf();
        let top = top(&folder);
        let manifest = file.strip_prefix(&top).unwrap_or(&file).to_string_lossy().into_owned();
        Ok(Self { branch: branch(&folder), manifest, top })
    }
}

/// The top of the repository that a folder lies in; outside git the folder itself.
#[must_use]
pub fn top(folder: &Path) -> PathBuf {
    git::say(folder, &["rev-parse", "--show-toplevel"]).map_or_else(|| folder.to_path_buf(), PathBuf::from)
}

fn branch(folder: &Path) -> String {
    let remote = git::say(folder, &["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]);
    let named = |name: &str| {
        let there = git::say(folder, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{name}")]);
        there.map(|_| name.to_owned())
    };
    remote
        .and_then(|name| name.strip_prefix("origin/").map(str::to_owned))
        .or_else(|| named("main"))
        .or_else(|| named("master"))
        .or_else(|| git::say(folder, &["symbolic-ref", "--quiet", "--short", "HEAD"]))
        .unwrap_or_else(|| "main".to_owned())
}
