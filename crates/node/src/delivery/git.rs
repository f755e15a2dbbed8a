//! The git program, as the app's build user, with the app's credentials and nothing of what builds leave behind.

use super::area::{Area, FREE_BYTES_MIN, Place};
use super::secrets::{self, Credentials};
use crate::Node;
use crate::failure::machine;
use seaworthy_confine::{Bind, Disk, End, Finished, Job, Limits};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::follow::{Reached, Repository};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How long looking at branches may take.
pub(super) const LOOK_TIME_MAX: Duration = Duration::from_secs(60);
/// How long fetching may take.
pub(super) const FETCH_TIME_MAX: Duration = Duration::from_secs(1800);
/// The largest mirror, in bytes.
pub(super) const MIRROR_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// Why nothing is fetched then.
pub(super) const FULL: &str = "the node's disk is nearly full";
/// What git may write.
const OUTPUT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Memory of git, in bytes: packs of large repositories are large.
const MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// What git is told, whatever the machine's files say: no hooks, no other way than the one that is asked for, no
/// redirection to where the token does not belong.
const CONFIGURATION: &str = "[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n\
[protocol]\n\tallow = never\n[http]\n\tfollowRedirects = false\n\tlowSpeedLimit = 100\n\tlowSpeedTime = 30\n\
[fetch]\n\trecurseSubmodules = false\n[gc]\n\tautoDetach = false\n[advice]\n\tdetachedHead = false\n";

/// Answers git's questions from files. What it asks for names the address: only the repository's own server is told.
const ASK: &str = "#!/bin/sh\ncase \"$1\" in\n*\"$SEAWORTHY_ASKED\"*) ;;\n*) exit 1 ;;\nesac\n\
case \"$1\" in\nUsername*) cat \"$SEAWORTHY_PRIVATE/user\" ;;\n*) cat \"$SEAWORTHY_PRIVATE/token\" ;;\nesac\n";

const LOOK: &str = "set -eu\nurl=$1\nshift\nexec git ls-remote -- \"$url\" \"$@\"\n";

/// Sees to it that the mirror is one, whatever was killed before.
pub(super) const READY: &str = "set -eu\n\
if ! git --git-dir=\"$1\" rev-parse --git-dir >/dev/null 2>&1; then\n\
  find \"$1\" -mindepth 1 -delete\n  git init --quiet --bare --template= \"$1\"\nfi\n\
find \"$1\" -name '*.lock' -delete\n";

const FETCH: &str = "exec git --git-dir=\"$1\" fetch --quiet --no-tags --no-write-fetch-head --no-recurse-submodules --force -- \
\"$2\" \"+refs/heads/$3:refs/heads/$3\"\n";

/// The repository of an app.
pub(super) struct Git<'a> {
    node: &'a Node,
    app: &'a Name,
    repository: &'a Repository,
}

impl<'a> Git<'a> {
    /// Of this app.
    pub(super) fn new(node: &'a Node, app: &'a Name, repository: &'a Repository) -> Self {
        Self { node, app, repository }
    }

    /// The newest commits of branches; those that are not there are missing.
    pub(super) async fn heads(&self, branches: &[String]) -> Result<BTreeMap<String, String>, Diagnostic> {
        let area = Area::open(self.node, self.app, "")?;
        let mut job = self.job(&area, "look", &[])?;
        job.arguments = words(LOOK);
        job.arguments.push(self.repository.to_string());
        job.arguments.extend(branches.iter().map(|branch| format!("refs/heads/{branch}")));
        let finished = self.run(&job, &limits(LOOK_TIME_MAX), std::future::pending()).await?;
        let text = String::from_utf8_lossy(&finished.stdout).into_owned();
        let head = |line: &str| {
            let (commit, reference) = line.split_once('\t')?;
            let is_commit = matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_commit.then(|| Some((reference.strip_prefix("refs/heads/")?.to_owned(), commit.to_owned())))?
        };
        Ok(text.lines().filter_map(head).collect())
    }

