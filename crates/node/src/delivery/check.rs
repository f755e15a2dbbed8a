//! Checking a commit: the very command that a laptop and CI run, as the app's build user.

use super::area::{self, Area, FREE_BYTES_MIN, Place};
use super::git::{Git, words};
use super::{import, receive};
use crate::Node;
use crate::failure::machine;
use seaworthy_confine::{Disk, End, Finished, Job, Limits, Log};
use seaworthy_delivery::answer::{self, Answer, VERDICT_BYTES_MAX};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::{clock, files};
use seaworthy_model::Name;
use seaworthy_model::follow::Repository;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::run::{Run, RunOutcome};
use seaworthy_model::units::round_size;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a check may take: each of its steps has a limit of its own.
const TIME_MAX: Duration = Duration::from_secs(2 * 3600);
/// What it may write: the steps' outputs are limited by the check itself.
const OUTPUT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The most that builds of one branch may leave, in bytes.
const BRANCH_BYTES_MAX: u64 = 32 * 1024 * 1024 * 1024;
/// The share of the machine's memory that builds may have: the rest is the services'.
const MEMORY_SHARE: u64 = 2;
/// How many logs of an app's checks are kept.
const LOGS_MAX: usize = 50;

/// From the mirror to a checkout, and from there to a verdict.
const CHECK: &str = "set -eu\n\
cd \"$1\"\n\
git rev-parse --git-dir >/dev/null 2>&1 || git init --quiet --template= .\n\
git fetch --quiet --no-tags --force \"file://$2\" \"+$3:refs/seaworthy/commit\"\n\
git checkout --quiet --force --detach \"$4\"\n\
git clean --quiet -ffd\n\
exec \"$5\" check \"$4\" --json --bundle \"$6\" --file \"$7\"\n";

/// Tells when somebody wants a run to end, and as what.
pub(super) type Cancelled = watch::Receiver<Option<RunOutcome>>;

/// Why there is no release.
pub(super) enum Stopped {
    /// A newer commit came, nobody follows any more, or somebody stopped it.
    Superseded,
    /// The commit did not pass: what its check said.
    Failed(Diagnostic),
    /// It could not be found out; the diagnostic says whether trying again may help.
    Unknown(Diagnostic),
}

impl From<Diagnostic> for Stopped {
    fn from(error: Diagnostic) -> Self {
        Self::Unknown(error)
    }
}

/// What a check is of.
pub(super) struct Subject<'a> {
    pub(super) run: &'a Run,
    pub(super) from: Origin<'a>,
    /// The manifest's path in the repository.
    pub(super) manifest: &'a str,
}

/// Where its commit comes from.
pub(super) enum Origin<'a> {
    /// A branch that is followed.
    Branch { repository: &'a Repository, branch: &'a str },
    /// A person, who deploys it to this environment; with the file that came along, if any.
    Person { environment: &'a Name, bundle: Option<PathBuf> },
}

impl Origin<'_> {
    /// Which folder builds of it have.
    pub(super) fn folder(&self) -> String {
        match self {
            Self::Branch { branch, .. } => (*branch).to_owned(),
            Self::Person { environment, .. } => area::of_sent(environment),
        }
    }

    /// Where it is in the mirror.
    fn reference(&self) -> String {
        match self {
            Self::Branch { branch, .. } => format!("refs/heads/{branch}"),
            Self::Person { environment, .. } => receive::reference(environment),
        }
    }
}

