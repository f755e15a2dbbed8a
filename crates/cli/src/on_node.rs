//! Letting a node test and build a commit, where this machine cannot build for it, or shall not.

use crate::build::builds_folder;
use crate::context::Context;
use crate::exit::Ended;
use crate::output::style;
use seaworthy_api::wire::{RunProgress, SENT_BYTES_MAX, SentCommit};
use seaworthy_api::{Client, ClientError, Transport};
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_host::files;
use seaworthy_model::run::{Run, RunOutcome, RunSource, RunState};
use seaworthy_model::units::format_size;
use seaworthy_model::{Digest, Name};
use seaworthy_pipeline::Committed;
use std::path::Path;
use std::time::Duration;
use tokio::fs::File;

/// How often a lost connection is opened again before the user is told to look later.
const RECONNECTS_MAX: u32 = 10;
/// How many of the last runs are looked at for one that is under way.
const RUNS_LOOKED_AT: usize = 50;

/// The node that builds what is deployed to an environment; `None`: it is built here.
pub(crate) async fn builder(context: &Context, environment: &Name, asked: bool) -> Result<Option<Client>, Ended> {
    if asked {
        return context.client(Some(environment)).await.map(Some);
    }
    // The node of this machine is of this machine's kind.
    if let Transport::Unix(_) = context.transport(Some(environment))? {
        return Ok(None);
    }
    let mut client = context.client(Some(environment)).await?;
    let Some(why) = unlike(&platform(), &client.node().await?.platform) else { return Ok(None) };
    let warn = style::WARN;
    context.output.note(&format!("{warn}{:>9}{warn:#} {why}", "note"));
    Ok(Some(client))
}

/// What is built here runs on this.
fn platform() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Why what is built here does not run there; `None`: it does.
fn unlike(here: &str, there: &str) -> Option<String> {
    let words = || format!("this machine builds for {here}, the node is {there}: it builds the commit itself");
    (here != there).then(words)
}

/// Sends the commit of HEAD, and follows its tests and its build to their end; returns the release that came of it.
pub(crate) async fn build(
    context: &Context,
    mut client: Client,
    environment: &Name,
) -> Result<(Client, Digest), Ended> {
    let app = context.manifest()?.app;
    let file = context.manifest_file()?;
    let committed = blocking(move || {
        let committed = Committed::find(&file)?;
        committed.check_clean().map(|()| committed)
    });
    let committed = committed.await.map_err(Ended::refused)?;
    let sending = async {
        match under_way(&mut client, &app, environment, &committed).await? {
            Some(run) => Ok(run),
            None => send(context, &mut client, &app, environment, committed).await,
        }
    };
    let run = tokio::select! {
        run = sending => run?,
        _ = tokio::signal::ctrl_c() => return Err(Ended::Code(130)),
    };
    let followed = tokio::select! {
        followed = follow(context, &mut client, environment, &run) => followed,
        _ = tokio::signal::ctrl_c() => return Err(stop(context, environment, &run).await),
    };
    let release = judge(context, &followed?)?;
    Ok((client, release))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Diagnostic> + Send + 'static,
) -> Result<T, Diagnostic> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Diagnostic::machine(error.to_string()))?
}

/// A run of the very commit that has not ended: a verb that lost its connection began it.
async fn under_way(
    client: &mut Client,
    app: &Name,
    environment: &Name,
    committed: &Committed,
) -> Result<Option<Run>, Ended> {
    let is_it = |run: &Run| {
        run.state != RunState::Done
            && run.commit == committed.commit()
            && matches!(&run.source, RunSource::Sent { manifest, .. } if manifest == committed.manifest())
    };
    Ok(client.runs(app, Some(environment), RUNS_LOOKED_AT).await?.into_iter().find(is_it))
}

/// Sends what the node lacks of the commit.
async fn send(
    context: &Context,
    client: &mut Client,
    app: &Name,
    environment: &Name,
    committed: Committed,
) -> Result<Run, Ended> {
    let there = client.commits(app, environment).await?.commits;
    let sent = SentCommit { commit: committed.commit().to_owned(), manifest: committed.manifest().to_owned() };
    let path = builds_folder()?.join(format!("sent-{}.bundle", std::process::id()));
    let file = blocking(move || {
        let is_written = committed.bundle(&there, &path);
        let file = is_written.and_then(|is_written| if is_written { open(&path).map(Some) } else { Ok(None) });
        // Open it is read to its end; whatever happens now leaves nothing behind.
        files::remove_tree(&path)?;
        file
    });
    let file = file.await.map_err(Ended::failed)?;
    let size = match &file {
        Some(file) => file.metadata().map_err(|e| Ended::failed(Diagnostic::machine(e.to_string())))?.len(),
        None => 0,
    };
    if size > SENT_BYTES_MAX {
        let (size, most) = (format_size(size), format_size(SENT_BYTES_MAX));
        let error = Diagnostic::user(format!("the commit and its history are {size}; a node takes {most}"));
        return Err(Ended::refused(error.help("push it to a repository that the environment follows")));
    }
    let run = client.send_commit(app, environment, &sent, file.map(File::from_std)).await?;
    let (dim, place) = (style::DIM, client.transport().place());
    let what = format!("commit {}, {} KB to {place}", run.short(), size.div_ceil(1024));
    context.output.note(&format!("{dim}     sent{dim:#} {what}"));
    Ok(run)
}

