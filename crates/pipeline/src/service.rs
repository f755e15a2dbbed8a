//! One service: build, collect, test; or nothing, if nothing changed.

use crate::build::Request;
use crate::cache::{Cache, Entry};
use crate::collect::collect;
use crate::fingerprint::{Fingerprint, Recipe, fingerprint};
use crate::image::{Made, key_of_content, lockfile_packages};
use crate::isolation::Isolation;
use crate::progress::{Event, Step};
use crate::shell::{Failure, ShellLine};
use crate::source::Source;
use crate::toolchains::versions;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use seaworthy_model::manifest::ServiceSource;
use seaworthy_model::{Digest, Name};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// One service's build.
pub(crate) struct ServiceBuild<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) source: &'a Source,
    pub(crate) cache: &'a Cache,
    pub(crate) isolation: &'a Isolation,
    /// Set when another service failed: this one need not go on.
    pub(crate) stop: &'a AtomicBool,
    pub(crate) name: &'a Name,
    pub(crate) service: &'a ServiceSource,
}

/// Why there is no image.
pub(crate) enum Stopped {
    /// Something is wrong.
    Failed(Diagnostic),
    /// Somebody asked to stop, or another service failed.
    Cancelled,
}

impl From<Diagnostic> for Stopped {
    fn from(error: Diagnostic) -> Self {
        Self::Failed(error)
    }
}

