//! Telling others: the forge that has the repository, a webhook, a command of the user's.

use super::area::{Area, Place};
use super::check::limits;
use super::{http, secrets};
use crate::Node;
use crate::supervise::{complain, note};
use seaworthy_confine::{End, Limits};
use seaworthy_delivery::evidence::{Evidence, JobEvidence, PAUSES};
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

/// After a run's end.
pub(super) fn ended(node: &Arc<Node>, run: &Run) {
    forge(node, run);
    if !matches!(run.outcome, Some(RunOutcome::Failed | RunOutcome::Refused | RunOutcome::Returned)) {
        return;
    }
    let (node, run) = (Arc::clone(node), run.clone());
    tokio::spawn(async move {
        if let Err(error) = notify(&node, &run).await {
            complain(&error);
        }
    });
}

/// After a run of a job that ended badly: whoever is told of what the environment follows is told of this, too.
pub(crate) fn job_failed(node: &Arc<Node>, id: u64) {
    let node = Arc::clone(node);
    tokio::spawn(async move {
        if let Err(error) = notify_of_job(&node, id).await {
            complain(&error);
        }
    });
}

async fn notify_of_job(node: &Arc<Node>, id: u64) -> Result<(), Diagnostic> {
    let Some(run) = node.store.job_run(id)? else { return Ok(()) };
    let here = |one: &Follower| one.app == run.app && one.environment == run.environment;
    let Some(follower) = node.store.followers()?.into_iter().find(here) else { return Ok(()) };
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
    let branch = match &follower.follows {
        Follow::Branch(branch) => Some(branch.as_str()),
        Follow::Environment { .. } => None,
    };
    let subject = Subject {
        app: &run.app,
        name: format!("run {id} of the job `{}`", run.job),
        branch,
        manifest: Some(&follower.manifest),
    };
    tell(node, &subject, &follower.notify, text).await
}

fn followers(node: &Node, run: &Run) -> Result<Vec<Follower>, Diagnostic> {
    let concerned = |one: &Follower| one.app == run.app && run.environments.contains(&one.environment);
    Ok(node.store.followers()?.into_iter().filter(concerned).collect())
}

/// What somebody is told of.
struct Subject<'a> {
    app: &'a Name,
    /// For messages: `run 5`.
    name: String,
    /// The branch in whose checkout a command runs, if there is one.
    branch: Option<&'a str>,
    /// The manifest's path in it.
    manifest: Option<&'a str>,
}

/// Each way to tell somebody once, however many environments name it.
async fn notify(node: &Arc<Node>, run: &Run) -> Result<(), Diagnostic> {
    let followers = followers(node, run)?;
    let branch = match &run.source {
        RunSource::Branch { branch, .. } => Some(branch.as_str()),
        RunSource::Environment { .. } => None,
    };
    let manifest = followers.first().map(|one| one.manifest.as_str());
    let subject = Subject { app: &run.app, name: format!("run {}", run.id), branch, manifest };
    let mut told: Vec<&Notify> = Vec::new();
    for follower in &followers {
        if told.contains(&&follower.notify) {
            continue;
        }
        told.push(&follower.notify);
        let same = followers.iter().filter(|other| other.notify == follower.notify);
        let environments: Vec<&Name> = same.map(|other| &other.environment).collect();
        let text = serde_json::to_string(&Evidence::new(run, environments)).unwrap_or_default();
        tell(node, &subject, &follower.notify, text).await?;
    }
    Ok(())
}

async fn tell(node: &Arc<Node>, subject: &Subject<'_>, notify: &Notify, text: String) -> Result<(), Diagnostic> {
    if let Some(url) = &notify.webhook {
        post(node, subject, url, &text).await?;
    }
    if notify.command.is_empty() { Ok(()) } else { command(node, subject, &notify.command, text).await }
}

async fn post(node: &Arc<Node>, subject: &Subject<'_>, url: &str, text: &str) -> Result<(), Diagnostic> {
    let secret = secrets::webhook(&node.options.home, subject.app)?;
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

/// In a checkout of the branch, with the walls of a build.
async fn command(node: &Arc<Node>, subject: &Subject<'_>, words: &[String], text: String) -> Result<(), Diagnostic> {
    let Some(branch) = subject.branch else {
        let why = "its environment follows another environment: there is no checkout to run it in";
        note(&format!("the command of {} was not run: {why}", subject.name));
        return Ok(());
    };
    let area = Area::open(node, subject.app, branch)?;
    let places = [(Place::Source, true), (Place::Home, true)];
    let mut job = area.job("notify", &places)?;
    job.environment.insert("HOME".to_owned(), area.at(Place::Home));
    job.folder = area.inside(Place::Source);
    if let Some(folder) = subject.manifest.and_then(|manifest| std::path::Path::new(manifest).parent()) {
        job.folder = job.folder.join(folder);
    }
    job.program = words.first().cloned().unwrap_or_default().into();
    job.arguments = words[1..].to_vec();
    job.input = Some(text);
    let limits =
        Limits { time: COMMAND_TIME_MAX, output_bytes: OUTPUT_BYTES_MAX, stdout_bytes: 1 << 20, ..limits(node, &area) };
    let finished = seaworthy_confine::run(node.delivery.walls(), &job, &limits, None, std::future::pending()).await;
    let finished = finished.map_err(|error| Diagnostic::machine(error.to_string()))?;
    match finished.end {
        End::Code(0) => Ok(()),
        end => {
            let message = format!("the command that is told of {} did not work: {end:?}", subject.name);
            Err(Diagnostic::user(message).evidence(finished.last_lines))
        }
    }
}

/// Sets the commit's status where its repository is; what does not work stops nothing.
pub(super) fn forge(node: &Arc<Node>, run: &Run) {
    let (node, run) = (Arc::clone(node), run.clone());
    tokio::spawn(async move {
        let call = match call(&node, &run) {
            Ok(Some(call)) => call,
            Ok(None) => return,
            Err(error) => return complain(&error),
        };
        let body = serde_json::to_vec(&call.body).unwrap_or_default();
        let mut why = String::new();
        for pause in [Duration::ZERO].into_iter().chain(PAUSES) {
            tokio::time::sleep(pause).await;
            let (url, header, body) = (call.url.clone(), call.header.clone(), body.clone());
            match tokio::task::spawn_blocking(move || http::post(&url, &[header], &body)).await {
                Ok(Ok(200..=299)) => return,
                // Refused for good: the token is wrong, or the commit is not there.
                Ok(Ok(status @ 400..=499)) => {
                    why = format!("it answers {status}");
                    break;
                }
                Ok(Ok(status)) => why = format!("it answers {status}"),
                Ok(Err(error)) => why = error,
                Err(error) => why = error.to_string(),
            }
        }
        note(&format!("the status of {} was not set: {why}", run.short()));
    });
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