    /// Brings a branch into the app's mirror.
    pub(super) async fn fetch(
        &self,
        area: &Area,
        branch: &str,
        cancelled: impl Future<Output = ()>,
    ) -> Result<(), Diagnostic> {
        let mut job = self.job(area, "fetch", &[(Place::Mirror, true)])?;
        job.arguments = words(&format!("{READY}{FETCH}"));
        job.arguments.extend([area.at(Place::Mirror), self.repository.to_string(), branch.to_owned()]);
        let limits = Limits { disk: Some(disk(area)), ..limits(FETCH_TIME_MAX) };
        let fetched = self.run(&job, &limits, cancelled).await.map(drop);
        if fetched.is_err() {
            area.remove_unfinished();
        }
        fetched
    }

    fn job(&self, area: &Area, what: &str, places: &[(Place, bool)]) -> Result<Job, Diagnostic> {
        let credentials = secrets::read(&self.node.options.home, self.app)?;
        let protocol = match self.repository.reached() {
            Reached::Http if self.repository.as_str().starts_with("http://") => "http",
            Reached::Http => "https",
            Reached::Ssh => "ssh",
            Reached::Folder => "file",
        };
        let mut job = apart(area, what, places, protocol)?;
        self.authenticate(&mut job, area, credentials);
        if let Some(folder) = self.repository.folder().map(PathBuf::from) {
            job.binds.push(Bind { from: folder.clone(), at: folder, writable: false });
        }
        Ok(job)
    }

    /// Secrets go into files that this one job sees, never into arguments or what is kept.
    fn authenticate(&self, job: &mut Job, area: &Area, credentials: Credentials) {
        let private = area.at(Place::Private);
        match (self.repository.reached(), self.repository.origin()) {
            (Reached::Http, Some(origin)) => {
                let Some(login) = credentials.login else { return };
                job.files.push(area.private("user", login.user.as_str(), 0o400));
                job.files.push(area.private("token", login.token.reveal().as_str(), 0o400));
                job.files.push(area.private("ask", ASK, 0o500));
                job.environment.insert("GIT_ASKPASS".to_owned(), format!("{private}/ask"));
                job.environment.insert("SEAWORTHY_PRIVATE".to_owned(), private);
                let (scheme, host) = origin.split_once("://").unwrap_or(("https", origin));
                // git asks `Username for 'https://host': ` and `Password for 'https://user@host': `.
                let _ = scheme;
                job.environment.insert("SEAWORTHY_ASKED".to_owned(), format!("{host}'"));
            }
            (Reached::Ssh, _) => {
                let mut ssh = "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes".to_owned();
                if let Some(key) = credentials.key {
                    let text = format!("{}\n", key.reveal().trim_end());
                    job.files.push(area.private("key", text, 0o400));
                    ssh += &format!(" -o IdentitiesOnly=yes -i '{private}/key'");
                }
                if let Some(hosts) = credentials.known_hosts {
                    job.files.push(area.private("known_hosts", hosts.reveal().as_str(), 0o400));
                    ssh += &format!(" -o UserKnownHostsFile='{private}/known_hosts'");
                }
                job.environment.insert("GIT_SSH_COMMAND".to_owned(), ssh);
            }
            _ => {}
        }
    }

