//! What Hurl files do, asked of the check helper: once for each text.

use seaworthy_checks::Runner;
use seaworthy_checks::wire::CheckFile;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_model::Digest;
use seaworthy_pipeline::Inspect;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// How many answers are kept; when there are more, all are asked for again.
const ANSWERS_MAX: usize = 5_000;

/// Asks the check helper what each Hurl file does.
pub(crate) struct Helper {
    runtime: Handle,
    /// What it answered, by text; may vanish at any time.
    answers: PathBuf,
}

impl Helper {
    /// Its calls wait on that runtime; what it answers is kept in a folder of results.
    pub(crate) fn new(runtime: Handle, cache: &Path) -> Self {
        Self { runtime, answers: cache.join("inspected") }
    }

    fn ask(&self, runner: &Runner, files: Vec<CheckFile>) -> Result<Vec<Vec<String>>, Vec<Diagnostic>> {
        let texts: Vec<String> = files.iter().map(|file| file.text.clone()).collect();
        let inspected = self.runtime.block_on(runner.inspect(files)).map_err(|e| vec![e.to_diagnostic()])?;
        let wrong: Vec<Diagnostic> =
            inspected.iter().zip(&texts).flat_map(|(file, text)| file.diagnostics(text)).collect();
        if wrong.is_empty() { Ok(inspected.into_iter().map(|file| file.methods).collect()) } else { Err(wrong) }
    }

    fn known(&self, key: &Digest) -> Option<Vec<String>> {
        serde_json::from_slice(&files::read_if_there(&self.answers.join(key.hex())).ok()??).ok()
    }

    /// Whoever cannot keep an answer asks again.
    fn keep(&self, key: &Digest, methods: &[String]) {
        let _ = files::create_directory(&self.answers, 0o700);
        if std::fs::read_dir(&self.answers).is_ok_and(|entries| entries.count() >= ANSWERS_MAX) {
            let _ = files::remove_tree(&self.answers);
            let _ = files::create_directory(&self.answers, 0o700);
        }
        let bytes = serde_json::to_vec(methods).unwrap_or_default();
        let _ = files::write_volatile(&self.answers.join(key.hex()), &bytes, 0o600);
    }
}

impl Inspect for Helper {
    fn methods(&self, files: &[PathBuf]) -> Result<Vec<Vec<String>>, Vec<Diagnostic>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let runner = Runner::locate().map_err(|e| vec![e.to_diagnostic()])?;
        // Another helper may answer something else.
        let identity = runner.helper().metadata().ok().map(|m| (m.len(), m.mtime(), m.mtime_nsec(), m.ino()));
        let mut all: Vec<(Digest, Option<Vec<String>>)> = Vec::new();
        let mut unknown = Vec::new();
        for path in files {
            let file = read(path)?;
            let key = Digest::of_json(&(identity, &file.text));
            let known = self.known(&key);
            if known.is_none() {
                unknown.push(file);
            }
            all.push((key, known));
        }
        let mut answers = if unknown.is_empty() { Vec::new() } else { self.ask(&runner, unknown)? }.into_iter();
        let mut methods = Vec::new();
        for (key, known) in all {
            methods.push(match known {
                Some(known) => known,
                None => {
                    let answer = answers.next().unwrap_or_default();
                    self.keep(&key, &answer);
                    answer
                }
            });
        }
        Ok(methods)
    }
}

fn read(path: &Path) -> Result<CheckFile, Vec<Diagnostic>> {
    let bytes = files::read(path).map_err(|e| vec![Diagnostic::user(e.to_string())])?;
    let name = path.display().to_string();
    let text = String::from_utf8(bytes).map_err(|_| vec![Diagnostic::user(format!("`{name}` is not UTF-8"))])?;
    Ok(CheckFile { name, text, ..CheckFile::default() })
}