/// Fetches, checks and builds; the release and everything that it needs is in the node's store then.
pub(super) async fn check(
    node: &Arc<Node>,
    subject: &Subject<'_>,
    cancelled: &Cancelled,
) -> Result<ReleaseBundle, Stopped> {
    let area = Area::open(node, &subject.run.app, &subject.from.folder())?;
    let mut log = Log::open(&log_file(node, subject.run)?).map_err(|error| machine(&error))?;
    log.note(&format!("{} ({}) at {}", subject.run.commit, subject.run.source, clock::rfc3339(clock::now())));
    let fetched = match &subject.from {
        Origin::Branch { repository, branch } => {
            Git::new(node, &subject.run.app, repository).fetch(&area, branch, asked(cancelled)).await
        }
        Origin::Person { environment, bundle } => {
            let sent = receive::Sent { environment, commit: &subject.run.commit, bundle: bundle.as_deref() };
            receive::receive(node, &area, &sent, asked(cancelled)).await
        }
    };
    if cancelled.borrow().is_some() {
        return Err(Stopped::Superseded);
    }
    if let Err(error) = fetched {
        log.note(&error.message);
        return Err(error.into());
    }
    area.clear(Place::Out)?;
    area.clear(Place::Temporary)?;
    let _turn = node.delivery.turns.take(&subject.run.app, &mut log, cancelled).await?;
    let job = job(node, &area, subject)?;
    let room_bytes = files::free_bytes(area.branch()).map_err(Diagnostic::from)?.saturating_sub(FREE_BYTES_MIN);
    let finished =
        seaworthy_confine::run(node.delivery.walls(), &job, &limits(node, &area), Some(&mut log), asked(cancelled))
            .await;
    let finished = finished.map_err(|error| machine(&error))?;
    area.clear(Place::Temporary)?;
    log.note(&format!("ended: {:?} at {}", finished.end, clock::rfc3339(clock::now())));
    if matches!(finished.end, End::TooLarge | End::DiskFilled) {
        // Else every commit that comes would find it too large, and what serves a full disk.
        [Place::Source, Place::Home, Place::Out].into_iter().try_for_each(|place| area.clear(place))?;
    }
    passed(&area, &finished, room_bytes)?;
    let (out, home, node) = (area.outside(Place::Out), area.outside(Place::Home), Arc::clone(node));
    let wanted = import::Wanted {
        app: subject.run.app.clone(),
        commit: subject.run.commit.clone(),
        manifest: subject.manifest.to_owned(),
    };
    let importing = tokio::task::spawn_blocking(move || import::import(&node, &out, &home, &wanted));
    Ok(importing.await.map_err(|error| machine(&error))??)
}

fn job(node: &Node, area: &Area, subject: &Subject<'_>) -> Result<Job, Diagnostic> {
    let walls = node.delivery.walls();
    let places = [
        (Place::Mirror, false),
        (Place::Source, true),
        (Place::Home, true),
        (Place::Out, true),
        (Place::Temporary, true),
    ];
    let mut job = area.job("check", &places)?;
    job.binds.extend(area.programs());
    job.program = "/bin/sh".into();
    job.arguments = words(CHECK);
    let path = |path: PathBuf| path.display().to_string();
    job.arguments.extend([
        area.at(Place::Source),
        area.at(Place::Mirror),
        subject.from.reference(),
        subject.run.commit.clone(),
        path(area.program()),
        path(area.inside(Place::Out).join(import::BUNDLE)),
        subject.manifest.to_owned(),
    ]);
    let home = area.at(Place::Home);
    for (name, value) in [
        ("HOME", home.clone()),
        ("SEAWORTHY_HOME", format!("{home}/seaworthy")),
        ("XDG_CACHE_HOME", format!("{home}/.cache")),
        ("CI", "true".to_owned()),
        ("SEAWORTHY_CONFINED", if walls.memory && walls.processes { "limited" } else { "1" }.to_owned()),
    ] {
        job.environment.insert(name.to_owned(), value);
    }
    Ok(job)
}

/// Where a run's check is written down; the oldest of the app's go.
fn log_file(node: &Node, run: &Run) -> Result<PathBuf, Diagnostic> {
    let path = log_path(node, run);
    let folder = path.parent().unwrap_or(Path::new("/"));
    files::create_directory(folder, 0o700)?;
    let mut logs: Vec<(u64, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.path().file_stem()?.to_str()?.parse().ok()?, entry.path())))
        .collect();
    logs.sort();
    let too_many = (logs.len() + 1).saturating_sub(LOGS_MAX);
    for (_, old) in logs.into_iter().take(too_many) {
        files::remove_tree(&old)?;
    }
    Ok(path)
}

