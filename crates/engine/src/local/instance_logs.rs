//! The logs of an environment: of all instances there are and were, merged by time.

use super::engine::Engine;
use super::job::job_of;
use crate::logs::{Entry, Follower, LogWriter, Stream, tail};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use seaworthy_model::Name;
use seaworthy_model::pool::PoolSpec;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Logs of instances that are gone, kept per service.
const OLD_LOGS: usize = 10;
/// How often new lines are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whose lines.
#[derive(Debug, Clone)]
pub struct LogSelection {
    /// Of this app.
    pub app: Name,
    /// In this environment.
    pub environment: Name,
    /// Of this service alone.
    pub service: Option<Name>,
    /// Of this instance alone.
    pub instance: Option<String>,
}

/// A line of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was read from the program.
    pub time: SystemTime,
    /// The service.
    pub service: Name,
    /// The instance.
    pub instance: String,
    /// Where the program wrote it.
    pub stream: Stream,
    /// The same line goes on in the next one of this instance and stream.
    pub partial: bool,
    /// The text, fit to be shown.
    pub text: String,
}

impl LogLine {
    pub(super) fn new(service: Name, instance: &str, entry: Entry) -> Self {
        let Entry { time, stream, partial, text } = entry;
        Self { time, service, instance: instance.to_owned(), stream, partial, text }
    }
}

/// One log of a selection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    service: Name,
    instance: String,
    path: PathBuf,
}

pub(super) fn last(engine: &Engine, selection: &LogSelection, lines: usize) -> Result<Vec<LogLine>, Diagnostic> {
    let mut all = Vec::new();
    for source in sources(engine, selection)? {
        let entries = tail(&source.path, engine.options.log_limits.files, lines);
        let entries = entries.map_err(|error| FileError::new("read", &source.path, error))?;
        all.extend(entries.into_iter().map(|entry| LogLine::new(source.service.clone(), &source.instance, entry)));
    }
    all.sort_by_key(|line| line.time);
    all.drain(..all.len().saturating_sub(lines));
    Ok(all)
}

fn sources(engine: &Engine, selection: &LogSelection) -> Result<Vec<Source>, FileError> {
    let folder = engine.folders.environment_logs(&selection.app, &selection.environment);
    let mut sources = Vec::new();
    for service_folder in entries(&folder)? {
        let Some(service) = file_name(&service_folder).and_then(|name| Name::new(name).ok()) else { continue };
        if selection.service.as_ref().is_some_and(|wanted| *wanted != service) {
            continue;
        }
        for path in entries(&service_folder)? {
            let Some(instance) = file_name(&path).and_then(|name| name.strip_suffix(".log")) else { continue };
            if selection.instance.as_ref().is_none_or(|wanted| wanted == instance) {
                let instance = instance.to_owned();
                sources.push(Source { service: service.clone(), instance, path });
            }
        }
    }
    sources.sort();
    Ok(sources)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(FileError::new("read", folder, error)),
    }
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// Lines as they come, of instances that are yet to start, too.
pub struct LogFollower {
    engine: Arc<Engine>,
    selection: LogSelection,
    followers: BTreeMap<Source, Follower>,
}

pub(super) fn follow(
    engine: &Arc<Engine>,
    selection: LogSelection,
    lines: usize,
) -> Result<(Vec<LogLine>, LogFollower), Diagnostic> {
    let files = engine.options.log_limits.files;
    // The ends first: a line between the two steps comes twice rather than never.
    let followers = sources(engine, &selection)?.into_iter().map(|source| {
        let follower = Follower::at_end(&source.path, files);
        (source, follower)
    });
    let followers = followers.collect();
    let before = last(engine, &selection, lines)?;
    Ok((before, LogFollower { engine: Arc::clone(engine), selection, followers }))
}

impl LogFollower {
    /// Waits for new lines, oldest first; never empty.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub async fn next(&mut self) -> Result<Vec<LogLine>, Diagnostic> {
        loop {
            let lines = self.read()?;
            if !lines.is_empty() {
                return Ok(lines);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn read(&mut self) -> Result<Vec<LogLine>, Diagnostic> {
        let files = self.engine.options.log_limits.files;
        for source in sources(&self.engine, &self.selection)? {
            let begin = |source: &Source| Follower::at_start(&source.path, files);
            self.followers.entry(source).or_insert_with_key(begin);
        }
        let mut lines = Vec::new();
        for (source, follower) in &mut self.followers {
            let entries = follower.read().map_err(|error| FileError::new("read", &source.path, error))?;
            let line = |entry| LogLine::new(source.service.clone(), &source.instance, entry);
            lines.extend(entries.into_iter().map(line));
        }
        lines.sort_by_key(|line: &LogLine| line.time);
        Ok(lines)
    }
}

/// Removes the oldest logs of a service's instances that are gone.
pub(super) fn forget_old(engine: &Engine, spec: &PoolSpec) {
    forget_old_of(engine, spec, None);
}

/// Removes the oldest logs of a job's runs that have ended; `None`: of everything of the service that is no job's.
pub(super) fn forget_old_of(engine: &Engine, spec: &PoolSpec, job: Option<&str>) {
    let folder = engine.folders.service_logs(&spec.app, &spec.environment, &spec.service);
    let mut old: Vec<(SystemTime, PathBuf)> = Vec::new();
    for path in entries(&folder).unwrap_or_default() {
        let Some(id) = file_name(&path).and_then(|name| name.strip_suffix(".log")) else { continue };
        if job_of(spec, id) == job
            && !engine.folders.instance(id).root.exists()
            && let Ok(modified) = fs::metadata(&path).and_then(|metadata| metadata.modified())
        {
            old.push((modified, path));
        }
    }
    old.sort();
    let excess = old.len().saturating_sub(OLD_LOGS);
    for (_, path) in old.into_iter().take(excess) {
        // A log that cannot be removed now is removed at the next end of a pool.
        let _ = LogWriter::remove(&path, engine.options.log_limits);
    }
}