fn open(path: &Path) -> Result<std::fs::File, Diagnostic> {
    std::fs::File::open(path).map_err(|error| files::FileError::new("read", path, error).into())
}

/// Shows what happens in a run until it has ended; asks again where the connection is lost.
async fn follow(context: &Context, client: &mut Client, environment: &Name, run: &Run) -> Result<Run, Ended> {
    let (mut after, mut lost) = (0, 0);
    let mut ended = None;
    loop {
        let result = client
            .run_log(run.id, after, |progress: RunProgress| {
                (after, lost) = (progress.after, 0);
                show(context, &progress);
                ended = progress.run.filter(|run| run.state == RunState::Done);
                ended.is_none()
            })
            .await;
        if let Some(run) = ended {
            return Ok(run);
        }
        let error = match result {
            Err(error @ (ClientError::Lost(_) | ClientError::Unreachable { .. })) => error.to_string(),
            Err(error) => return Err(error.into()),
            Ok(()) => "it ended before the run did".to_owned(),
        };
        lost += 1;
        if lost > RECONNECTS_MAX {
            let message = format!("run {} cannot be followed any more: {error}", run.id);
            let help = "it goes on without you; deploy again: the same commit is not built twice at a time";
            return Err(Ended::failed(Diagnostic::machine(message).help(help).later()));
        }
        tokio::time::sleep(Duration::from_millis(200 * u64::from(lost))).await;
        context.connect_again(client, environment).await?;
    }
}

fn show(context: &Context, progress: &RunProgress) {
    let dim = style::DIM;
    if let Some(line) = &progress.line {
        context.output.note(line);
    }
    let Some(run) = &progress.run else { return };
    let words = match (run.state, &run.waits_for) {
        (RunState::Queued, _) if run.attempts > 0 => "begins again".to_owned(),
        (RunState::Queued, _) => "waits for its turn".to_owned(),
        (RunState::Checking, Some(other)) => format!("waits for the check of `{other}`"),
        (RunState::Checking, None) => "tests and builds it on the node".to_owned(),
        _ => return,
    };
    context.output.note(&format!("{dim}{:>9}{dim:#} {} {words}", "run", run.id));
}

/// What the end of a run means for who waits.
fn judge(context: &Context, run: &Run) -> Result<Digest, Ended> {
    let short = run.short().to_owned();
    let failure = |words: String| {
        let log = run.log.as_deref().map_or_else(String::new, |log| format!("its log on the node: `{log}`"));
        run.failure.clone().unwrap_or_else(|| Diagnostic::user(words).help(log))
    };
    match (run.outcome, &run.release) {
        (Some(RunOutcome::Built), Some(release)) => {
            let good = style::GOOD;
            context.output.note(&format!("{good}{:>9}{good:#} {short} on the node", "built"));
            Ok(release.clone())
        }
        (Some(RunOutcome::Superseded), _) => {
            let error = Diagnostic::user(format!("another commit was sent instead of {short}"));
            Err(Ended::failed(error.help("`seaworthy runs` shows which")))
        }
        (Some(RunOutcome::Stopped), _) => Err(Ended::failed(Diagnostic::user(format!("somebody stopped {short}")))),
        (Some(RunOutcome::Refused), _) => {
            let error = failure(format!("{short} was refused"));
            Err(if error.fault == Fault::User { Ended::refused(error) } else { Ended::failed(error) })
        }
        _ => Err(Ended::failed(failure(format!("{short} was not built")))),
    }
}

/// Nobody waits for it any more.
async fn stop(context: &Context, environment: &Name, run: &Run) -> Ended {
    let stopped = async { context.reader(Some(environment)).await?.stop_run(run.id).await.map_err(Ended::from) };
    match stopped.await {
        Ok(()) => context.output.note(&format!("run {} was stopped: nothing is deployed", run.id)),
        Err(ended) => context.output.ended(&ended),
    }
    Ended::Code(130)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_another_kind_builds_itself() {
        assert_eq!(unlike("x86_64-linux", "x86_64-linux"), None);
        for here in ["aarch64-macos", "aarch64-linux", "x86_64-macos"] {
            assert!(unlike(here, "x86_64-linux").is_some_and(|why| why.contains("the node is x86_64-linux")), "{here}");
        }
    }
}
