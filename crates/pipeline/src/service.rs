//! One service: build and collect, then test; or nothing, if nothing changed.

use crate::build::Request;
use crate::cache::{Cache, Entry, Whole};
use crate::collect::collect;
use crate::confinement::Confinements;
use crate::fingerprint::{Fingerprint, Listing, Recipe, fingerprint};
use crate::image::{Made, key_of_content, lockfile_packages};
use crate::isolation::Isolation;
use crate::lines::Lines;
use crate::program;
use crate::progress::{Event, Step};
use crate::report::{Record, StepFailure, milliseconds};
use crate::source::Source;
use crate::test_report::{Before, TestReport};
use crate::toolchains::{Asked, versions};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::manifest::ServiceSource;
use seaworthy_model::verdict::StepOutcome;
use seaworthy_model::{Digest, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One service of what is built.
pub(crate) struct ServiceBuild<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) source: &'a Source,
    pub(crate) cache: &'a Cache,
    pub(crate) isolation: &'a Isolation,
    pub(crate) confinements: &'a Confinements,
    /// What lay there before anything was run.
    pub(crate) listing: &'a Listing,
    /// Whether what runs shall end.
    pub(crate) stop: &'a (dyn Fn() -> bool + Sync),
    pub(crate) name: &'a Name,
    pub(crate) service: &'a ServiceSource,
}

/// Why there is no result.
pub(crate) enum Stopped {
    /// Something is wrong.
    Failed(StepFailure),
    /// Somebody asked to stop, or another service failed.
    Cancelled,
}

impl From<Diagnostic> for Stopped {
    fn from(error: Diagnostic) -> Self {
        Self::Failed(StepFailure::new(vec![error]))
    }
}

/// What a build made, and what its test needs to know of it.
pub(crate) struct ServiceBuilt {
    /// The image.
    pub(crate) made: Made,
    /// Nothing changed since it was made, and nothing was run; then it is tested, too, if that was asked for.
    pub(crate) unchanged: bool,
    /// What is kept of it.
    pub(crate) kept: Kept,
    /// Where its test runs.
    pub(crate) folder: PathBuf,
    /// What it stands on, as a text.
    pub(crate) base: String,
    /// What compilers and interpreters say of their versions.
    pub(crate) toolchains: BTreeMap<String, String>,
    /// What it was made of; `None`: it is known by its content.
    pub(crate) key: Option<Fingerprint>,
    /// What was kept of it last.
    pub(crate) last_kept: Mutex<Option<LastKept>>,
}

/// A result that was kept.
pub(crate) struct LastKept {
    /// By which source; `None`: by what it was made of.
    now: Option<Fingerprint>,
    kept: Kept,
}

/// A result, as it is kept.
#[derive(Clone)]
pub(crate) enum Kept {
    /// Made of files.
    Files(Entry),
    /// An image that others made.
    Whole(Whole),
}

impl Kept {
    /// The same, tested.
    fn tested(self, record: Record) -> Self {
        match self {
            Self::Files(entry) => Self::Files(Entry { tested: Some(record), ..entry }),
            Self::Whole(whole) => Self::Whole(Whole { tested: Some(record), ..whole }),
        }
    }
}

impl ServiceBuilt {
    /// How it was built, now or before.
    pub(crate) fn record(&self) -> &Record {
        match &self.kept {
            Kept::Files(entry) => &entry.built,
            Kept::Whole(whole) => &whole.built,
        }
    }

    /// How its test passed before, with everything as it is now.
    pub(crate) fn tested(&self) -> Option<&Record> {
        match &self.kept {
            Kept::Files(entry) => entry.tested.as_ref(),
            Kept::Whole(whole) => whole.tested.as_ref(),
        }
    }
}

