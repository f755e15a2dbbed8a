//! A commit that travels to where it is built, as a git bundle.

use crate::git::{Repository, run};
use crate::source::locate;
use seaworthy_diagnostics::Diagnostic;
use std::path::{Path, PathBuf};

/// The commit of HEAD, and nothing beside it.
pub struct Committed {
    repository: Repository,
    folder: PathBuf,
    manifest: String,
}

impl Committed {
    /// The commit of HEAD that a manifest is in.
    ///
    /// # Errors
    /// When there is none, when not all of its history is here, and when there are changes that it does not hold.
    pub fn find(manifest_file: &Path) -> Result<Self, Diagnostic> {
        let (folder, name) = locate(manifest_file)?;
        let Some(repository) = Repository::of(&folder, "HEAD")? else {
            let message = format!("`{}` is in no commit, and what a node builds is a commit", manifest_file.display());
            return Err(Diagnostic::user(message).help("`git init`, `git add .`, `git commit`"));
        };
        let top = repository.top.canonicalize().unwrap_or_else(|_| repository.top.clone());
        let within = folder.strip_prefix(&top).unwrap_or(Path::new(""));
        let manifest = within.join(name).display().to_string();
        Ok(Self { repository, folder, manifest })
    }

    /// Refuses what would be left behind.
    ///
    /// # Errors
    /// When there are changes that no commit holds.
    pub fn check_clean(&self) -> Result<(), Diagnostic> {
        let changes = self.repository.changes(&self.folder)?;
        if changes.is_empty() {
            return Ok(());
        }
        let message = "there are changes that no commit holds, and what a node builds is a commit";
        let lines: Vec<String> = changes.lines().take(LINES_MAX).map(str::to_owned).collect();
        Err(Diagnostic::user(message).evidence(lines).help("commit them, or put them aside: `git stash -u`"))
    }

    /// Its full id.
    #[must_use]
    pub fn commit(&self) -> &str {
        &self.repository.commit
    }

    /// The manifest's path in the repository.
    #[must_use]
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// Writes what is missing where the whole history of `there` is known; false: nothing is missing.
    ///
    /// # Errors
    /// When git cannot write it.
    pub fn bundle(&self, there: &[String], to: &Path) -> Result<bool, Diagnostic> {
        let (top, commit) = (&self.repository.top, self.repository.commit.as_str());
        let wrong = |failure: crate::git::Failure| failure.into_diagnostic(top);
        let is_id = |id: &&String| id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let there: Vec<&str> = there.iter().filter(is_id).map(String::as_str).collect();
        // Of those that are not known here nothing can be left out.
        let known = match there.is_empty() {
            true => String::new(),
            false => run(top, &[&["rev-list", "--no-walk=unsorted", "--ignore-missing"], &there[..]].concat())
                .map_err(wrong)?,
        };
        let known: Vec<&str> = known.lines().collect();
        let rest = [&["rev-list", "--max-count=1", commit, "--not"], &known[..]].concat();
        if run(top, &rest).map_err(wrong)?.is_empty() {
            return Ok(false);
        }
        let path = to.to_string_lossy();
        let create = [&["bundle", "create", "--quiet", &path, "HEAD", "--not"], &known[..]].concat();
        run(top, &create).map(|_| true).map_err(wrong)
    }
}

/// How many changes are shown.
const LINES_MAX: usize = 10;
