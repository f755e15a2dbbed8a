//! Commits that were sent: from a git bundle into the app's mirror. What is in it was written by whoever sent it; git
//! looks at it in walls, as the app's build user, and believes no object of it unseen.

use super::area::{Area, Place};
use super::git::{FETCH_TIME_MAX, FULL, LOOK_TIME_MAX, MIRROR_BYTES_MAX, READY, apart, disk, limits, said, words};
use crate::Node;
use crate::failure::machine;
use seaworthy_confine::{Bind, End, Limits};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use std::path::Path;

/// What stands for a branch where nothing is built; no branch has such a name.
pub(super) const ASKING: &str = "asking:";

/// How many commits are told to whoever wants to send one.
const COMMITS_MAX: usize = 200;

/// Looks at every object; forgives what old tools wrote into the histories of real projects, as the large forges do.
const FSCK: &str = "[fetch]\n\tfsckObjects = true\n[fetch \"fsck\"]\n\tbadTimezone = ignore\n\
\tmissingSpaceBeforeDate = ignore\n\tzeroPaddedFilemode = ignore\n";

/// What the script below says by its exit code.
const NO_BUNDLE: i32 = 3;
const NO_COMMIT: i32 = 4;

/// Mirror, reference, commit, and the bundle, if there is one.
const RECEIVE: &str = "if [ -n \"$4\" ]; then\n\
  git --git-dir=\"$1\" bundle verify \"$4\" >/dev/null || exit 3\n\
  git --git-dir=\"$1\" fetch --quiet --no-tags --no-write-fetch-head --no-recurse-submodules --force -- \
\"$4\" \"+HEAD:$2\" || exit 3\n\
else\n\
  git --git-dir=\"$1\" update-ref \"$2\" \"$3\" || exit 4\n\
fi\n\
[ \"$(git --git-dir=\"$1\" rev-parse --verify --quiet \"$2^{commit}\")\" = \"$3\" ] && exit 0\n\
git --git-dir=\"$1\" update-ref -d \"$2\"\nexit 4\n";

const KNOWN: &str = "git --git-dir=\"$1\" rev-parse --git-dir >/dev/null 2>&1 || exit 0\n\
exec git --git-dir=\"$1\" for-each-ref \"--count=$2\" --sort=-committerdate '--format=%(objectname)' \
refs/heads refs/sent\n";

/// A commit that was sent.
pub(super) struct Sent<'a> {
    pub(super) environment: &'a Name,
    pub(super) commit: &'a str,
    /// What came along.
    pub(super) bundle: Option<&'a Path>,
}

/// Where the mirror has the last commit that was sent for an environment.
pub(super) fn reference(environment: &Name) -> String {
    format!("refs/sent/{environment}")
}

/// Brings a commit into the app's mirror, if it is what it says.
pub(super) async fn receive(
    node: &Node,
    area: &Area,
    sent: &Sent<'_>,
    cancelled: impl Future<Output = ()>,
) -> Result<(), Diagnostic> {
    let mut job = apart(area, "receive", &[(Place::Mirror, true)], "file")?;
    if let Some(settings) = job.files.first_mut() {
        settings.text = seaworthy_diagnostics::Masked::new(format!("{}{FSCK}", settings.text.reveal()));
    }
    let at = match sent.bundle {
        Some(bundle) => {
            let at = area.inside(Place::Private).with_file_name("sent.bundle");
            let at = if job.walls { at } else { bundle.to_owned() };
            job.binds.push(Bind { from: bundle.to_owned(), at: at.clone(), writable: false });
            at.display().to_string()
        }
        None => String::new(),
    };
    job.arguments = words(&format!("{READY}{RECEIVE}"));
    job.arguments.extend([area.at(Place::Mirror), reference(sent.environment), sent.commit.to_owned(), at]);
    let limits = Limits { disk: Some(disk(area)), ..limits(FETCH_TIME_MAX) };
    let finished = seaworthy_confine::run(node.delivery.walls(), &job, &limits, None, cancelled).await;
    let finished = finished.map_err(|error| machine(&error))?;
    if finished.end != End::Code(0) {
        area.remove_unfinished();
    }
    let short = sent.commit.get(..10).unwrap_or(sent.commit);
    let why = || {
        let lines = &finished.last_lines;
        let first = lines.iter().find(|line| line.starts_with("error: ")).map(|line| line.trim_end_matches(':'));
        first.map(|line| line["error: ".len()..].to_owned()).or_else(|| said(lines)).unwrap_or_default()
    };
    let error = match finished.end {
        End::Code(0) => return Ok(()),
        End::Code(NO_BUNDLE) => {
            let error = Diagnostic::user(format!("what was sent for {short} is not taken in: {}", why()));
            error.help("`git fsck` says whether the repository is whole; then deploy again")
        }
        End::Code(NO_COMMIT) => {
            let error = Diagnostic::user(format!("what was sent does not hold the commit {short}"));
            error.help("did HEAD change meanwhile? deploy again")
        }
        End::TooLong => Diagnostic::user(format!("taking {short} in took longer than {FETCH_TIME_MAX:?}")),
        End::TooLarge => {
            let error = Diagnostic::user(format!("what was sent is larger than {} GiB", MIRROR_BYTES_MAX >> 30));
            error.help("large files are better kept outside git")
        }
        End::OutOfMemory(_) => Diagnostic::user("taking in what was sent needs more memory than git may have"),
        End::DiskFull | End::DiskFilled => Diagnostic::machine(FULL).later(),
        End::Cancelled => Diagnostic::machine("it was stopped"),
        end => Diagnostic::machine(format!("what was sent cannot be taken in: {end:?}: {}", why())).later(),
    };
    Err(error.evidence(finished.last_lines))
}

/// The newest commits that the app's mirror has, each with all of its history.
pub(super) async fn known(node: &Node, app: &Name) -> Result<Vec<String>, Diagnostic> {
    // One at a time: a job of the same name would end the other.
    let _turn = node.delivery.asking.lock().await;
    if !node.options.home.join("delivery").join(app.as_str()).is_dir() {
        return Ok(Vec::new());
    }
    let area = Area::open(node, app, ASKING)?;
    let mut job = apart(&area, "known", &[(Place::Mirror, false)], "file")?;
    job.arguments = words(KNOWN);
    job.arguments.extend([area.at(Place::Mirror), COMMITS_MAX.to_string()]);
    let never = std::future::pending();
    let finished = seaworthy_confine::run(node.delivery.walls(), &job, &limits(LOOK_TIME_MAX), None, never).await;
    let finished = finished.map_err(|error| machine(&error))?;
    if finished.end != End::Code(0) {
        let why = said(&finished.last_lines).unwrap_or_else(|| format!("{:?}", finished.end));
        return Err(Diagnostic::machine(format!("git cannot say which commits of `{app}` are here: {why}")).later());
    }
    Ok(String::from_utf8_lossy(&finished.stdout).lines().map(str::to_owned).collect())
}
