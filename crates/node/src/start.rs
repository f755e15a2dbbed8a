//! Starting a node where a verb needs one.

use crate::{place, stopped};
use seaworthy_api::wire::NodeStopped;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::Instant;

/// How long a node may take to answer: after a reboot it first starts what ran before.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a node that is there may take to say anything.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What a node takes over from the environment of whoever starts it.
const INHERITED: [&str; 33] = [
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "JAVA_HOME",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "PATH",
    "REQUESTS_CA_BUNDLE",
    "RUSTUP_HOME",
    "SEAWORTHY_BUILD_MEMORY",
    "SEAWORTHY_BUILD_READS",
    "SEAWORTHY_CHECK",
    "SEAWORTHY_GATEWAY_THREADS",
    "SEAWORTHY_HOME",
    "SEAWORTHY_ISOLATION",
    "SEAWORTHY_KEEP_REVISIONS",
    "SEAWORTHY_KEEP_YOUNG_SECONDS",
    "SEAWORTHY_LISTEN",
    "SEAWORTHY_POLL_SECONDS",
    "SEAWORTHY_PORT",
    "SEAWORTHY_REGISTRY_PORT",
    "SEAWORTHY_WEBHOOK_PORT",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "USER",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The file in a node's home that holds what the node itself has to say.
pub const NODE_LOG: &str = "node.log";

/// Makes sure that the node of this user's verbs answers; returns its socket.
///
/// # Errors
/// When it does not answer in time, with the last lines of its log; when it is an installed one that somebody stopped,
/// and this user may not start it.
pub async fn ensure_running() -> Result<PathBuf, Diagnostic> {
    let socket = place::socket()?;
    if answers(&socket).await {
        return Ok(socket);
    }
    if !place::is_installed(&socket) {
        let child = spawn(&place::user_home())?;
        return wait(&socket, Some(child)).await;
    }
    // systemd starts again what died, and nothing that somebody stopped.
    if let Some(stopped) = stopped::recall(&place::user_home(), &socket) {
        start_installed().ok_or_else(|| stopped.diagnostic())??;
    }
    wait(&socket, None).await
}

/// Whether the node of this user's verbs was stopped by somebody who wants that, and does not answer.
///
/// # Errors
/// When there is an installed node that this user may not use.
pub async fn is_stopped() -> Result<Option<NodeStopped>, Diagnostic> {
    let socket = place::socket()?;
    // In this order: what it says before it ends is there once it does not answer any more.
    if answers(&socket).await {
        return Ok(None);
    }
    Ok(stopped::recall(&place::user_home(), &socket))
}

/// Lets systemd start the installed node; `None` where it does not run, or nobody but root may ask it.
fn start_installed() -> Option<Result<(), Diagnostic>> {
    if !seaworthy_host::peer::is_root() || !Path::new("/run/systemd/system").is_dir() {
        return None;
    }
    let mut command = seaworthy_host::process::command("systemctl");
    command.args(["start", "seaworthy.service"]).envs(std::env::vars_os()).stdin(Stdio::null());
    Some(match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let lines = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect::<Vec<_>>();
            Err(Diagnostic::machine("systemd does not start the node").evidence(lines))
        }
        Err(error) => Err(not_started(error)),
    })
}

/// Whether a node answers there now. A connection alone says little: the kernel still takes some for a node that is
/// being killed.
pub async fn answers(socket: &Path) -> bool {
    let ask = async {
        let mut stream = UnixStream::connect(socket).await?;
        // Whatever it says to this, it is there.
        stream.write_all(b"GET /v1 HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n").await?;
        stream.read_u8().await
    };
    matches!(tokio::time::timeout(ANSWER_TIMEOUT, ask).await, Ok(Ok(_)))
}

fn spawn(home: &Path) -> Result<Child, Diagnostic> {
    command(home)?.stdin(Stdio::null()).spawn().map_err(not_started)
}

/// Why there is no node.
#[allow(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
pub(crate) fn not_started(error: std::io::Error) -> Diagnostic {
    Diagnostic::machine(format!("cannot start the node: {error}"))
}

/// A node for a home, which writes its log there; with what a node takes over from the environment.
pub(crate) fn command(home: &Path) -> Result<Command, Diagnostic> {
    let machine = |what: String| Diagnostic::machine(what);
    seaworthy_host::files::create_directory(home, 0o711)?;
    let path = home.join(NODE_LOG);
    let log = OpenOptions::new().create(true).append(true).open(&path);
    let log = log.map_err(|e| FileError::new("write", &path, e))?;
    let errors = log.try_clone().map_err(|e| machine(e.to_string()))?;
    let mut command = seaworthy_host::process::self_command();
    command.args(["node", "run"]).current_dir("/");
    command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.stdout(log).stderr(errors);
    // Not in the process group of the terminal: Ctrl-C there is not for the node.
    command.process_group(0);
    Ok(command)
}

async fn wait(socket: &Path, mut child: Option<Child>) -> Result<PathBuf, Diagnostic> {
    let deadline = Instant::now() + START_TIMEOUT;
    let mut pause = Duration::from_millis(5);
    let mut ended = false;
    while Instant::now() < deadline {
        if answers(socket).await {
            return Ok(socket.to_path_buf());
        }
        if ended {
            break;
        }
        let exit = child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        if exit.is_some_and(|exit| exit.success()) {
            // Another node of this home was there. It answers soon, or it was about to end and one is needed after all.
            child = Some(spawn(&place::user_home())?);
        } else {
            ended = exit.is_some();
        }
        tokio::time::sleep(if ended { Duration::from_secs(1) } else { pause }).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    let log = place::user_home().join(NODE_LOG);
    let diagnostic = Diagnostic::machine("the node does not answer");
    Err(if place::is_installed(socket) {
        diagnostic.help("`systemctl status seaworthy` and `journalctl -u seaworthy` say why")
    } else {
        diagnostic.evidence(last_lines(&log)).help(format!("its log is `{}`", log.display()))
    })
}

/// The end of a log.
pub(crate) fn last_lines(log: &Path) -> Vec<String> {
    let bytes = seaworthy_host::files::read(log).unwrap_or_default();
    let tail = &bytes[bytes.len().saturating_sub(4096)..];
    let text = String::from_utf8_lossy(tail).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].iter().map(|&line| line.to_owned()).collect()
}
