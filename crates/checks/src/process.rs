//! One run of the helper executable.

use crate::ChecksError;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};

/// The most that a helper may answer.
pub(crate) const ANSWER_BYTES_MAX: usize = 32 << 20;
/// How much of the helper's standard error is kept.
const STDERR_BYTES_MAX: usize = 4096;

/// How a helper is started.
pub(crate) struct Start<'a> {
    pub(crate) helper: &'a Path,
    /// User and group to run as.
    pub(crate) user: Option<(u32, u32)>,
    /// How long it may take; it is killed afterwards.
    pub(crate) deadline: Duration,
}

/// What a helper left behind.
pub(crate) struct Ended {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) status: std::process::ExitStatus,
}

/// Starts the helper, gives it the request and waits until it ended. It is killed when it takes too long, when it
/// answers too much, and when the future is dropped.
pub(crate) async fn exchange(start: Start<'_>, request: &[u8]) -> Result<Ended, ChecksError> {
    let child = spawn(&start).map_err(|source| ChecksError::Start { path: start.helper.to_owned(), source })?;
    let answered = tokio::time::timeout(start.deadline, converse(child, request)).await;
    answered.map_err(|_| ChecksError::Hung { after: start.deadline })?
}

fn spawn(start: &Start<'_>) -> std::io::Result<Child> {
    let mut command = Command::from(seaworthy_host::process::command(start.helper));
    command.current_dir("/").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some((user, group)) = start.user {
        // The standard library drops the supplementary groups of root together with its user id.
        command.uid(user).gid(group);
    }
    command.spawn()
}

async fn converse(mut child: Child, request: &[u8]) -> Result<Ended, ChecksError> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(ChecksError::Pipe(std::io::ErrorKind::BrokenPipe.into()));
    };
    let give = async {
        // A helper that ends without reading says why by its answer or its exit, not by the broken pipe.
        let _ = stdin.write_all(request).await;
        drop(stdin);
        Ok(())
    };
    let ((), stdout, stderr) = tokio::try_join!(give, take(stdout), head_of(stderr))?;
    let status = child.wait().await.map_err(ChecksError::Pipe)?;
    Ok(Ended { stdout, stderr: String::from_utf8_lossy(&stderr).into_owned(), status })
}

async fn take(stdout: ChildStdout) -> Result<Vec<u8>, ChecksError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    stdout.take(limit).read_to_end(&mut bytes).await.map_err(ChecksError::Pipe)?;
    if bytes.len() > ANSWER_BYTES_MAX {
        return Err(ChecksError::Flooded { bytes_max: ANSWER_BYTES_MAX });
    }
    Ok(bytes)
}

/// Keeps the beginning and reads the rest away, so that the helper never waits for it.
async fn head_of(mut stream: impl AsyncRead + Unpin) -> Result<Vec<u8>, ChecksError> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.map_err(ChecksError::Pipe)?;
        if count == 0 {
            return Ok(head);
        }
        let room = STDERR_BYTES_MAX - head.len();
        head.extend_from_slice(&buffer[..count.min(room)]);
    }
}
