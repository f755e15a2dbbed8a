//! Telling others: the forge that has the repository, a webhook, a command of the user's.

use super::area::{Area, Place};
use super::check::limits;
use super::git::{FULL, words as shell};
use super::{http, secrets};
use crate::Node;
use crate::supervise::{complain, note};
use seaworthy_confine::{End, Limits};
use seaworthy_delivery::evidence::{Evidence, JobEvidence, PAUSES};
use seaworthy_delivery::watch::branch_behind;
use seaworthy_delivery::{forge, signature};
use seaworthy_diagnostics::{Diagnostic, Masked};
use seaworthy_model::Name;
use seaworthy_model::follow::{Follow, Notify};
use seaworthy_model::run::{Follower, Run, RunOutcome, RunSource};
use std::sync::Arc;
use std::time::Duration;

/// How long a command of the user's may take.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(60);
/// What it may write.
const OUTPUT_BYTES_MAX: u64 = 1024 * 1024;

/// Checks out the first of some commits that the mirror has, and runs a command there.
const TELL: &str = "set -eu\n\
cd \"$1\"\n\
git init --quiet --template= .\n\
mkdir -p .git/objects/info\n\
printf '%s/objects\\n' \"$2\" > .git/objects/info/alternates\n\
found=\n\
for commit in $3; do\n\
  if git cat-file -e \"$commit^{commit}\" 2>/dev/null; then found=$commit; break; fi\n\
done\n\
if [ -z \"$found\" ]; then echo \"none of its commits is here: $3\" >&2; exit 1; fi\n\
git checkout --quiet --force --detach \"$found\"\n\
cd \"$4\"\n\
shift 4\n\
exec \"$@\"\n";

/// After a run's end.
pub(super) fn ended(node: &Arc<Node>, run: &Run) {
    // Whoever sent a commit sees what becomes of it.
    if run.is_sent() {
        return;
    }
    forge(node, run);
    if !matches!(run.outcome, Some(RunOutcome::Failed | RunOutcome::Refused | RunOutcome::Returned)) {
        return;
    }
    let (node, run) = (Arc::clone(node), run.clone());
    tokio::spawn(async move { notify(&node, &run).await.iter().for_each(complain) });
}

/// After a run of a job that ended badly: whoever is told of what the environment follows is told of this, too.
pub(crate) fn job_failed(node: &Arc<Node>, id: u64) {
    let node = Arc::clone(node);
    tokio::spawn(async move {
        match notify_of_job(&node, id).await {
            Ok(errors) => errors.iter().for_each(complain),
            Err(error) => complain(&error),
        }
    });
}

async fn notify_of_job(node: &Arc<Node>, id: u64) -> Result<Vec<Diagnostic>, Diagnostic> {
    let Some(run) = node.store.job_run(id)? else { return Ok(Vec::new()) };
    let here = |one: &Follower| one.app == run.app && one.environment == run.environment;
    let Some(follower) = node.store.followers()?.into_iter().find(here) else { return Ok(Vec::new()) };
    let last_lines = node.job_last_lines(&run);
    let evidence = JobEvidence {
        format: 1,
        event: "seaworthy.job",
        app: &run.app,
        environments: [&run.environment],
        job: &run.job,
        run: id,
        outcome: run.outcome.as_deref().unwrap_or_default(),
        reason: run.reason.as_deref(),
        last_lines: &last_lines,
        at: run.ended_at.as_deref().unwrap_or(&run.started_at),
        text: format!("job {} in {}: {}", run.job, run.environment, run.reason.as_deref().unwrap_or("failed")),
    };
    let text = serde_json::to_string(&evidence).unwrap_or_default();
    let subject = Subject { name: format!("run {id} of the job `{}`", run.job), branch: None, commit: None };
    Ok(tell(node, &subject, &follower, text).await)
}

fn followers(node: &Node, run: &Run) -> Result<Vec<Follower>, Diagnostic> {
    let concerned = |one: &Follower| one.app == run.app && run.environments.contains(&one.environment);
    Ok(node.store.followers()?.into_iter().filter(concerned).collect())
}

