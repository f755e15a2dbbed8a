//! The parent's arguments.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// What the parent is started with.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) runtime_dir: PathBuf,
    pub(super) state_dir: PathBuf,
    /// The words that make this program a worker.
    pub(super) worker_words: Vec<OsString>,
    /// The program of the workers; `None`: this one.
    pub(super) program: Option<PathBuf>,
}

impl Options {
    pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let (mut runtime_dir, mut state_dir, mut worker_words) = (None, None, Vec::new());
        let mut args = args.into_iter();
        while let Some(name) = args.next() {
            if let Some(word) = name.as_bytes().strip_prefix(b"--worker-word=") {
                worker_words.push(OsStr::from_bytes(word).to_owned());
                continue;
            }
            let value = args.next().ok_or_else(|| format!("`{}` has no value", name.display()))?;
            match name.to_str() {
                Some("--runtime-dir") => runtime_dir = Some(PathBuf::from(value)),
                Some("--state-dir") => state_dir = Some(PathBuf::from(value)),
                _ => return Err(format!("unknown argument `{}`", name.display())),
            }
        }
        if worker_words.is_empty() {
            worker_words.push("gateway-worker".into());
        }
        Ok(Self {
            runtime_dir: runtime_dir.ok_or("`--runtime-dir` is missing")?,
            state_dir: state_dir.ok_or("`--state-dir` is missing")?,
            worker_words,
            program: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_options_and_the_errors() {
        let parse = |words: &[&str]| Options::parse(words.iter().map(OsString::from));
        let options = parse(&["--runtime-dir", "/r", "--state-dir", "/s"]).unwrap();
        assert_eq!(options.runtime_dir, PathBuf::from("/r"));
        assert_eq!(options.worker_words, ["gateway-worker"]);
        let options =
            parse(&["--worker-word=a", "--runtime-dir", "/r", "--worker-word=--b", "--state-dir", "/s"]).unwrap();
        assert_eq!(options.worker_words, ["a", "--b"]);
        assert_eq!(parse(&["--runtime-dir", "/r"]).unwrap_err(), "`--state-dir` is missing");
        assert_eq!(parse(&["--state-dir"]).unwrap_err(), "`--state-dir` has no value");
        assert_eq!(parse(&["--what", "x"]).unwrap_err(), "unknown argument `--what`");
    }
}
