//! Programs beside that of a running instance.

use super::engine::Engine;
use super::terminal::{Terminal, TerminalSide};
use crate::exec::{EnterSpec, Entered};
use crate::wire::ExitKind;
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_model::pool::{InstanceId, PoolSpec};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

/// The longest word of the process that enters.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// A program that runs beside that of an instance.
#[derive(Debug)]
pub struct Exec {
    /// Where its streams are.
    pub streams: ExecStreams,
    /// How it ends.
    pub end: ExecEnd,
}

/// The program's streams, ours to read and write.
#[derive(Debug)]
pub enum ExecStreams {
    /// Three of them. Dropping the first ends the program's standard input.
    Pipes {
        /// What is written here is its standard input.
        input: pipe::Sender,
        /// Its standard output.
        output: pipe::Receiver,
        /// Its standard error.
        error: pipe::Receiver,
    },
    /// One for all.
    Terminal(TerminalSide),
}

/// The end of the program. Dropping it kills the program.
#[derive(Debug)]
pub struct ExecEnd {
    socket: BufReader<UnixStream>,
}

impl ExecEnd {
    /// How it ended.
    ///
    /// # Errors
    /// When nobody knows, because the process beside it was killed.
    pub async fn wait(&mut self) -> Result<ExitKind, Diagnostic> {
        match read_word(&mut self.socket).await {
            Ok(Entered::Ended(how)) => Ok(how),
            Ok(other) => Err(Diagnostic::new(Fault::Seaworthy, format!("it said {other:?} instead of how it ended"))),
            Err(error) => Err(Diagnostic::machine(format!("nobody knows how the program ended: {error}"))),
        }
    }
}

/// Why a program does not run in an instance.
#[derive(Debug)]
pub enum ExecRefusal {
    /// The instance has no such program.
    Missing,
    /// Another reason.
    Failed(Diagnostic),
}

impl From<Diagnostic> for ExecRefusal {
    fn from(error: Diagnostic) -> Self {
        Self::Failed(error)
    }
}

pub(super) async fn exec(
    engine: &Arc<Engine>,
    spec: &PoolSpec,
    id: &InstanceId,
    command: &[String],
    terminal: Option<Terminal>,
) -> Result<Exec, ExecRefusal> {
    let view = engine.live(id).map(|live| live.view.borrow().clone());
    let program = view.and_then(|view| view.shim).and_then(|shim| shim.program);
    let Some(beside) = program else {
        let error = Diagnostic::user(format!("`{id}` does not run just now"));
        return Err(error.help("`seaworthy status` shows what does").into());
    };
    let enter = EnterSpec {
        beside,
        group: spec.sandbox.is_some().then(|| engine.folders.instance(&id.0).group),
        user: engine.user(spec)?,
        command: command.to_vec(),
        has_terminal: terminal.is_some(),
        terminal_type: terminal.as_ref().map(|terminal| terminal.kind.clone()).unwrap_or_default(),
    };
    let machine = |error: io::Error| Diagnostic::machine(format!("cannot enter `{id}`: {error}"));
    let (streams, theirs) = streams(terminal.as_ref()).map_err(machine)?;
    let (ours, socket) = StdUnixStream::pair().map_err(machine)?;
    let mut child = start(engine, theirs, &socket).map_err(machine)?;
    drop(socket);
    ours.set_nonblocking(true).map_err(machine)?;
    let mut socket = BufReader::new(UnixStream::from_std(ours).map_err(machine)?);
    let mut line = serde_json::to_vec(&enter).unwrap_or_default();
    line.push(b'\n');
    socket.get_mut().write_all(&line).await.map_err(machine)?;
    // A node that lives on must not leave a zombie.
    tokio::spawn(async move { child.wait().await });
    match read_word(&mut socket).await.map_err(machine)? {
        Entered::Started => Ok(Exec { streams, end: ExecEnd { socket } }),
        Entered::Missing => Err(ExecRefusal::Missing),
        Entered::Failed(why) => {
            let name = command.first().map_or("", String::as_str);
            Err(Diagnostic::user(format!("`{name}` cannot be started in `{id}`: {why}"))
                .help("`seaworthy status` shows whether the instance runs")
                .into())
        }
        Entered::Ended(how) => {
            Err(Diagnostic::new(Fault::Seaworthy, format!("it ended before it began: {how}")).into())
        }
    }
}

/// Both sides of its streams.
fn streams(terminal: Option<&Terminal>) -> io::Result<(ExecStreams, [OwnedFd; 3])> {
    if let Some(terminal) = terminal {
        let (ours, theirs) = TerminalSide::open(terminal)?;
        return Ok((ExecStreams::Terminal(ours), [theirs.try_clone()?, theirs.try_clone()?, theirs]));
    }
    let (input, output, error) = (io::pipe()?, io::pipe()?, io::pipe()?);
    let streams = ExecStreams::Pipes {
        input: pipe::Sender::from_owned_fd(input.1.into())?,
        output: pipe::Receiver::from_owned_fd(output.0.into())?,
        error: pipe::Receiver::from_owned_fd(error.0.into())?,
    };
    Ok((streams, [input.0.into(), output.1.into(), error.1.into()]))
}

/// Starts the process that enters.
fn start(engine: &Engine, theirs: [OwnedFd; 3], socket: &StdUnixStream) -> io::Result<tokio::process::Child> {
    let mut command = engine.options.shim.command_for(Some("enter"));
    let [stdin, stdout, stderr] = theirs;
    command.stdin(Stdio::from(stdin)).stdout(stdout).stderr(stderr).current_dir("/");
    let socket = socket.as_raw_fd();
    let pass = move || {
        // SAFETY: both calls take integers. Where it has the number already, it must only stay open.
        let result = unsafe {
            if socket == 3 { nix::libc::fcntl(3, nix::libc::F_SETFD, 0) } else { nix::libc::dup2(socket, 3) }
        };
        nix::errno::Errno::result(result)?;
        Ok(())
    };
    // SAFETY: between fork and exec the child makes one system call, and allocates nothing.
    unsafe { std::os::unix::process::CommandExt::pre_exec(&mut command, pass) };
    tokio::process::Command::from(command).spawn()
}

async fn read_word(socket: &mut BufReader<UnixStream>) -> io::Result<Entered> {
    let mut line = Vec::new();
    loop {
        let available = socket.fill_buf().await?;
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(available.len(), |end| end + 1);
        line.extend_from_slice(&available[..taken]);
        socket.consume(taken);
        if end.is_some() {
            return Ok(serde_json::from_slice(&line)?);
        }
        if taken == 0 || line.len() > LINE_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
