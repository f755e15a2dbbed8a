//! `seaworthy dev`: rebuild and restart what changes, with one stream of logs.

use super::deploy::{announce, claim};
use super::logs;
use crate::arguments::{DevArguments, Wait};
use crate::build::{What, blobs, run as build};
use crate::context::Context;
use crate::exit::{Ended, Ending};
use crate::follow::follow;
use crate::output::style;
use crate::send::send;
use crate::terminal::asked_to_end;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use seaworthy_api::Client;
use seaworthy_api::client::LogQuery;
use seaworthy_api::wire::{DeploymentRequest, Intent};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// Editors write a file in several steps: changes that come closer together than this are one.
const QUIET: Duration = Duration::from_millis(150);

/// Folders in which builds write: changes there are not the user's.
const NOT_SOURCES: [&str; 8] =
    ["target", "node_modules", "__pycache__", ".git", ".venv", "dist", "build", ".pytest_cache"];

pub(super) async fn run(context: &Context, arguments: &DevArguments) -> Ending {
    let environment = Name::new("dev").map_err(|e| Ended::failed(Diagnostic::user(e.to_string())))?;
    let app = context.app()?;
    let (_watcher, mut changes) = watch(&context.manifest_file()?)?;
    let mut client = context.client(Some(&environment)).await?;
    // Now: while the first round goes on, the manifest may be saved half-written.
    let transport = context.transport(Some(&environment))?;
    round(context, arguments, &mut client, &environment).await?;
    // Before the routes are shown: whoever sees them may change something, and wants to see what comes of it.
    let (of, services) = (app.clone(), arguments.services.clone());
    let follower = tokio::spawn(follow_logs(transport, of, environment.clone(), services, context.output));
    show_routes(context, &mut client, &app, &environment).await?;
    let working = async {
        while let Some(changed) = next(&mut changes).await {
            let dim = style::DIM;
            context.output.note(&format!("{dim}  changed{dim:#} {}", from_here(&changed).display()));
            // What does not build or does not start is shown; what ran before goes on running.
            if let Err(ended) = round(context, arguments, &mut client, &environment).await {
                if matches!(ended, Ended::Code(_)) {
                    return Err(ended);
                }
                context.output.ended(&ended);
                context.output.note("what ran before goes on; save a file to try again");
            }
        }
        Ok(())
    };
    let ending = tokio::select! {
        // First: a deployment that is followed hears of it, too, and the way out must not depend on who hears first.
        biased;
        _ = asked_to_end() => {
            context.output.note("dev goes on running: `seaworthy down dev` stops it");
            Ok(())
        }
        ending = working => ending,
    };
    follower.abort();
    ending
}

async fn round(context: &Context, arguments: &DevArguments, client: &mut Client, environment: &Name) -> Ending {
    let built = build(context, What { test: arguments.test, ..What::new(false) }).await?;
    let release = send(context, client, &blobs()?, &built.bundle).await?;
    let intent = Intent::Deploy { release, only: Vec::new(), take_over: false };
    let request = DeploymentRequest { intent, claim: claim() };
    let started = client.deploy(&built.manifest.app, environment, &request).await?;
    announce(context, environment, &started);
    follow(context, client, environment, &started, Wait::Shift).await
}

async fn show_routes(context: &Context, client: &mut Client, app: &Name, environment: &Name) -> Ending {
    let status = client.status(Some(app), Some(environment)).await?;
    if context.output.json {
        context.output.value(&status);
    } else {
        status.environments.iter().flat_map(|e| &e.routes).for_each(|route| context.output.note(&route.url));
    }
    Ok(())
}

/// Shows logs for as long as it is left to; a node that is away for a moment is asked again.
async fn follow_logs(
    transport: seaworthy_api::Transport,
    app: Name,
    environment: Name,
    services: Vec<Name>,
    output: crate::output::Output,
) {
    let service = match services.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    };
    let query = LogQuery { service, lines: 0, follow: true };
    loop {
        let mut client = Client::new(transport.clone());
        let shown = client.logs(&app, &environment, &query, |line| {
            if services.is_empty() || services.contains(&line.service) {
                logs::print(output, &line);
            }
            true
        });
        let _ = shown.await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn watch(manifest: &Path) -> Result<(RecommendedWatcher, mpsc::Receiver<PathBuf>), Ended> {
    let failed = |e: notify::Error| {
        Ended::failed(
            Diagnostic::machine(format!("cannot watch for changes: {e}"))
                .help("`fs.inotify.max_user_watches` may be too small for this folder"),
        )
    };
    let folder = match manifest.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Changes come with whole paths.
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let (sender, receiver) = mpsc::channel(1024);
    let root = folder.clone();
    let mut watcher = notify::recommended_watcher(move |event: Result<Event, notify::Error>| {
        let Ok(event) = event else { return };
        if event.kind.is_access() {
            return;
        }
        for path in event.paths.into_iter().filter(|path| is_source(&root, path)) {
            // A full channel means that a round is due anyway.
            let _ = sender.try_send(path);
        }
    })
    .map_err(failed)?;
    watcher.watch(&folder, RecursiveMode::Recursive).map_err(failed)?;
    Ok((watcher, receiver))
}

/// As somebody who stands in this folder would write it.
fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let shorter = path.strip_prefix(&here).unwrap_or(path);
    shorter.strip_prefix(".").unwrap_or(shorter).to_owned()
}

/// Whether a path below the app's folder is the user's own. What the folders above are called says nothing.
fn is_source(root: &Path, path: &Path) -> bool {
    let path = path.strip_prefix(root).unwrap_or(path);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let scratch = name.ends_with('~') || name.starts_with(".#") || name.ends_with(".swp") || name.ends_with(".tmp");
    let built = path.components().any(|part| NOT_SOURCES.iter().any(|name| part.as_os_str() == *name));
    // Builds write the lock themselves; what it says is asked at each of them.
    !scratch && !built && name != "seaworthy.lock"
}

/// The next change, once there has been none for a moment; rather of a file that is still there than of one that an
/// editor had in between.
async fn next(changes: &mut mpsc::Receiver<PathBuf>) -> Option<PathBuf> {
    let mut changed = changes.recv().await?;
    while let Ok(Some(path)) = tokio::time::timeout(QUIET, changes.recv()).await {
        if !changed.exists() {
            changed = path;
        }
    }
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_and_editors_scratch_files_are_no_changes() {
        let root = Path::new("/home/me/build/shop");
        for source in ["echo-go/main.go", "seaworthy.toml", "src/deep/lib.rs"] {
            assert!(is_source(root, &root.join(source)), "{source}");
        }
        for other in [
            "a/target/debug/x",
            ".git/index",
            "main.go~",
            "src/.main.rs.swp",
            "web/node_modules/a/b.js",
            "seaworthy.lock",
        ] {
            assert!(!is_source(root, &root.join(other)), "{other}");
        }
    }
}
