//! The git program, for what a build asks of it.

use crate::surroundings;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::process::command;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A repository, and a folder in it.
pub(crate) struct Repository {
    /// The top folder of its working tree.
    pub(crate) top: PathBuf,
    /// The full id of the commit that was asked for.
    pub(crate) commit: String,
    /// The id of its first commit.
    pub(crate) first_commit: String,
}

impl Repository {
    /// The repository that a folder lies in, and a commit of it by any name; `None` outside git, without git, and
    /// before the first commit.
    ///
    /// # Errors
    /// When there is one that git cannot read or that has no such commit, or only a part of its history is here.
    pub(crate) fn of(folder: &Path, revision: &str) -> Result<Option<Self>, Diagnostic> {
        let has_marker = folder.ancestors().any(|folder| folder.join(".git").exists());
        let top = match run(folder, &["rev-parse", "--show-toplevel"]) {
            Ok(text) => PathBuf::from(text.trim_end_matches('\n')),
            Err(Failure::Missing | Failure::Said(_)) if !has_marker => return Ok(None),
            Err(failure) => return Err(failure.into_diagnostic(folder)),
        };
        let Some(commit) = commit(&top, revision)? else { return Ok(None) };
        let shallow = run(&top, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|text| text.trim() == "true");
        if shallow {
            let message = format!("`{}` holds only a part of its history, not its first commit", top.display());
            return Err(Diagnostic::user(message).help("`git fetch --unshallow` gets the rest"));
        }
        let firsts = run(&top, &["rev-list", "--max-parents=0", "--first-parent", &commit])
            .map_err(|failure| failure.into_diagnostic(&top))?;
        let first_commit = firsts.lines().last().unwrap_or_default().to_owned();
        Ok(Some(Self { top, commit, first_commit }))
    }

    /// Whether the working tree below a folder has changes that no commit holds.
    pub(crate) fn is_dirty(&self, folder: &Path) -> Result<bool, Diagnostic> {
        Ok(!self.changes(folder)?.is_empty())
    }

    /// These changes, as `git status --porcelain` writes them.
    pub(crate) fn changes(&self, folder: &Path) -> Result<String, Diagnostic> {
        let status = run(folder, &["status", "--porcelain", "--untracked-files=normal", "--", "."]);
        status.map_err(|failure| failure.into_diagnostic(folder))
    }

    /// Writes the files of the commit into a folder that is there and is empty, with nothing of git's own.
    pub(crate) fn export(&self, to: &Path) -> Result<(), Diagnostic> {
        let wrong = |failure: Failure| failure.into_diagnostic(&self.top);
        let index = to.with_extension("index");
        let (work_tree, index_file) = (to.to_string_lossy(), index.to_string_lossy());
        let variables = [("GIT_WORK_TREE", work_tree.as_ref()), ("GIT_INDEX_FILE", index_file.as_ref())];
        let done = run_with(&self.top, &["read-tree", &self.commit], &variables)
            .and_then(|_| run_with(&self.top, &["checkout-index", "--all", "--quiet"], &variables));
        seaworthy_host::files::remove_tree(&index)?;
        done.map(drop).map_err(wrong)
    }

    /// Makes `checkout` a working tree of exactly the commit. What earlier builds left there goes, for a fresh clone
    /// does not have it either; only caches stay, so that builds go on from the one before.
    pub(crate) fn check_out(&self, checkout: &Path) -> Result<(), Diagnostic> {
        let wrong = |failure: Failure| failure.into_diagnostic(&self.top);
        let usable = run(checkout, &["rev-parse", "--show-toplevel"])
            .is_ok_and(|top| Path::new(top.trim_end_matches('\n')).canonicalize().ok() == checkout.canonicalize().ok());
        let path = checkout.to_string_lossy();
        if usable {
            run(checkout, &["checkout", "--quiet", "--force", "--detach", &self.commit]).map_err(wrong)?;
            clean(checkout).map_err(wrong)?;
        } else {
            seaworthy_host::files::remove_tree(checkout)?;
            run(&self.top, &["worktree", "prune"]).map_err(wrong)?;
            let arguments = ["worktree", "add", "--quiet", "--force", "--detach", &path, &self.commit];
            run(&self.top, &arguments).map_err(wrong)?;
        }
        if checkout.join(".gitmodules").exists() {
            run(checkout, &["submodule", "update", "--quiet", "--init", "--recursive", "--force"]).map_err(wrong)?;
            let each = ["submodule", "--quiet", "foreach", "--recursive", "git clean --quiet -ffdx"];
            run(checkout, &each).map_err(wrong)?;
        }
        Ok(())
    }
}

