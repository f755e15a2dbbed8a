//! A worker as its parent knows it.

use super::options::Options;
use crate::control::{ChannelCommand, ChannelEvent, LineChannel, ListenerEntry};
use crate::log;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use seaworthy_host::process;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long a worker may take to read what its parent tells it.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// A listener that the parent holds.
#[derive(Debug)]
pub(super) struct HeldListener {
    pub(super) entry: ListenerEntry,
    pub(super) socket: OwnedFd,
}

/// A running worker and the channel that is its standard input.
#[derive(Debug)]
pub(super) struct WorkerProcess {
    child: Child,
    pub(super) channel: LineChannel,
    pub(super) ready: bool,
    pub(super) started: Instant,
}

impl WorkerProcess {
    /// Starts a worker and gives it every listener.
    pub(super) fn start<'a>(
        options: &Options,
        listeners: impl Iterator<Item = &'a HeldListener>,
    ) -> io::Result<WorkerProcess> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(SEND_TIMEOUT))?;
        let mut command = match &options.program {
            Some(program) => process::command(program),
            None => process::self_command(),
        };
        command.args(&options.worker_words);
        command.arg("--runtime-dir").arg(&options.runtime_dir).arg("--state-dir").arg(&options.state_dir);
        command.envs(std::env::vars_os());
        // Not a descriptor of its own number: standard input needs no unsafe code between fork and exec.
        let child = command.stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
        log::line("parent", format_args!("worker {} started", child.id()));
        let mut worker = Self { child, channel: LineChannel::new(ours), ready: false, started: Instant::now() };
        for listener in listeners {
            worker.listen(listener);
        }
        Ok(worker)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn listen(&mut self, listener: &HeldListener) {
        let message = ChannelCommand::Listen(listener.entry.clone());
        let sent = self.channel.send(&message, Some(listener.socket.as_fd()));
        self.note(sent);
    }

    pub(super) fn unlisten(&mut self, id: &str) {
        let sent = self.channel.send(&ChannelCommand::Unlisten { id: id.to_owned() }, None);
        self.note(sent);
    }

    /// Asks it to stop accepting, to finish what it has begun, and to end.
    pub(super) fn finish(&mut self, within: Duration) {
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let sent = self.channel.send(&ChannelCommand::Finish { within_ms }, None);
        self.note(sent);
    }

    /// Reads what it says, if it says anything; false when it has gone.
    pub(super) fn read_if_there(&mut self) -> bool {
        let mut watched = [PollFd::new(self.channel.as_fd(), PollFlags::POLLIN)];
        if poll(&mut watched, PollTimeout::ZERO).is_ok_and(|count| count == 0) {
            return true;
        }
        let open = self.channel.fill().unwrap_or(false);
        while let Some(line) = self.channel.next_line() {
            match serde_json::from_slice(&line) {
                Ok(ChannelEvent::Ready) => self.ready = true,
                Err(error) => log::line("parent", format_args!("worker {} says nonsense: {error}", self.id())),
            }
        }
        open
    }

    /// Ends it without asking and takes note of its end.
    pub(super) fn end(mut self) -> String {
        // Its channel closes only with its end; where that is not so, it is beyond reach and has to go.
        let _ = self.child.kill();
        self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    fn note(&self, sent: io::Result<()>) {
        // One that cannot be reached has died, which shows as the end of its channel.
        if let Err(error) = sent {
            log::line("parent", format_args!("worker {} cannot be told anything: {error}", self.id()));
        }
    }
}
