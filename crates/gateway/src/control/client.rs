//! The node's side.

use super::wire::{Answer, LINE_BYTES_MAX, Request, parent_socket, worker_socket};
use super::{
    CONTROL_VERSION, ControlError, EgressRefusal, ListenerEntry, ParentCommand, ParentStatus, PoolCount, Refusal,
    RefusalCode, WorkerCommand, WorkerStatus,
};
use seaworthy_model::routing::{ListenAddress, RoutingTable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as BlockingUnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// How long the gateway may take to answer what it can answer at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a worker may be away: it died and the parent starts another.
const WORKER_ABSENT_MAX: Duration = Duration::from_secs(5);
/// How long the gateway may take to finish what is in flight when it is to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Talks to a gateway. It keeps no connection: every call stands alone and may be repeated.
#[derive(Debug, Clone)]
pub struct GatewayClient {
    parent: PathBuf,
    worker: PathBuf,
}

impl GatewayClient {
    /// The gateway whose sockets are in this directory.
    #[must_use]
    pub fn new(runtime_dir: &Path) -> Self {
        Self { parent: parent_socket(runtime_dir), worker: worker_socket(runtime_dir) }
    }

    /// Gives the gateway a bound, listening socket. It replaces one of the same id, which is closed.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn listen(&self, id: &str, address: &ListenAddress, socket: OwnedFd) -> Result<(), ControlError> {
        let entry = ListenerEntry { id: id.to_owned(), address: address.clone() };
        self.ask_parent(ParentCommand::Listen(entry), Some(socket)).await
    }

    /// Closes a listener; one that is not there is no error.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn unlisten(&self, id: &str) -> Result<(), ControlError> {
        self.ask_parent(ParentCommand::Unlisten { id: id.to_owned() }, None).await
    }

    /// The listeners that the gateway holds, with what they are bound to.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn listeners(&self) -> Result<BTreeMap<String, ListenAddress>, ControlError> {
        self.ask_parent(ParentCommand::Listeners, None).await
    }

    /// Makes the gateway follow a table; returns when every new request does and the table outlives the worker.
    ///
    /// # Errors
    /// [`ControlError`]; [`super::RefusalCode::Stale`] if the gateway follows a later generation.
    pub async fn apply(&self, table: &RoutingTable) -> Result<(), ControlError> {
        self.ask_worker(&WorkerCommand::Apply(Box::new(table.clone())), ANSWER_TIMEOUT).await
    }

    /// Counts by pool id since this worker started.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn counters(&self) -> Result<BTreeMap<String, PoolCount>, ControlError> {
        self.ask_worker(&WorkerCommand::Counters, ANSWER_TIMEOUT).await
    }

    /// The connections outwards that were refused since this was asked last; of very many the newest.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn refusals(&self) -> Result<Vec<EgressRefusal>, ControlError> {
        self.ask_worker(&WorkerCommand::Refusals, ANSWER_TIMEOUT).await
    }

    /// Waits until nothing is in flight to these pools, at most `timeout`; then closes upgraded and TCP connections
    /// politely. Returns how much is in flight even so: requests of a protocol that cannot be ended politely.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn drained(&self, pools: &[String], timeout: Duration) -> Result<u64, ControlError> {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let command = WorkerCommand::Drained { pools: pools.to_vec(), timeout_ms };
        self.ask_worker(&command, timeout.saturating_add(ANSWER_TIMEOUT)).await
    }

    /// How the worker is.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn status(&self) -> Result<WorkerStatus, ControlError> {
        self.ask_worker(&WorkerCommand::Status, ANSWER_TIMEOUT).await
    }

    /// How the parent is.
    ///
    /// # Errors
    /// [`ControlError`]; [`ControlError::is_unreachable`] if there is none.
    pub async fn parent_status(&self) -> Result<ParentStatus, ControlError> {
        self.ask_parent(ParentCommand::Status, None).await
    }

    /// Puts a new worker in the place of the one that runs, of another program if one is named; no connection is
    /// refused meanwhile, and the old one finishes what it has begun.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn restart_worker(&self, program: Option<PathBuf>) -> Result<(), ControlError> {
        let before = self.parent_status().await?.worker_pid;
        self.ask_parent::<()>(ParentCommand::RestartWorker { program }, None).await?;
        let deadline = tokio::time::Instant::now() + ANSWER_TIMEOUT;
        loop {
            let status = self.parent_status().await?;
            if status.worker_ready && status.worker_pid != before {
                return Ok(());
            }
            if status.successor_pid.is_none() {
                let message = "the new worker did not come to serve; the old one goes on".to_owned();
                return Err(ControlError::Refused(Refusal::new(RefusalCode::Failed, message)));
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(ControlError::TimedOut(ANSWER_TIMEOUT));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends the gateway: it accepts nothing more, finishes what is in flight for a bounded time, and is gone when this
    /// returns. No gateway is no error.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn stop(&self) -> Result<(), ControlError> {
        match self.ask_parent::<()>(ParentCommand::Stop, None).await {
            Err(error) if error.is_unreachable() => Ok(()),
            other => other,
        }
    }

    async fn ask_parent<T>(&self, command: ParentCommand, descriptor: Option<OwnedFd>) -> Result<T, ControlError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let socket = self.parent.clone();
        // Descriptors travel by sendmsg; the parent answers at once, so a blocking call is simple and short.
        let asked = tokio::task::spawn_blocking(move || ask_parent_blocking(&socket, &command, descriptor.as_ref()));
        asked.await.map_err(|error| ControlError::Interrupted(io::Error::other(error)))?
    }

    async fn ask_worker<T: DeserializeOwned>(
        &self,
        command: &WorkerCommand,
        timeout: Duration,
    ) -> Result<T, ControlError> {
        let mut line = request_line(command)?;
        line.push(b'\n');
        let stream = self.connect_worker().await?;
        let exchange = async {
            let (reader, mut writer) = stream.into_split();
            writer.write_all(&line).await?;
            let mut answer = Vec::new();
            let mut reader = tokio::io::BufReader::new(reader).take(LINE_BYTES_MAX as u64);
            reader.read_until(b'\n', &mut answer).await?;
            Ok(answer)
        };
        let answer = tokio::time::timeout(timeout, exchange).await.map_err(|_| ControlError::TimedOut(timeout))?;
        read_answer(&answer.map_err(ControlError::Interrupted)?)
    }

    /// Connects to the worker; while there is none but a parent that starts one, waits a moment.
    async fn connect_worker(&self) -> Result<UnixStream, ControlError> {
        let deadline = tokio::time::Instant::now() + WORKER_ABSENT_MAX;
        loop {
            match UnixStream::connect(&self.worker).await {
                Ok(stream) => return Ok(stream),
                Err(source) => {
                    let parent_lives = UnixStream::connect(&self.parent).await.is_ok();
                    if !parent_lives || tokio::time::Instant::now() >= deadline {
                        return Err(ControlError::Unreachable { socket: self.worker.clone(), source });
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

fn ask_parent_blocking<T: DeserializeOwned>(
    socket: &Path,
    command: &ParentCommand,
    descriptor: Option<&OwnedFd>,
) -> Result<T, ControlError> {
    let unreachable = |source| ControlError::Unreachable { socket: socket.to_owned(), source };
    let stop = matches!(command, ParentCommand::Stop);
    let timeout = if stop { STOP_TIMEOUT } else { ANSWER_TIMEOUT };
    let mut line = request_line(command)?;
    line.push(b'\n');
    let mut stream = BlockingUnixStream::connect(socket).map_err(unreachable)?;
    let mut exchange = || -> io::Result<Vec<u8>> {
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let descriptors: Vec<_> = descriptor.iter().map(|descriptor| descriptor.as_fd()).collect();
        let sent = seaworthy_host::descriptor::send(&stream, &line, &descriptors)?;
        stream.write_all(&line[sent..])?;
        let mut answer = Vec::new();
        let mut reader = BufReader::new(&stream).take(LINE_BYTES_MAX as u64);
        reader.read_until(b'\n', &mut answer)?;
        if stop {
            // The parent closes this connection by ending.
            io::copy(&mut reader, &mut io::sink())?;
        }
        Ok(answer)
    };
    let answer = exchange().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ControlError::TimedOut(timeout),
        _ => ControlError::Interrupted(error),
    })?;
    read_answer(&answer)
}

fn request_line(command: &impl Serialize) -> Result<Vec<u8>, ControlError> {
    serde_json::to_vec(&Request { version: CONTROL_VERSION, command }).map_err(ControlError::Unreadable)
}

fn read_answer<T: DeserializeOwned>(line: &[u8]) -> Result<T, ControlError> {
    if !line.ends_with(b"\n") {
        return Err(ControlError::Interrupted(io::ErrorKind::UnexpectedEof.into()));
    }
    match serde_json::from_slice(line).map_err(ControlError::Unreadable)? {
        Answer::Done(value) => Ok(value),
        Answer::Refused(refusal) => Err(ControlError::Refused(refusal)),
    }
}
