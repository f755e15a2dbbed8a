//! A source tree in a temporary folder, and everything that a build borrows, in memory.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use seaworthy_diagnostics::{Diagnostic, render};
use seaworthy_host::files::{create_directory, write_atomic};
use seaworthy_host::process::command;
use seaworthy_image::{Image, ImageError, Source, oci};
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::verdict::TestCase;
use seaworthy_model::{Digest, Name};
use seaworthy_pipeline::verify::Verified;
use seaworthy_pipeline::{
    BlobSink, Built, Checked, CheckedStep, Event, Functional, FunctionalFailure, Inspect, NoBases, Request, SourceOf,
    Step, StepLimits, build, check, verify,
};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Digest, Vec<u8>>>);

impl Source for Memory {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + '_>, ImageError> {
        let blobs = self.0.lock().expect("no panic");
        let bytes = blobs.get(digest).ok_or_else(|| ImageError::Missing { digest: digest.clone() })?;
        Ok(Box::new(std::io::Cursor::new(bytes.clone())))
    }
}

impl BlobSink for Memory {
    fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, Diagnostic> {
        let digest = Digest::of(bytes);
        self.0.lock().expect("no panic").insert(digest.clone(), bytes.to_vec());
        Ok(digest)
    }

    fn put_written(
        &self,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), Diagnostic>,
    ) -> Result<Digest, Diagnostic> {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        self.put_bytes(&bytes)
    }

    fn contains(&self, digest: &Digest) -> bool {
        self.0.lock().expect("no panic").contains_key(digest)
    }
}

impl Memory {
    pub(crate) fn lose(&self, digest: &Digest) {
        self.0.lock().expect("no panic").remove(digest).expect("it was there");
    }
}

/// Takes the first word of each line of a check for a method.
impl Inspect for Memory {
    fn methods(&self, files: &[PathBuf]) -> Result<Vec<Vec<String>>, Vec<Diagnostic>> {
        let read =
            |path: &PathBuf| String::from_utf8(seaworthy_host::files::read(path).expect("there")).expect("UTF-8");
        let words = |text: String| -> Vec<String> {
            let mut words: Vec<String> = text.lines().filter_map(|l| l.split(' ').next()).map(str::to_owned).collect();
            words.sort();
            words.dedup();
            words
        };
        Ok(files.iter().map(read).map(words).collect())
    }
}

/// Stands where no functional checks are asked for.
pub(crate) struct NoChecks;

impl Functional for NoChecks {
    fn stands_for(&self, _bundle: &ReleaseBundle) -> Result<String, Vec<Diagnostic>> {
        panic!("nobody asked for functional checks")
    }