/// The same without making anything.
pub(super) fn log_path(node: &Node, run: &Run) -> PathBuf {
    node.options.home.join("delivery").join(run.app.as_str()).join("runs").join(format!("{}.log", run.id))
}

/// Ends when somebody has asked for it.
pub(super) async fn asked(cancelled: &Cancelled) {
    if cancelled.clone().wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}

pub(super) fn limits(node: &Node, area: &Area) -> Limits {
    Limits {
        time: TIME_MAX,
        memory_bytes: node
            .options
            .build_memory_bytes
            .or_else(|| Some(seaworthy_host::machine::memory_bytes()? / MEMORY_SHARE)),
        output_bytes: OUTPUT_BYTES_MAX,
        stdout_bytes: VERDICT_BYTES_MAX,
        disk: Some(Disk {
            folder: area.branch().to_owned(),
            bytes_max: BRANCH_BYTES_MAX,
            free_bytes_min: FREE_BYTES_MIN,
        }),
    }
}

/// `room_bytes` is what the disk had left for it when it began.
fn passed(area: &Area, finished: &Finished, room_bytes: u64) -> Result<(), Stopped> {
    let failed = |message: String, help: &str| {
        Stopped::Failed(Diagnostic::user(message).evidence(finished.last_lines.clone()).help(help))
    };
    let greedy =
        |what: &str, help: &str| Stopped::Failed(answer::greedy(&finished.stdout, &finished.last_lines, what, help));
    Err(match &finished.end {
        End::Code(0) => return Ok(()),
        End::Code(code) => match answer::answer(Some(*code), &finished.stdout, &finished.last_lines) {
            Answer::Failed(error) => Stopped::Failed(error),
            Answer::Unknown(error) => Stopped::Unknown(error),
        },
        End::OutOfMemory(bytes) => greedy(
            &format!("needs more than the {} of memory that builds may have", round_size(*bytes)),
            "`SEAWORTHY_BUILD_MEMORY` of the node says how much builds may have; half of the machine's otherwise",
        ),
        End::TooManyProcesses(most) => greedy(
            &format!("wants more than {most} processes and threads at a time"),
            "does it start itself again and again? fewer at a time, or one after the other",
        ),
        End::TooLong => greedy(
            &format!("was not done when the check had taken {} hours", TIME_MAX.as_secs() / 3600),
            "its log says how far it came",
        ),
        End::TooMuchOutput => greedy("writes too much", "let tests and builds say less"),
        End::TooLarge => failed(
            format!("builds of the branch leave more than {}", round_size(BRANCH_BYTES_MAX)),
            "checkout, caches and what is built count together; all of it was removed, the next commit begins anew",
        ),
        // What it wrote is gone. If that did not help, it was somebody else who filled the disk.
        End::DiskFilled if !Area::is_short(area.branch(), 0) => greedy(
            &format!("needs more than the {} of disk that builds may have", round_size(room_bytes)),
            &format!(
                "the last {} stay free for what serves; what builds of the branch had left was removed, the next commit \
                 begins anew",
                round_size(FREE_BYTES_MIN)
            ),
        ),
        End::DiskFull | End::DiskFilled => Stopped::Unknown(full(area.branch())),
        End::Cancelled => Stopped::Superseded,
        End::NotConfined => {
            let why = finished.last_lines.last().cloned().unwrap_or_default();
            Stopped::Unknown(Diagnostic::machine(format!("the check cannot be kept apart: {why}")).later())
        }
    })
}

/// Why nothing is built, or taken in.
pub(super) fn full(folder: &Path) -> Diagnostic {
    let (free, folder) = (round_size(FREE_BYTES_MIN), folder.display());
    let message = format!("nothing is built while the disk of `{folder}` has less than {free} free");
    let help = "what serves needs it: `seaworthy doctor` and `df -h` say how much there is";
    Diagnostic::machine(message).help(help).later()
}