/// Removes what no commit knows but caches: ignored folders that say that they are one, as cargo's `target` does
/// (<https://bford.info/cachedir/>), and `node_modules`, which npm, pnpm and yarn bring in line with their lockfiles.
fn clean(checkout: &Path) -> Result<(), Failure> {
    let ignored = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"];
    let ignored = run(checkout, &ignored)?;
    let is_cache = |folder: &Path| folder.ends_with("node_modules") || folder.join("CACHEDIR.TAG").is_file();
    // What is kept is named by a pattern: a name that would be one is not kept.
    let is_plain = |name: &str| !name.contains(['*', '?', '[', '\\', '!', '#']) && !name.ends_with(' ');
    let kept = ignored.split('\0').filter_map(|name| name.strip_suffix('/'));
    let kept = kept.filter(|name| is_plain(name) && is_cache(&checkout.join(name)));
    let patterns: Vec<String> = kept.map(|name| format!("--exclude=/{name}")).collect();
    let mut arguments = vec!["clean", "--quiet", "-ffdx"];
    arguments.extend(patterns.iter().map(String::as_str));
    run(checkout, &arguments).map(drop)
}

/// The full id of a commit; `None` for the HEAD of a repository that has no commit yet.
fn commit(top: &Path, revision: &str) -> Result<Option<String>, Diagnostic> {
    let unknown = || {
        let message = format!("there is no commit `{}` here", revision.escape_debug());
        Diagnostic::user(message).help("`git log --oneline` shows those that there are, `git fetch` gets others")
    };
    // What begins with a hyphen would be an option of git.
    if revision.starts_with('-') {
        return Err(unknown());
    }
    match run(top, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")]) {
        Ok(id) => Ok(Some(id.trim().to_owned())),
        Err(_) if revision == "HEAD" => Ok(None),
        Err(_) => Err(unknown()),
    }
}

/// The files below a folder that git knows, and those that it does not know and does not ignore; relative, sorted.
/// `None` outside git.
pub(crate) fn files(folder: &Path) -> Option<Vec<String>> {
    listed(folder, &["--cached", "--others", "--exclude-standard"])
}

/// The files below a folder that are committed or about to be; relative, sorted. `None` outside git.
pub(crate) fn known_files(folder: &Path) -> Option<Vec<String>> {
    listed(folder, &["--cached"])
}

fn listed(folder: &Path, which: &[&str]) -> Option<Vec<String>> {
    let arguments = [&["ls-files", "-z"], which, &["--", "."]].concat();
    let text = run(folder, &arguments).ok()?;
    let mut files: Vec<String> = text.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    Some(files)
}

/// What git says in one line; `None` where it says nothing, or there is none.
pub(crate) fn say(folder: &Path, arguments: &[&str]) -> Option<String> {
    let text = run(folder, arguments).ok()?;
    Some(text.trim_end_matches('\n').to_owned()).filter(|text| !text.is_empty())
}

/// Why git did not do it.
pub(crate) enum Failure {
    /// There is no git.
    Missing,
    /// It could not be started.
    Start(io::Error),
    /// It said why.
    Said(String),
}

impl Failure {
    pub(crate) fn into_diagnostic(self, folder: &Path) -> Diagnostic {
        match self {
            Self::Missing => {
                let message = format!("`{}` lies in a git repository, and there is no `git` here", folder.display());
                Diagnostic::machine(message).help("install git, or put it on the PATH")
            }
            Self::Start(error) => Diagnostic::machine(format!("cannot run `git`: {error}")),
            Self::Said(words) => {
                let lines: Vec<String> = words.lines().map(str::to_owned).collect();
                let diagnostic = Diagnostic::machine(format!("git failed in `{}`", folder.display())).evidence(lines);
                diagnostic.help("git's own words say what to do; `git status` there is a start")
            }
        }
    }
}

/// Runs git and gives what it wrote. Hooks of the repository do not run.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    run_with(folder, arguments, &[])
}

fn run_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Result<String, Failure> {
    let mut git = command("git");
    git.arg("-c").arg("core.hooksPath=/dev/null").arg("-C").arg(folder).args(arguments);
    git.envs(surroundings::for_git()).envs(variables.iter().copied()).stdin(Stdio::null());
    let output = git.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::Missing,
        _ => Failure::Start(error),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::Said(String::from_utf8_lossy(&output.stderr).into_owned()))
}