impl ServiceBuild<'_> {
    /// Whether its test is part of what was asked for.
    pub(crate) fn is_tested(&self) -> bool {
        self.request.test && !self.service.test.is_empty()
    }

    /// Builds it, or finds what was built; the image and what belongs to it are in the store then.
    pub(crate) fn build(&self) -> Result<ServiceBuilt, Stopped> {
        match (&self.service.image, &self.service.dockerfile) {
            (Some(image), _) => Ok(self.given(image)?),
            (None, Some(file)) => self.by_dockerfile(file),
            (None, None) => self.of_files(),
        }
    }

    fn of_files(&self) -> Result<ServiceBuilt, Stopped> {
        let (folder, last_kept) = (self.folder()?, Mutex::default());
        let base = self.service.service.base.as_ref();
        let base = self.request.bases.stands_for(self.name, base, self.source.for_bases())?;
        let toolchains = self.toolchains(&folder);
        // Without lines the files are what the source is, wherever they come from: they are looked at below.
        let has_lines = !(self.service.build.is_empty() && self.service.test.is_empty());
        let key =
            if has_lines { Some(self.fingerprint(&folder, Some(self.listing), &base, &toolchains)?) } else { None };
        let known = key.as_ref().map(|key| self.known(&key.digest)).transpose()?.flatten();
        if let Some(entry) = known.filter(|entry| entry.tested.is_some() || !self.is_tested()) {
            self.tell(Event::Unchanged { service: self.name.clone() });
            let made = self.make(&entry, &toolchains)?;
            let kept = Kept::Files(entry);
            return Ok(ServiceBuilt { made, unchanged: true, kept, folder, base, toolchains, key, last_kept });
        }
        let started = Instant::now();
        // A test that has to run needs what its build leaves in the folder, whether or not the image is known.
        self.lines(Step::Build, &folder, &self.service.build)?;
        // What tests leave behind is not in the image: it is written before.
        let (entry, by_content) = self.timed(Step::Collect, || Ok(self.entry(&folder, &base, key.is_none())?))?;
        let unchanged = key.is_none() && by_content.is_none();
        let entry = if unchanged { entry } else { Entry { built: Record::new(started.elapsed()), ..entry } };
        if let Some(key) = &by_content {
            self.cache.put(key, &entry)?;
        }
        let made = self.make(&entry, &toolchains)?;
        let kept = Kept::Files(entry);
        let built = ServiceBuilt { made, unchanged, kept, folder, base, toolchains, key, last_kept };
        self.keep(&built, &built.kept)?;
        Ok(built)
    }

    /// Tests it where it was built, as often as is declared; how often that was goes on record.
    pub(crate) fn test(&self, built: &ServiceBuilt) -> Result<Record, Stopped> {
        let started = Instant::now();
        let attempts_max = self.service.retry.saturating_add(1);
        let mut attempts = 1;
        let report = loop {
            let failure = match self.attempt(&built.folder) {
                Ok(report) => break report,
                Err(Stopped::Failed(failure)) => failure,
                Err(Stopped::Cancelled) => return Err(Stopped::Cancelled),
            };
            let may_again = failure.outcome == StepOutcome::Failed && attempts < attempts_max;
            if !may_again || (self.stop)() {
                return Err(Stopped::Failed(StepFailure { attempts, ..failure }));
            }
            let first = failure.first_case.as_deref().or(failure.errors.first());
            let why = first.map(ToString::to_string).unwrap_or_default();
            self.tell(Event::Retried { service: self.name.clone(), attempt: attempts, attempts_max, why });
            attempts += 1;
        };
        let TestReport { cases, problem } = report;
        let record = Record { took_ms: milliseconds(started.elapsed()), attempts, cases, report_problem: problem };
        self.keep(built, &built.kept.clone().tested(record.clone()))?;
        Ok(record)
    }

    /// Runs the tests once. Both have to be good: how the command ends, and what its report says.
    fn attempt(&self, folder: &Path) -> Result<TestReport, Stopped> {
        let before = Before::look(self, folder)?;
        let ran = self.lines(Step::Test, folder, &self.service.test);
        if let Err(Stopped::Cancelled) = ran {
            return Err(Stopped::Cancelled);
        }
        let report = before.map(|before| before.read(self)).transpose()?.unwrap_or_default();
        let path = &self.service.path;
        let command = self.service.test.join(" && ");
        let by_hand = if path == "." { command } else { format!("cd {path} && {command}") };
        let first_case = report.first_failure(&by_hand).map(Box::new);
        let failure = match ran {
            Err(Stopped::Failed(failure)) => failure,
            _ if first_case.is_some() => {
                let message =
                    format!("the test of `{}` ended well, but its report names a test that did not", self.name);
                let error = Diagnostic::user(message).help(format!("run it by hand: `{by_hand}`"));
                StepFailure::new(vec![error])
            }
            _ => return Ok(report),
        };
        let TestReport { cases, problem } = report;
        Err(Stopped::Failed(StepFailure { cases, report_problem: problem, first_case, ..failure }))
    }

    /// Keeps a result by what it was made of, if that is still what lies there: somebody may have edited the source
    /// meanwhile, and then nobody knows what this was built from.
    pub(crate) fn keep(&self, built: &ServiceBuilt, kept: &Kept) -> Result<(), Diagnostic> {
        let Some(key) = &built.key else { return Ok(()) };
        let stored = |now| {
            *built.last_kept.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(LastKept { now, kept: kept.clone() });
        };
        if self.source.is_own() {
            // Nobody edits a checkout, and what steps leave in it is not there the next time.
            self.put(&key.digest, kept)?;
            stored(None);
            return Ok(());
        }
        let now = self.fingerprint(&built.folder, None, &built.base, &built.toolchains)?;
        let files = self.service.files.iter().map(|file| file.from.as_str());
        let files: Vec<&str> = files.chain(self.service.junit.as_deref()).collect();
        if now.is_only_built_from(key, &files) {
            self.put(&now.digest, kept)?;
            stored(Some(now));
        }
        Ok(())
    }

    /// Keeps a result by what its base is locked to, too, if making it locked it: the next build finds it by that. Once
    /// everything is built; until then the lock may change.
    pub(crate) fn keep_locked(&self, built: &ServiceBuilt) -> Result<(), Diagnostic> {
        let last = built.last_kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(key), Some(LastKept { now, kept: Kept::Files(entry) })) = (&built.key, last) else { return Ok(()) };
        let base = self.service.service.base.as_ref();
        let locked = self.request.bases.stands_for_made(base, &entry.base, self.source.for_bases())?;
        let Some(locked) = locked.filter(|locked| *locked != built.base) else { return Ok(()) };
        let digest =
            self.with_recipe(&locked, &built.toolchains, |recipe| now.as_ref().unwrap_or(key).built_by(recipe));
        self.cache.put(&digest, &entry)
    }

    fn put(&self, key: &Digest, kept: &Kept) -> Result<(), Diagnostic> {
        match kept {
            Kept::Files(entry) => self.cache.put(key, entry),
            Kept::Whole(whole) => self.cache.put_whole(key, whole),
        }
    }

    /// Collects the files and makes their layer and those below it; or finds them, if that is wanted, by what the files
    /// hold. The key is that of a result which is not kept yet.
    fn entry(&self, folder: &Path, base: &str, by_content: bool) -> Result<(Entry, Option<Digest>), Diagnostic> {
        let tree = collect(self.name.as_str(), folder, &self.service.files)?;
        program::check(self.name, &self.service.service, &tree)?;
        let packages =
            if self.service.has_folder { lockfile_packages(folder, &self.source.scope)? } else { BTreeSet::new() };
        if !by_content {
            return Ok((self.layers(&tree, packages)?, None));
        }
        let key = key_of_content(&tree, base, &packages)?;
        match self.known(&key)? {
            Some(entry) => Ok((entry, None)),
            None => Ok((self.layers(&tree, packages)?, Some(key))),
        }
    }

    /// A result that was kept, unless it stands on something else than what would be made now: a lock that is gone, or
    /// names other packages, locks nothing that was made by it.
    fn known(&self, key: &Digest) -> Result<Option<Entry>, Diagnostic> {
        let kept = if self.request.update { None } else { self.cache.get(key, self.request.blobs) };
        let Some(entry) = kept else { return Ok(None) };
        let base = self.service.service.base.as_ref();
        let made = self.request.bases.stands_for_made(base, &entry.base, self.source.for_bases())?;
        Ok(made.is_some().then_some(entry))
    }

    /// The service's folder; of one without any, the manifest's, from which it takes nothing.
    pub(crate) fn folder(&self) -> Result<PathBuf, Diagnostic> {
        if self.service.has_folder {
            self.source.folder_of(self.name, self.service)
        } else {
            Ok(self.source.folder.clone())
        }
    }

    pub(crate) fn toolchains(&self, folder: &Path) -> BTreeMap<String, String> {
        let lines: Vec<&str> = self.service.build.iter().chain(&self.service.test).map(String::as_str).collect();
        let asked = Asked {
            folder,
            scope: &self.source.scope,
            isolation: self.isolation,
            confinements: self.confinements,
            limits: &self.request.limits,
            cache: self.cache,
        };
        versions(&asked, &lines)
    }

    pub(crate) fn fingerprint(
        &self,
        folder: &Path,
        listing: Option<&Listing>,
        base: &str,
        toolchains: &BTreeMap<String, String>,
    ) -> Result<Fingerprint, Diagnostic> {
        self.with_recipe(base, toolchains, |recipe| fingerprint(folder, &self.source.scope, listing, recipe))
    }

    fn with_recipe<T>(
        &self,
        base: &str,
        toolchains: &BTreeMap<String, String>,
        work: impl FnOnce(&Recipe<'_>) -> T,
    ) -> T {
        let files = self.service.files.iter().map(|source| format!("{source:?}"));
        let files = files.chain(self.service.junit.iter().map(|junit| format!("junit {junit}")));
        // What was kept has been looked at for these.
        let programs = program::own(&self.service.service).into_iter().map(|program| format!("program {program}"));
        let files: Vec<String> = files.chain(programs).collect();
        work(&Recipe {
            path: &self.service.path,
            build: &self.service.build,
            test: &self.service.test,
            files: &files,
            isolation: self.isolation,
            network: self.service.build_network,
            toolchains,
            base,
            is_clean: self.source.is_own(),
            manifest_folder: &self.source.folder,
        })
    }

    pub(crate) fn lines(&self, step: Step, folder: &Path, lines: &[String]) -> Result<(), Stopped> {
        if lines.is_empty() {
            return Ok(());
        }
        self.timed(step, || Lines { of: self, step, folder, lines }.run())
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
