//! A source tree in a temporary folder, and everything that a build borrows, in memory.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use seaworthy_diagnostics::{Diagnostic, render};
use seaworthy_host::files::{create_directory, write_atomic};
use seaworthy_host::process::command;
use seaworthy_model::release::{FileEntry, FileTree};
use seaworthy_model::{Digest, Name};
use seaworthy_pipeline::{BlobSink, Built, Event, Inspect, Request, Step, build};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Digest, Vec<u8>>>);

impl BlobSink for Memory {
    fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, Diagnostic> {
        let digest = Digest::of(bytes);
        self.0.lock().expect("no panic").insert(digest.clone(), bytes.to_vec());
        Ok(digest)
    }

    fn put_file(&self, path: &Path) -> Result<Digest, Diagnostic> {
        self.put_bytes(&seaworthy_host::files::read(path)?)
    }

    fn contains(&self, digest: &Digest) -> bool {
        self.0.lock().expect("no panic").contains_key(digest)
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

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) cache: tempfile::TempDir,
    pub(crate) blobs: Memory,
    pub(crate) events: Mutex<Vec<Event>>,
    pub(crate) cancel: AtomicBool,
    pub(crate) time_max: Duration,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            cache: tempfile::tempdir().expect("a folder"),
            blobs: Memory::default(),
            events: Mutex::default(),
            cancel: AtomicBool::new(false),
            time_max: Duration::from_secs(60),
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
        build(&Request {
            manifest_file: &self.path("seaworthy.toml"),
            commit,
            cache: self.cache.path(),
            blobs: &self.blobs,
            inspect: &self.blobs,
            test,
            time_max: self.time_max,
            progress: &|event| self.events.lock().expect("no panic").push(event),
            cancel: &self.cancel,
        })
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

    pub(crate) fn tree(&self, built: &Built, service: &str) -> FileTree {
        let image = &built.bundle.release.services[&Name::new(service).expect("a name")].image;
        let bytes = self.blobs.0.lock().expect("no panic").get(image).cloned().expect("the tree is kept");
        serde_json::from_slice(&bytes).expect("a tree")
    }

    /// The tree as lines.
    pub(crate) fn listing(&self, built: &Built, service: &str) -> Vec<String> {
        let entries = self.tree(built, service).entries.into_iter();
        entries
            .map(|(path, entry)| match entry {
                FileEntry::File { size_bytes, executable: false, .. } => format!("{path} {size_bytes}"),
                FileEntry::File { size_bytes, executable: true, .. } => format!("{path}* {size_bytes}"),
                FileEntry::Directory => format!("{path}/"),
                FileEntry::Link { to } => format!("{path} -> {to}"),
            })
            .collect()
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
