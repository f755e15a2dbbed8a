//! Commits that persons send because their machine cannot build for this one: taken in, queued, stopped.

use super::area::{Area, unreadable};
use super::check::full;
use super::receive;
use super::run::new;
use super::sweep::Lease;
use super::watcher::RUNS_LOOKED_AT;
use crate::Node;
use crate::failure::machine;
use crate::supervise::{complain, note};
use seaworthy_api::wire::{CommitList, SENT_BYTES_MAX, SentCommit};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_model::Name;
use seaworthy_model::run::{Run, RunOutcome, RunSource, RunState};
use seaworthy_model::units::format_size;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

/// How many commits of an app may wait for their turn.
const WAITING_MAX: usize = 8;
/// How many come in at a time.
pub(super) const UPLOADS_MAX: usize = 4;
/// How long one may take to come in.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(1800);
/// How long the rest of one that is refused is listened to, so that its sender hears why.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(60);

/// Where bundles of an app lie until they are taken in.
fn folder(home: &Path, app: &Name) -> PathBuf {
    home.join("delivery").join(app.as_str()).join("sent")
}

/// The file that came with a run.
pub(super) fn bundle(node: &Node, run: &Run) -> Option<PathBuf> {
    Some(folder(&node.options.home, &run.app).join(run.bundle.as_ref()?))
}

impl Node {
    /// Commits of an app whose whole history is here.
    pub(crate) async fn commits(&self, app: &Name) -> Result<CommitList, Diagnostic> {
        Ok(CommitList { commits: receive::known(self, app).await? })
    }

