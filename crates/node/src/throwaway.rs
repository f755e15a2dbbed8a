//! A node that somebody needs for a while, and that leaves nothing behind: it ends when its standard input does, which
//! whoever started it holds open, and takes everything with it that it ran.

use crate::options::Options;
use crate::{Node, supervise};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::{FileError, create_directory, read_if_there, remove_tree, write_volatile};
use seaworthy_host::{peer, ports, process, user_ids};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What makes a node one that is thrown away.
pub(crate) const WORD: &str = "--throwaway";
/// The file in its home that says who needs it: process and start time.
const OWNER: &str = "owner";
/// How long it may take to end everything.
const END_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A node of one's own. Dropping it ends it, waits until everything of it is gone, and removes its home.
#[derive(Debug)]
pub struct Throwaway {
    home: PathBuf,
    child: Child,
    /// As long as this is open, it runs.
    held: Option<ChildStdin>,
}

impl Throwaway {
    /// Starts one in a folder that is not there yet, for users on a port of 127.0.0.1; returns at once.
    ///
    /// # Errors
    /// When the folder cannot be made or the program not be started.
    pub fn start(home: PathBuf, port: u16) -> Result<Self, Diagnostic> {
        // The users of its services must be able to pass.
        create_directory(&home, 0o711)?;
        let own = std::process::id();
        let owner = format!("{own} {}", process::start_time(own).unwrap_or_default());
        write_volatile(&home.join(OWNER), owner.as_bytes(), 0o600)?;
        Self::run(home, port)
    }

    fn run(home: PathBuf, port: u16) -> Result<Self, Diagnostic> {
        let mut command = crate::start::command(&home)?;
        command.arg(WORD).env("SEAWORTHY_HOME", &home).env("SEAWORTHY_LISTEN", format!("127.0.0.1:{port}"));
        command.env_remove("SEAWORTHY_PORT").env_remove("SEAWORTHY_REGISTRY_PORT");
        command.env_remove("SEAWORTHY_WEBHOOK_PORT");
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(crate::start::not_started)?;
        let held = child.stdin.take();
        Ok(Self { home, child, held })
    }

    /// Its socket.
    ///
    /// # Errors
    /// When the folder for sockets cannot be made.
    pub fn socket(&self) -> Result<PathBuf, Diagnostic> {
        crate::place::socket_of(&self.home)
    }

    /// Whether it is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines of its log.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        crate::start::last_lines(&self.home.join(crate::start::NODE_LOG))
    }

    fn wait(&mut self) {
        self.held = None;
        let until = Instant::now() + END_TIMEOUT;
        while self.is_running() && Instant::now() < until {
            std::thread::sleep(LOOK_EVERY);
        }
        if self.is_running() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        self.wait();
        // It has done so itself, unless something killed it: then what it ran is ended the next time.
        if !self.home.join("node.lock").exists() {
            let _ = remove_tree(&self.home);
        }
    }
}

/// Ends what is left in a folder of throwaway homes: nodes whose owner is gone and which were killed with it.
pub fn end_leftovers(folder: &Path) {
    let homes = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for home in homes.filter(|home| home.is_dir() && !has_owner(home)) {
        // A node of that home knows what it ran, ends it, and removes the home. One that is about to do so already
        // holds the home's lock, and this one leaves it to that.
        let port = ports::find_free(|_| false);
        drop(port.and_then(|port| Throwaway::run(home, port).ok()));
    }
}

fn has_owner(home: &Path) -> bool {
    let text = read_if_there(&home.join(OWNER)).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let numbers = text.as_deref().and_then(|text| text.split_once(' '));
    let alive = |(pid, started): (&str, &str)| Some(process::is_alive(pid.parse().ok()?, started.parse().ok()?));
    numbers.and_then(alive).unwrap_or(false)
}

/// Waits until nobody holds standard input open any more.
pub(crate) async fn until_let_go() {
    // A thread of its own, which nothing waits for: reading cannot be interrupted.
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while std::io::stdin().lock().read(&mut buffer).is_ok_and(|count| count > 0) {}
        let _ = tell.send(());
    });
    let _ = told.await;
}

/// Ends all that this node runs and removes what it made.
pub(crate) async fn vanish(node: &Arc<Node>) {
    if let Err(error) = node.stop(true).await {
        supervise::complain(&error);
        return;
    }
    if let Err(error) = forget(&node.options) {
        supervise::complain(&Diagnostic::from(error));
    }
}

fn forget(options: &Options) -> Result<(), FileError> {
    remove_tree(&options.runtime)?;
    if peer::is_root() {
        user_ids::release(&options.home)?;
    }
    remove_tree(&options.home)
}
