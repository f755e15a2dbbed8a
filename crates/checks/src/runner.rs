//! Finding the helper and asking it.

use crate::process::{self, Ended, Start};
use crate::wire::{Answer, CheckFile, Connect, Inspected, Operation, REQUEST_BYTES_MAX, Request, VERSION};
use crate::{CheckResult, ChecksError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The helper's file name.
const HELPER: &str = "seaworthy-check";
/// The variable that names the helper where it is not beside the executable.
const HELPER_VARIABLE: &str = "SEAWORTHY_CHECK";
/// How long reading the files may take.
const INSPECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How much longer than its own deadline a helper may take to start and to answer.
const GRACE: Duration = Duration::from_secs(5);

/// Runs checks by the helper executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    helper: PathBuf,
}

/// Checks to run, all against one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// The files, each with a name of its own. One that has no `connect` of its own gets that of the request.
    pub files: Vec<CheckFile>,
    /// Where all connections go.
    pub connect: Option<Connect>,
    /// The user and group to run as; `None`: as this process.
    pub user: Option<(u32, u32)>,
    /// How long one HTTP request may take.
    pub timeout: Duration,
    /// How long everything together may take; checks that are left by then have timed out.
    pub total_timeout: Duration,
}

impl Runner {
    /// A runner with this helper.
    #[must_use]
    pub fn new(helper: impl Into<PathBuf>) -> Self {
        Self { helper: helper.into() }
    }

    /// A runner with the helper that stands beside the current executable, else with the one that `$SEAWORTHY_CHECK`
    /// names.
    ///
    /// # Errors
    /// [`ChecksError::Missing`] if there is neither.
    pub fn locate() -> Result<Self, ChecksError> {
        let beside = std::env::current_exe().ok().map(|executable| executable.with_file_name(HELPER));
        let named = std::env::var_os(HELPER_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        Self::first_of(beside.into_iter().chain(named).collect())
    }

    fn first_of(candidates: Vec<PathBuf>) -> Result<Self, ChecksError> {
        match candidates.iter().find(|path| path.is_file()) {
            Some(path) => Ok(Self::new(path)),
            None => Err(ChecksError::Missing { looked: candidates }),
        }
    }

    /// The helper's executable.
    #[must_use]
    pub fn helper(&self) -> &Path {
        &self.helper
    }

    /// Says what files would do, in their order. A file that is no Hurl is an answer too, with failures.
    ///
    /// # Errors
    /// [`ChecksError`] if the helper could not do it.
    pub async fn inspect(&self, files: Vec<CheckFile>) -> Result<Vec<Inspected>, ChecksError> {
        let request = request(Operation::Inspect, files, INSPECT_TIMEOUT, INSPECT_TIMEOUT);
        let inspected = |answer| match answer {
            Answer::Inspected(inspected) => Ok((inspected.name.clone(), inspected)),
            other => Err(other),
        };
        self.ask(&request, None, INSPECT_TIMEOUT, inspected).await
    }

    /// Runs files, in their order, one after the other.
    ///
    /// # Errors
    /// [`ChecksError`] if they could not run: that is no result, and certainly no pass.
    pub async fn run(&self, run: RunRequest) -> Result<Vec<CheckResult>, ChecksError> {
        let RunRequest { mut files, connect, user, timeout, total_timeout } = run;
        for file in &mut files {
            file.connect = file.connect.take().or_else(|| connect.clone());
        }
        let request = request(Operation::Run, files, timeout, total_timeout);
        let ran = |answer| match answer {
            Answer::Ran(ran) => Ok((ran.name.clone(), ran)),
            other => Err(other),
        };
        let answers = self.ask(&request, user, total_timeout.saturating_add(GRACE), ran).await?;
        let texts = request.files.into_iter().map(|file| file.text);
        Ok(answers.into_iter().zip(texts).map(|(ran, text)| CheckResult::new(ran, text)).collect())
    }

    async fn ask<T>(
        &self,
        request: &Request,
        user: Option<(u32, u32)>,
        deadline: Duration,
        expected: impl Fn(Answer) -> Result<(String, T), Answer>,
    ) -> Result<Vec<T>, ChecksError> {
        let bytes = serde_json::to_vec(request).map_err(|error| ChecksError::Pipe(error.into()))?;
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(ChecksError::TooLarge { bytes: bytes.len(), bytes_max: REQUEST_BYTES_MAX });
        }
        let ended = process::exchange(Start { helper: &self.helper, user, deadline }, &bytes).await?;
        read(&ended, &request.files, expected)
    }
}

fn request(operation: Operation, files: Vec<CheckFile>, timeout: Duration, total_timeout: Duration) -> Request {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    let (timeout_ms, total_timeout_ms) = (milliseconds(timeout), milliseconds(total_timeout));
    Request { version: VERSION, operation, files, timeout_ms, total_timeout_ms }
}

/// Reads the lines of a helper that ended. Only a complete answer counts: one for every file, in order, the summary,
/// and exit code 0.
fn read<T>(
    ended: &Ended,
    files: &[CheckFile],
    expected: impl Fn(Answer) -> Result<(String, T), Answer>,
) -> Result<Vec<T>, ChecksError> {
    let mut given = Vec::new();
    let mut complete = false;
    for line in ended.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let garbled = |source| ChecksError::Garbled { line: beginning_of(line), source };
        if complete {
            return Err(garbled(None));
        }
        let answer = serde_json::from_slice(line).map_err(|error| garbled(Some(error)))?;
        match expected(answer) {
            Ok((name, answer)) if files.get(given.len()).is_some_and(|file| file.name == name) => given.push(answer),
            Err(Answer::Summary { files: count }) if count == given.len() => complete = true,
            Err(Answer::Error { message }) => return Err(ChecksError::Refused { message }),
            Ok(_) | Err(_) => return Err(garbled(None)),
        }
    }
    if !complete || !ended.status.success() {
        return Err(ChecksError::Died { status: ended.status, stderr: ended.stderr.clone() });
    }
    match files.get(given.len()) {
        Some(file) => Err(ChecksError::Unanswered { name: file.name.clone() }),
        None => Ok(given),
    }
}

fn beginning_of(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(200)]).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_helper_that_is_there_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (missing, there) = (folder.path().join("missing"), folder.path().join(HELPER));
        std::fs::File::create(&there).unwrap();
        let runner = Runner::first_of(vec![missing.clone(), folder.path().to_owned(), there.clone()]).unwrap();
        assert_eq!(runner, Runner::new(there));
        let error = Runner::first_of(vec![missing.clone()]).unwrap_err();
        assert!(matches!(error, ChecksError::Missing { looked } if looked == [missing]));
    }
}