    async fn run(
        &self,
        job: &Job,
        limits: &Limits,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Finished, Diagnostic> {
        let finished = seaworthy_confine::run(self.node.delivery.walls(), job, limits, None, cancelled)
            .await
            .map_err(|error| machine(&error))?;
        let repository = self.repository;
        let why = match finished.end {
            End::Code(0) => return Ok(finished),
            End::Code(127) => "there is no `git` for it".to_owned(),
            End::Code(code) => self.said(&finished.last_lines).unwrap_or_else(|| format!("git ended with {code}")),
            End::TooLong => format!("it took longer than {} s", limits.time.as_secs()),
            End::TooLarge => format!("it is larger than {} GiB", MIRROR_BYTES_MAX >> 30),
            End::TooMuchOutput => "git says too much".to_owned(),
            End::DiskFull | End::DiskFilled => FULL.to_owned(),
            End::TooManyProcesses(_) => "git wants to be too many processes".to_owned(),
            End::OutOfMemory(_) => "git needs more memory than it may have".to_owned(),
            End::Cancelled => "it was stopped".to_owned(),
            End::NotConfined => said(&finished.last_lines).unwrap_or_default(),
        };
        let error = Diagnostic::machine(format!("cannot reach `{repository}`: {why}")).evidence(finished.last_lines);
        Err(error.help(self.help(job)).later())
    }

    /// Why it did not work: git's words, or ssh's last ones before git's that it did not.
    fn said(&self, lines: &[String]) -> Option<String> {
        let by_git = lines.iter().position(|line| line.starts_with("fatal: "));
        let before = by_git.and_then(|at| lines[..at].iter().rfind(|line| !line.trim().is_empty()));
        match before {
            Some(line) if self.repository.reached() == Reached::Ssh => Some(line.trim_end_matches('.').to_owned()),
            _ => said(lines),
        }
    }

    fn help(&self, job: &Job) -> String {
        let folder = self.node.options.home.join("credentials");
        let file = |kind: &str| format!("`{}`", folder.join(format!("{}.{kind}", self.app)).display());
        let has = |name: &str| job.files.iter().any(|file| file.at.ends_with(name));
        match self.repository.reached() {
            Reached::Http => format!("a token goes into {}, mode 600", file("token")),
            Reached::Ssh => match (has("known_hosts"), has("key")) {
                (false, _) => format!(
                    "what `ssh-keyscan HOST` prints goes into {}, mode 600, once you have compared it with what the \
                     server's owner says",
                    file("known_hosts")
                ),
                (true, false) => format!("a private key that the server lets in goes into {}, mode 600", file("key")),
                (true, true) => format!(
                    "does {} have the server's keys, and does the server let {} in?",
                    file("known_hosts"),
                    file("key")
                ),
            },
            Reached::Folder => match job.user {
                Some(user) => format!("the user {user} must be able to read it"),
                None => "it must be there, and readable".to_owned(),
            },
        }
    }
}

/// A job that runs git with nothing of the machine's settings, and reaches others by this protocol alone.
pub(super) fn apart(area: &Area, what: &str, places: &[(Place, bool)], protocol: &str) -> Result<Job, Diagnostic> {
    let mut job = area.job(what, places)?;
    let allowed = format!("{CONFIGURATION}[protocol \"{protocol}\"]\n\tallow = always\n");
    job.files.push(area.private("gitconfig", allowed, 0o400));
    let private = area.at(Place::Private);
    let mut tell = |name: &str, value: String| job.environment.insert(name.to_owned(), value);
    tell("HOME", private.clone());
    tell("GIT_CONFIG_NOSYSTEM", "1".to_owned());
    tell("GIT_CONFIG_GLOBAL", format!("{private}/gitconfig"));
    tell("GIT_TERMINAL_PROMPT", "0".to_owned());
    tell("GIT_ASKPASS", "/bin/false".to_owned());
    job.program = "/bin/sh".into();
    Ok(job)
}

/// git's own reason: the line that begins as its reasons do, else the last one.
pub(super) fn said(lines: &[String]) -> Option<String> {
    let reason = lines.iter().find(|line| line.starts_with("fatal: ") || line.starts_with("remote: "));
    reason.or(lines.last()).map(|line| line.trim_start_matches("fatal: ").to_owned())
}

/// A shell with a script; further words are its arguments.
pub(super) fn words(script: &str) -> Vec<String> {
    ["-c", script, "sh"].map(str::to_owned).to_vec()
}

pub(super) fn limits(time: Duration) -> Limits {
    Limits {
        time,
        memory_bytes: Some(MEMORY_BYTES),
        output_bytes: OUTPUT_BYTES_MAX,
        stdout_bytes: OUTPUT_BYTES_MAX as usize,
        disk: None,
    }
}

/// What the mirror may take.
pub(super) fn disk(area: &Area) -> Disk {
    Disk { folder: area.outside(Place::Mirror), bytes_max: MIRROR_BYTES_MAX, free_bytes_min: FREE_BYTES_MIN }
}