impl ServiceBuild<'_> {
    /// The image; it and what belongs to it are in the store then.
    pub(crate) fn run(&self) -> Result<Made, Stopped> {
        match (&self.service.image, &self.service.dockerfile) {
            (Some(image), _) => return Ok(self.given(image)?),
            (None, Some(file)) => return self.by_dockerfile(file),
            (None, None) => {}
        }
        let folder = self.folder()?;
        let base = self.request.bases.stands_for(self.name, self.service.service.base.as_ref(), &self.source.folder)?;
        let lines: Vec<&str> = self.service.build.iter().chain(&self.service.test).map(String::as_str).collect();
        let toolchains = versions(&folder, &self.source.scope, &lines, self.isolation, self.cache);
        let fingerprint = || self.fingerprint(&folder, &base, &toolchains);
        // Without lines the files are what the source is, wherever they come from: they are looked at below.
        let key = if lines.is_empty() { None } else { Some(fingerprint()?) };
        let tests = self.request.test && !self.service.test.is_empty();
        let known = key.as_ref().and_then(|key| self.cache.get(&key.digest, self.request.blobs));
        if let Some(entry) = known.filter(|entry| entry.tested || !tests) {
            self.tell(Event::Unchanged { service: self.name.clone() });
            return Ok(self.make(&entry, &toolchains)?);
        }
        self.lines(Step::Build, &folder, &self.service.build)?;
        // What tests leave behind is not in the image: it is written before.
        let (entry, by_content) = self.timed(Step::Collect, || Ok(self.entry(&folder, &base, key.is_none())?))?;
        if tests {
            self.lines(Step::Test, &folder, &self.service.test)?;
        }
        let entry = Entry { tested: tests || self.service.test.is_empty(), ..entry };
        match key {
            // Somebody may have edited the source meanwhile: then nobody knows what this was built from.
            Some(key) => {
                let now = fingerprint()?;
                let files: Vec<&str> = self.service.files.iter().map(|file| file.from.as_str()).collect();
                if now.is_only_built_from(&key, &files) {
                    self.cache.put(&now.digest, &entry)?;
                }
            }
            None => drop(by_content.map(|key| self.cache.put(&key, &entry)).transpose()?),
        }
        Ok(self.make(&entry, &toolchains)?)
    }

    /// Collects the files and makes their layer and those below it; or finds them, if that is wanted, by what the files
    /// hold. The key is that of a result which is not kept yet.
    fn entry(&self, folder: &Path, base: &str, by_content: bool) -> Result<(Entry, Option<Digest>), Diagnostic> {
        let tree = collect(self.name.as_str(), folder, &self.service.files)?;
        let packages = lockfile_packages(folder, &self.source.scope)?;
        if !by_content {
            return Ok((self.layers(&tree, packages)?, None));
        }
        let key = key_of_content(&tree, base, &packages)?;
        match self.cache.get(&key, self.request.blobs) {
            Some(entry) => Ok((entry, None)),
            None => Ok((self.layers(&tree, packages)?, Some(key))),
        }
    }

    /// The service's folder, without symbolic links, in the manifest's.
    pub(crate) fn folder(&self) -> Result<PathBuf, Diagnostic> {
        let path = self.source.folder.join(&self.service.path);
        let folder = path.canonicalize().map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                let message = format!("the folder `{}` of `{}` is not there", self.service.path, self.name);
                Diagnostic::user(message).help("set `path` to the folder where its source lies")
            } else {
                FileError::new("read", &path, error).into()
            }
        })?;
        if !folder.is_dir() {
            let message = format!("`{}` of `{}` is no folder", self.service.path, self.name);
            return Err(Diagnostic::user(message).help("set `path` to the folder where its source lies"));
        }
        if !folder.starts_with(&self.source.folder) {
            let message = format!("the folder of `{}` leads out to `{}`", self.name, folder.display());
            return Err(Diagnostic::user(message).help("keep its source below the manifest's folder"));
        }
        Ok(folder)
    }

    pub(crate) fn fingerprint(
        &self,
        folder: &Path,
        base: &str,
        toolchains: &BTreeMap<String, String>,
    ) -> Result<Fingerprint, Diagnostic> {
        let files: Vec<String> = self.service.files.iter().map(|source| format!("{source:?}")).collect();
        let recipe = Recipe {
            path: &self.service.path,
            build: &self.service.build,
            test: &self.service.test,
            files: &files,
            isolation: self.isolation,
            toolchains,
            base,
        };
        fingerprint(folder, &self.source.scope, &recipe)
    }

    pub(crate) fn lines(&self, step: Step, folder: &Path, lines: &[String]) -> Result<(), Stopped> {
        if lines.is_empty() {
            return Ok(());
        }
        self.timed(step, || {
            let deadline = Instant::now() + self.request.time_max;
            lines.iter().try_for_each(|line| self.line(step, folder, line, deadline))
        })
    }

    fn line(&self, step: Step, folder: &Path, line: &str, deadline: Instant) -> Result<(), Stopped> {
        let told = |text| self.tell(Event::Line { service: self.name.clone(), step, text });
        let cancelled = || self.stop.load(Ordering::Relaxed) || self.request.cancel.load(Ordering::Relaxed);
        let shell = ShellLine { line, folder, isolation: self.isolation, deadline, cancelled: &cancelled, told: &told };
        let word = if step == Step::Test { "test" } else { "build" };
        let by_hand = if self.service.path == "." {
            format!("run it by hand: `{line}`")
        } else {
            format!("run it by hand: `cd {} && {line}`", self.service.path)
        };
        match shell.run() {
            Ok(()) => Ok(()),
            Err(Failure::Cancelled) => Err(Stopped::Cancelled),
            Err(Failure::Machine(error)) => Err(Stopped::Failed(error)),
            Err(Failure::Status(status, last)) => {
                let message = format!("the {word} of `{}` failed: {}", self.name, ending(status));
                Err(Stopped::Failed(Diagnostic::user(message).evidence(last).help(by_hand)))
            }
            Err(Failure::TooLong(last)) => {
                let limit = seaworthy_model::units::format_duration(self.request.time_max);
                let message = format!("the {word} of `{}` took longer than {limit}", self.name);
                Err(Stopped::Failed(Diagnostic::user(message).evidence(last).help(by_hand)))
            }
        }
    }

    pub(crate) fn timed<T>(&self, step: Step, work: impl FnOnce() -> Result<T, Stopped>) -> Result<T, Stopped> {
        let service = self.name.clone();
        self.tell(Event::Started { service: service.clone(), step });
        let started = Instant::now();
        let made = work()?;
        self.tell(Event::Finished { service, step, took: started.elapsed() });
        Ok(made)
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.request.progress)(event);
    }
}

pub(crate) fn ending(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "it ended".to_owned(),
    }
}