/// What somebody is told of.
struct Subject<'a> {
    /// For messages: `run 5`.
    name: String,
    /// The branch that it is of; else the one that reaches the environment.
    branch: Option<&'a str>,
    /// The commit that it is of; else the one that serves.
    commit: Option<&'a str>,
}

/// Each way to tell somebody once, however many environments name it, and each whatever became of the others; what did
/// not work.
async fn notify(node: &Arc<Node>, run: &Run) -> Vec<Diagnostic> {
    let mut followers = match followers(node, run) {
        Ok(followers) => followers,
        Err(error) => return vec![error],
    };
    followers.retain(|one| one.notify != Notify::default());
    followers.retain(|one| run.outcome_in(&one.environment) != Some(RunOutcome::Deployed));
    let branch = match &run.source {
        RunSource::Branch { branch, .. } => Some(branch.as_str()),
        RunSource::Environment(_) | RunSource::Sent { .. } => None,
    };
    let subject = Subject { name: format!("run {}", run.id), branch, commit: Some(&run.commit) };
    let mut told: Vec<&Notify> = Vec::new();
    let mut errors = Vec::new();
    for follower in &followers {
        if told.contains(&&follower.notify) {
            continue;
        }
        told.push(&follower.notify);
        let same = followers.iter().filter(|other| other.notify == follower.notify);
        let environments: Vec<&Name> = same.map(|other| &other.environment).collect();
        let text = serde_json::to_string(&Evidence::new(run, environments)).unwrap_or_default();
        errors.extend(tell(node, &subject, follower, text).await);
    }
    errors
}

/// The webhook and the command of a follower; what did not work.
async fn tell(node: &Arc<Node>, subject: &Subject<'_>, follower: &Follower, text: String) -> Vec<Diagnostic> {
    let posting = async {
        match &follower.notify.webhook {
            Some(url) => post(node, subject, follower, url, &text).await,
            None => Ok(()),
        }
    };
    // A webhook that is tried again for a minute keeps no command waiting.
    let running = async {
        match follower.notify.command.as_slice() {
            [] => Ok(()),
            words => command(node, subject, follower, words, text.clone()).await,
        }
    };
    let (posted, ran) = tokio::join!(posting, running);
    [posted, ran].into_iter().filter_map(Result::err).collect()
}

async fn post(
    node: &Arc<Node>,
    subject: &Subject<'_>,
    follower: &Follower,
    url: &str,
    text: &str,
) -> Result<(), Diagnostic> {
    let secret = secrets::webhook(&node.options.home, &follower.app)?;
    let signature = Masked::new(signature::sign(&secret, text.as_bytes()));
    let mut why = String::new();
    for pause in [Duration::ZERO].into_iter().chain(PAUSES) {
        tokio::time::sleep(pause).await;
        let (url, text, signature) = (url.to_owned(), text.to_owned(), signature.clone());
        let call = move || http::post(&url, &[(signature::OWN_HEADER, signature)], text.as_bytes());
        match tokio::task::spawn_blocking(call).await {
            Ok(Ok(200..=299)) => return Ok(()),
            Ok(Ok(status)) => why = format!("it answers {status}"),
            Ok(Err(error)) => why = error,
            Err(error) => why = error.to_string(),
        }
    }
    Err(Diagnostic::machine(format!("the webhook of {} was not told: {why}", subject.name)))
}

