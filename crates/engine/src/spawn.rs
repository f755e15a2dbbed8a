//! Starting a shim.

use crate::folders::InstanceFolders;
use crate::wire::{FirstStart, ShimSpec};
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_host::files::FileError;
use seaworthy_host::lock::Lock;
use seaworthy_host::process;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How long a shim may take to say whether the program was started.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How to start this program in the role of a shim.
#[derive(Debug, Clone, Default)]
pub struct ShimCommand {
    /// The program; `None`: this very one.
    pub program: Option<PathBuf>,
    /// Its arguments; none means `shim`.
    pub arguments: Vec<OsString>,
    /// Its environment, which the instance does not get.
    pub environment: Vec<(OsString, OsString)>,
}

impl ShimCommand {
    /// The program in the role of a shim, or in another one that only this crate knows.
    pub(crate) fn command_for(&self, role: Option<&str>) -> Command {
        let mut command = self.program.as_ref().map_or_else(process::self_command, process::command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if self.arguments.is_empty() {
            command.arg("shim");
        }
        command.args(&self.arguments).args(role);
        command
    }
}

/// Starts a shim, which takes over the lock, and waits until it has started the program.
///
/// # Errors
/// When the shim or the program could not be started; nothing runs then.
pub(crate) async fn spawn(
    shim: &ShimCommand,
    spec: &ShimSpec,
    folders: &InstanceFolders,
    lock: Lock,
) -> Result<(), Diagnostic> {
    let machine = |error: std::io::Error| Diagnostic::machine(format!("cannot start a shim: {error}")).later();
    let (ours, theirs) = UnixStream::pair().map_err(machine)?;
    let mut options = OpenOptions::new();
    let shim_log = options.append(true).create(true).mode(0o600).open(&folders.shim_log);
    let shim_log = shim_log.map_err(|error| FileError::new("open", &folders.shim_log, error))?;
    let mut command = shim.command_for(None);
    command.current_dir("/").stdin(OwnedFd::from(theirs)).stdout(lock.into_descriptor()).stderr(shim_log);
    let mut command = tokio::process::Command::from(command);
    let mut child = command.spawn().map_err(machine)?;
    drop(command); // it holds the lock, too
    let answer = converse(ours, spec).await;
    match answer {
        Ok(FirstStart::Started) => {
            // A node that lives on must not leave a zombie; one that dies leaves its children to init.
            tokio::spawn(async move { child.wait().await });
            Ok(())
        }
        Ok(FirstStart::Failed(why)) => {
            let _ = child.wait().await;
            Err(Diagnostic::service(format!("`{}` cannot be started: {why}", spec.program.display())))
        }
        Err(error) => {
            let _ = child.kill().await;
            let said = std::fs::read_to_string(&folders.shim_log).unwrap_or_default();
            let lines: Vec<String> = said.lines().rev().take(10).map(str::to_owned).collect();
            Err(Diagnostic::new(Fault::Seaworthy, format!("the shim of `{}` failed: {error}", spec.instance))
                .evidence(lines.into_iter().rev())
                .later())
        }
    }
}

/// Sends the specification and reads the answer.
async fn converse(socket: UnixStream, spec: &ShimSpec) -> std::io::Result<FirstStart> {
    socket.set_nonblocking(true)?;
    let mut socket = tokio::net::UnixStream::from_std(socket)?;
    let exchange = async {
        socket.write_all(&serde_json::to_vec(spec)?).await?;
        socket.shutdown().await?;
        let mut answer = Vec::new();
        (&mut socket).take(64 * 1024).read_to_end(&mut answer).await?;
        if answer.is_empty() {
            return Err(std::io::Error::other("it ended without a word"));
        }
        Ok(serde_json::from_slice(&answer)?)
    };
    tokio::time::timeout(START_TIMEOUT, exchange).await.map_err(|_| std::io::Error::other("it does not answer"))?
}
