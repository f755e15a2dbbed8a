//! Telling others: the forge that has the repository, a webhook, a command of the user's.

use super::area::{Area, Place};
use super::check::limits;
use super::{http, secrets};
use crate::Node;
use crate::supervise::{complain, note};
use seaworthy_confine::{End, Limits};
use seaworthy_delivery::evidence::{Evidence, PAUSES};
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
    // Whoever sent a commit sees what becomes of it.
    if run.is_sent() {
        return;
    }
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

fn followers(node: &Node, run: &Run) -> Result<Vec<Follower>, Diagnostic> {
    let concerned = |one: &Follower| one.app == run.app && run.environments.contains(&one.environment);
    Ok(node.store.followers()?.into_iter().filter(concerned).collect())
}

/// Each way to tell somebody once, however many environments name it.
async fn notify(node: &Arc<Node>, run: &Run) -> Result<(), Diagnostic> {
    let followers = followers(node, run)?;
    let mut told: Vec<&Notify> = Vec::new();
    for follower in followers.iter().filter(|follower| follower.notify != Notify::default()) {
        if told.contains(&&follower.notify) {
            continue;
        }
        told.push(&follower.notify);
        let same = followers.iter().filter(|other| other.notify == follower.notify);
        let environments: Vec<&Name> = same.map(|other| &other.environment).collect();
        let text = serde_json::to_string(&Evidence::new(run, environments)).unwrap_or_default();
        if let Some(url) = &follower.notify.webhook {
            post(node, run, url, &text).await?;
        }
        if !follower.notify.command.is_empty() {
            command(node, run, &follower.notify.command, text).await?;
        }
    }
    Ok(())
}

async fn post(node: &Arc<Node>, run: &Run, url: &str, text: &str) -> Result<(), Diagnostic> {
    let secret = secrets::webhook(&node.options.home, &run.app)?;
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
    Err(Diagnostic::machine(format!("the webhook of run {} was not told: {why}", run.id)))
}

/// In a checkout of the branch, with the walls of a build.
async fn command(node: &Arc<Node>, run: &Run, words: &[String], text: String) -> Result<(), Diagnostic> {
    let RunSource::Branch { branch, .. } = &run.source else {
        let why = "its environment follows another environment: there is no checkout to run it in";
        note(&format!("the command of run {} was not run: {why}", run.id));
        return Ok(());
    };
    let area = Area::open(node, &run.app, branch)?;
    let places = [(Place::Source, true), (Place::Home, true)];
    let mut job = area.job("notify", &places)?;
    job.environment.insert("HOME".to_owned(), area.at(Place::Home));
    job.folder = area.inside(Place::Source);
    if let Some(folder) =
        followers(node, run)?.iter().find_map(|one| Some(std::path::Path::new(&one.manifest).parent()?.to_owned()))
    {
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
            let message = format!("the command that is told of run {} did not work: {end:?}", run.id);
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