    fn run(
        &self,
        _bundle: &ReleaseBundle,
        _time_max: Duration,
        _stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<TestCase>, FunctionalFailure> {
        panic!("nobody asked for functional checks")
    }
}

/// The steps of a verdict, a line each.
pub(crate) fn steps(checked: &Checked) -> Vec<String> {
    let line = |step: &CheckedStep| {
        let report = &step.report;
        let outcome = serde_json::to_value(report.outcome).expect("JSON");
        let outcome = outcome.as_str().expect("a word");
        let cached = if report.cached { " cached" } else { "" };
        let reason = report.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} {outcome}{cached} {}/{}{reason}", report.id, report.attempts, report.attempts_max)
    };
    checked.steps.iter().map(line).collect()
}

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) cache: tempfile::TempDir,
    pub(crate) blobs: Memory,
    pub(crate) events: Mutex<Vec<Event>>,
    pub(crate) cancel: AtomicBool,
    pub(crate) limits: StepLimits,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            cache: tempfile::tempdir().expect("a folder"),
            blobs: Memory::default(),
            events: Mutex::default(),
            cancel: AtomicBool::new(false),
            limits: StepLimits { time_max: Duration::from_secs(60), ..StepLimits::of_this_machine() },
        }
    }

    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let world = Self::new();
        files.iter().for_each(|(path, text)| world.write(path, text));
        world
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        create_directory(path.parent().expect("a parent"), 0o755).expect("a folder");
        write_atomic(&path, text.as_bytes(), 0o644).expect("written");
    }

    pub(crate) fn link(&self, path: &str, to: impl AsRef<Path>) {
        let path = self.path(path);
        create_directory(path.parent().expect("a parent"), 0o755).expect("a folder");
        std::os::unix::fs::symlink(to, path).expect("linked");
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut git = command("git");
        git.args(["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "-C"]);
        git.arg(self.folder.path()).args(arguments).env("PATH", std::env::var_os("PATH").expect("a PATH"));
        let output = git.output().expect("git runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    pub(crate) fn commit_all(&self) -> String {
        if !self.path(".git").exists() {
            self.git(&["init", "--quiet"]);
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn build_with(&self, commit: bool, test: bool) -> Result<Built, Vec<Diagnostic>> {
        self.events.lock().expect("no panic").clear();
        self.with_request(commit, test, build)
    }

    pub(crate) fn verify_with(&self, commit: bool) -> BTreeMap<Name, Verified> {
        self.with_request(commit, false, verify).unwrap_or_else(|errors| panic!("{}", self.rendered(&errors)))
    }

    pub(crate) fn verified(&self) -> BTreeMap<Name, Verified> {
        self.verify_with(false)
    }

    /// Checks a commit, by any name, with these functional checks.
    pub(crate) fn checked_with(&self, of: &SourceOf, functional: &dyn Functional) -> Result<Checked, Vec<Diagnostic>> {
        self.events.lock().expect("no panic").clear();
        self.with_request(true, true, |request| check(&Request { of, keep_going: true, ..*request }, functional))
    }

    /// Checks the commit of HEAD, which has no functional checks.
    pub(crate) fn checked(&self) -> Checked {
        let checked = self.checked_with(&SourceOf::head(), &NoChecks);
        checked.unwrap_or_else(|errors| panic!("{}", self.rendered(&errors)))
    }

    fn with_request<T>(&self, commit: bool, test: bool, work: impl FnOnce(&Request<'_>) -> T) -> T {
        work(&Request {
            manifest_file: &self.path("seaworthy.toml"),
            of: &if commit { SourceOf::head() } else { SourceOf::WorkingTree },
            cache: self.cache.path(),
            blobs: &self.blobs,
            bases: &NoBases,
            inspect: &self.blobs,
            test,
            update: false,
            keep_going: false,
            deployable: true,
            limits: self.limits,
            progress: &|event| self.events.lock().expect("no panic").push(event),
            cancel: &self.cancel,
        })
    }

    /// Why builds are not isolated here; `None` where they are.
    pub(crate) fn not_isolated(&self) -> Option<String> {
        let events = self.events.lock().expect("no panic");
        events.iter().find_map(|event| if let Event::NotIsolated { why } = event { Some(why.clone()) } else { None })
    }

    pub(crate) fn built(&self) -> Built {
        self.build_with(false, true).unwrap_or_else(|errors| panic!("{}", self.rendered(&errors)))
    }

    pub(crate) fn refused(&self) -> String {
        match self.build_with(false, true) {
            Ok(_) => panic!("it was built"),
            Err(errors) => self.rendered(&errors),
        }
    }

    /// As a terminal shows it, with the temporary folder called `/src`.
    pub(crate) fn rendered(&self, errors: &[Diagnostic]) -> String {
        let folder = self.folder.path().canonicalize().expect("there");
        let text: String = errors.iter().map(|error| render(error, false)).collect();
        text.replace(&folder.display().to_string(), "/src").replace(&self.folder.path().display().to_string(), "/src")
    }

    /// The image of a service.
    pub(crate) fn image(&self, built: &Built, service: &str) -> Image {
        let image = &built.bundle.release.services[&Name::new(service).expect("a name")].image;
        oci::image(&self.blobs, image).expect("an image")
    }

    /// The entries of `/app` as lines, but the folders that have something in them.
    pub(crate) fn listing(&self, built: &Built, service: &str) -> Vec<String> {
        let layer = self.image(built, service).layers.pop().expect("a layer");
        let bytes = self.blobs.bytes(&layer.digest, u64::MAX - 1).expect("the layer is kept");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut lines = Vec::new();
        for entry in archive.entries().expect("an archive") {
            let entry = entry.expect("an entry");
            let path = entry.path().expect("a path").to_str().expect("UTF-8").to_owned();
            let Some(path) = path.strip_prefix("app/").filter(|path| !path.is_empty()) else { continue };
            let (kind, mode) = (entry.header().entry_type(), entry.header().mode().expect("a mode"));
            let link = || entry.link_name().expect("a link").expect("a link").display().to_string();
            lines.push(match kind {
                tar::EntryType::Directory => path.to_owned(),
                tar::EntryType::Symlink => format!("{path} -> {}", link()),
                _ => format!("{path}{} {}", if mode == 0o755 { "*" } else { "" }, entry.size()),
            });
        }
        let full = |line: &String| {
            line.ends_with('/') && lines.iter().any(|other| other != line && other.starts_with(line.as_str()))
        };
        let empty: Vec<String> = lines.iter().filter(|line| !full(line)).cloned().collect();
        empty
    }

    /// What was done, such as `a build`, `a unchanged`.
    pub(crate) fn done(&self) -> Vec<String> {
        let events = self.events.lock().expect("no panic");
        let mut done: Vec<String> = events
            .iter()
            .filter_map(|event| match event {
                Event::Unchanged { service } => Some(format!("{service} unchanged")),
                Event::Finished { service, step: Step::Build, .. } => Some(format!("{service} build")),
                Event::Finished { service, step: Step::Test, .. } => Some(format!("{service} test")),
                _ => None,
            })
            .collect();
        done.sort();
        done
    }

    /// Every line that programs wrote.
    pub(crate) fn lines(&self) -> Vec<String> {
        let events = self.events.lock().expect("no panic");
        events.iter().filter_map(|e| if let Event::Line { text, .. } = e { Some(text.clone()) } else { None }).collect()
    }
}