    /// Takes a commit in and queues it; `body` is a git bundle, or empty.
    pub(crate) async fn send_commit(
        self: &Arc<Self>,
        (app, environment): (&Name, &Name),
        sent: SentCommit,
        by: String,
        mut body: impl AsyncRead + Unpin,
    ) -> Result<Run, Diagnostic> {
        let taken = self.take_in(app, &sent, &mut body).await;
        if taken.is_err() {
            let mut rest = body.take(SENT_BYTES_MAX);
            let _ = tokio::time::timeout(DRAIN_TIME_MAX, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
        }
        let upload = taken?;
        let source = RunSource::Sent { by, manifest: sent.manifest };
        for run in self.store.runs(app, RUNS_LOOKED_AT)? {
            // Whoever sends another one does not wait for the first.
            if run.source == source && run.environments == [environment.clone()] && run.state != RunState::Done {
                self.stop_run(run.id, RunOutcome::Superseded)?;
            }
        }
        let run = new(app, source, sent.commit, vec![environment.clone()]);
        let run = self.store.add_run(&Run { bundle: upload.as_ref().map(Upload::name), ..run })?;
        if let Some(upload) = upload {
            upload.keep();
        }
        note(&format!("run {} of {app}: {} for {environment}, {}", run.id, run.short(), run.source));
        self.watch(app);
        Ok(run)
    }

    async fn take_in(
        &self,
        app: &Name,
        sent: &SentCommit,
        body: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<Upload>, Diagnostic> {
        if !cfg!(target_os = "linux") {
            let error = Diagnostic::machine("a node builds on Linux alone, and this one is not");
            return Err(error.help("build it on a machine of the node's kind"));
        }
        check(sent)?;
        let waits = |run: &&Run| run.is_sent() && run.state == RunState::Queued;
        if self.store.runs(app, RUNS_LOOKED_AT)?.iter().filter(waits).count() >= WAITING_MAX {
            let error = Diagnostic::machine(format!("{WAITING_MAX} commits of `{app}` wait for their turn already"));
            return Err(error.help("`seaworthy runs` shows them; try again later").later());
        }
        let Ok(_turn) = self.delivery.uploads.try_acquire() else {
            let error = Diagnostic::machine(format!("{UPLOADS_MAX} commits are being sent to this node already"));
            return Err(error.help("try again in a minute").later());
        };
        let folder = folder(&self.options.home, app);
        let upload = Upload::begin(&folder, self.delivery.leases.take(&folder))?;
        let receiving = tokio::time::timeout(UPLOAD_TIME_MAX, upload.receive(body));
        let size = receiving.await.unwrap_or_else(|_| {
            Err(Diagnostic::machine(format!("the commit took longer than {} s to come in", UPLOAD_TIME_MAX.as_secs())))
        })?;
        if size == 0 {
            return Ok(None);
        }
        if let Some(user) = self.engine.build_user(app)? {
            files::change_owner(&upload.path, user, user)?;
        }
        Ok(Some(upload))
    }

    /// Ends the run of a commit that was sent, as this outcome; one that is done stays as it is.
    pub(crate) fn stop_run(self: &Arc<Self>, id: u64, outcome: RunOutcome) -> Result<(), Diagnostic> {
        // No run begins meanwhile.
        let _turn = self.delivery.beginning();
        let run = self.store.run(id)?.filter(Run::is_sent).ok_or_else(|| {
            let error = Diagnostic::user(format!("there is no run {id} of a commit that was sent"));
            error.help("`seaworthy runs` lists them; what follows a branch ends with `seaworthy down`")
        })?;
        match run.state {
            RunState::Queued => self.finish_run(run, outcome, None),
            // It writes down itself that it was stopped.
            _ => self.delivery.cancel(&run, outcome),
        }
        Ok(())
    }

    /// After a start: what came in, and belongs to no run that will happen, goes.
    pub(super) fn remove_uploads(&self, unfinished: &[Run]) -> Result<(), Diagnostic> {
        let needed: BTreeSet<PathBuf> = unfinished.iter().filter_map(|run| bundle(self, run)).collect();
        for app in std::fs::read_dir(self.options.home.join("delivery")).into_iter().flatten().flatten() {
            for file in std::fs::read_dir(app.path().join("sent")).into_iter().flatten().flatten() {
                if !needed.contains(&file.path()) {
                    files::remove_tree(&file.path())?;
                }
            }
        }
        Ok(())
    }
}

/// Removes what came with a run that is done.
pub(super) fn forget(node: &Node, run: &Run) {
    if let Some(path) = bundle(node, run)
        && let Err(error) = files::remove_tree(&path)
    {
        complain(&error.into());
    }
}

/// What git and the check's command line are given must be what it is taken for.
fn check(sent: &SentCommit) -> Result<(), Diagnostic> {
    let SentCommit { commit, manifest } = sent;
    let is_id = matches!(commit.len(), 40 | 64) && commit.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_id {
        return Err(Diagnostic::user(format!("`{}` is not the full id of a commit", commit.escape_debug())));
    }
    let plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    let is_path = !manifest.is_empty()
        && manifest.len() <= PATH_BYTES_MAX
        && !manifest.starts_with('-')
        && !manifest.contains(char::is_control)
        && Path::new(manifest).components().all(plain);
    if !is_path {
        let manifest = manifest.escape_debug();
        return Err(Diagnostic::user(format!("`{manifest}` is not the path of a manifest in a repository")));
    }
    Ok(())
}

/// The longest path of a manifest.
const PATH_BYTES_MAX: usize = 1024;

/// A file that goes again unless it is kept.
struct Upload {
    path: PathBuf,
    kept: bool,
    /// Its folder stays until a run says that it needs it.
    _lease: Lease,
}

impl Upload {
    fn begin(folder: &Path, lease: Lease) -> Result<Self, Diagnostic> {
        files::create_directory(folder, 0o711)?;
        let name = format!("{:032x}.bundle", rand::random::<u128>());
        Ok(Self { path: folder.join(name), kept: false, _lease: lease })
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn keep(mut self) {
        self.kept = true;
    }

    /// Writes all of a body; how many bytes that were. Nothing is made of an empty one.
    async fn receive(&self, body: &mut (impl AsyncRead + Unpin)) -> Result<u64, Diagnostic> {
        let lost = |error: std::io::Error| Diagnostic::machine(format!("the commit did not come in whole: {error}"));
        let mut piece = vec![0; PIECE_BYTES];
        let mut first = body.read(&mut piece).await.map_err(lost)?;
        if first == 0 {
            return Ok(0);
        }
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(&self.path)
            .await
            .map_err(|error| unreadable(&self.path, error))?;
        let mut size = 0;
        while first > 0 {
            size += first as u64;
            if size > SENT_BYTES_MAX {
                let error = Diagnostic::user(format!("the commit is larger than {}", format_size(SENT_BYTES_MAX)));
                return Err(error.help("push it to a repository that the environment follows"));
            }
            let folder = self.path.parent().unwrap_or(&self.path);
            if Area::is_short(folder, first as u64) {
                return Err(full(folder));
            }
            file.write_all(&piece[..first]).await.map_err(|error| machine(&error))?;
            first = body.read(&mut piece).await.map_err(lost)?;
        }
        file.sync_all().await.map_err(|error| machine(&error))?;
        Ok(size)
    }
}

const PIECE_BYTES: usize = 64 * 1024;

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.kept {
            let _ = files::remove_tree(&self.path);
        }
    }
}