/// In a checkout of its own, with the walls of a build.
async fn command(
    node: &Arc<Node>,
    subject: &Subject<'_>,
    follower: &Follower,
    words: &[String],
    text: String,
) -> Result<(), Diagnostic> {
    let app = &follower.app;
    let telling = node.delivery.telling(app);
    let _turn = telling.lock().await;
    let mut all = node.store.followers()?;
    all.retain(|one| one.app == *app);
    let branch = subject.branch.or_else(|| branch_behind(&all, &follower.environment)).unwrap_or_default();
    let area = Area::open(node, app, branch)?;
    area.clear(Place::Told)?;
    let mut job = area.job("notify", &[(Place::Mirror, false), (Place::Told, true), (Place::Home, true)])?;
    job.environment.insert("HOME".to_owned(), area.at(Place::Home));
    job.program = "/bin/sh".into();
    job.arguments = shell(TELL);
    let folder = follower.manifest.rsplit_once('/').map_or(".", |(folder, _)| folder);
    // A commit that could not be fetched has no command; what serves has one.
    let commits = [subject.commit.map(str::to_owned), serving(node, app, &follower.environment)?];
    let commits = commits.into_iter().flatten().collect::<Vec<_>>().join(" ");
    job.arguments.extend([area.at(Place::Told), area.at(Place::Mirror), commits, folder.to_owned()]);
    job.arguments.extend(words.iter().cloned());
    job.input = Some(text);
    let limits =
        Limits { time: COMMAND_TIME_MAX, output_bytes: OUTPUT_BYTES_MAX, stdout_bytes: 1 << 20, ..limits(node, &area) };
    let finished = seaworthy_confine::run(node.delivery.walls(), &job, &limits, None, std::future::pending()).await;
    area.remove(Place::Told)?;
    let finished = finished.map_err(|error| Diagnostic::machine(error.to_string()))?;
    if finished.end == End::DiskFilled {
        // What it left there would keep every commit from being built, and the disk full.
        area.clear(Place::Home)?;
    }
    let why = match finished.end {
        End::Code(0) => return Ok(()),
        End::Code(code) => format!("exit code {code}"),
        End::TooLong => format!("it took longer than {} s", COMMAND_TIME_MAX.as_secs()),
        End::DiskFull | End::DiskFilled => FULL.to_owned(),
        end => format!("{end:?}"),
    };
    let message = format!("the command that is told of {} did not work: {why}", subject.name);
    Err(Diagnostic::user(message).evidence(finished.last_lines))
}

/// The commit of what an environment runs.
fn serving(node: &Node, app: &Name, environment: &Name) -> Result<Option<String>, Diagnostic> {
    let Some(number) = node.store.environment(app, environment)?.and_then(|place| place.running) else {
        return Ok(None);
    };
    Ok(node.store.revision(app, environment, number)?.and_then(|revision| revision.provenance.commit))
}

/// Sets the commit's status where its repository is; what does not work stops nothing.
pub(super) fn forge(node: &Arc<Node>, run: &Run) {
    let (node, run) = (Arc::clone(node), run.clone());
    tokio::spawn(async move {
        let setting = node.delivery.setting(&run.app);
        let _turn = setting.lock().await;
        if let Err(why) = set_status(&node, &run).await {
            note(&format!("the status of {} was not set: {why}", run.short()));
        }
    });
}

async fn set_status(node: &Arc<Node>, run: &Run) -> Result<(), String> {
    let mut why = String::new();
    for pause in [Duration::ZERO].into_iter().chain(PAUSES) {
        tokio::time::sleep(pause).await;
        // As the run stands now: of two calls the later one never says what was true before.
        let now = node.store.run(run.id).map_err(|error| error.to_string())?;
        let Some(call) = call(node, now.as_ref().unwrap_or(run)).map_err(|error| error.message)? else {
            return Ok(());
        };
        let body = serde_json::to_vec(&call.body).unwrap_or_default();
        match tokio::task::spawn_blocking(move || http::post(&call.url, &[call.header], &body)).await {
            Ok(Ok(200..=299)) => return Ok(()),
            // Refused for good: the token is wrong, or the commit is not there.
            Ok(Ok(status @ 400..=499)) => return Err(format!("it answers {status}")),
            Ok(Ok(status)) => why = format!("it answers {status}"),
            Ok(Err(error)) => why = error,
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

fn call(node: &Node, run: &Run) -> Result<Option<forge::Call>, Diagnostic> {
    let RunSource::Branch { .. } = &run.source else { return Ok(None) };
    let followers = followers(node, run)?;
    let named = followers.iter().find(|one| one.forge.is_some() && matches!(one.follows, Follow::Branch(_)));
    let Some((forge, repository)) = named.and_then(|one| Some((one.forge?, one.repository.as_ref()?))) else {
        return Ok(None);
    };
    let Some(login) = secrets::read(&node.options.home, &run.app)?.login else {
        note(&format!("the status of {} is not set: there is no token of `{}`", run.short(), run.app));
        return Ok(None);
    };
    Ok(forge::status(forge, repository, &login, run))
}
