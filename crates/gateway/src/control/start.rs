//! Starting a gateway.

use super::{ControlError, GatewayClient};
use seaworthy_host::process;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How long a parent may take until its first worker serves.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// Where a gateway lives and who it is.
#[derive(Debug, Clone)]
pub struct StartOptions {
    /// For its sockets; it exists and belongs to the gateway's user.
    pub runtime_dir: PathBuf,
    /// For its table and its logs; it exists and belongs to the gateway's user.
    pub state_dir: PathBuf,
    /// The user and group id that it runs as; `None`: the caller's.
    pub user: Option<(u32, u32)>,
    /// What the roles are called.
    pub roles: Roles,
}

/// The words that make a program the gateway's parent or worker.
#[derive(Debug, Clone)]
pub struct Roles {
    /// The words before the parent's own options.
    pub parent: Vec<OsString>,
    /// The words before the worker's own options.
    pub worker: Vec<OsString>,
}

impl Default for Roles {
    fn default() -> Self {
        Self { parent: vec!["gateway".into()], worker: vec!["gateway-worker".into()] }
    }
}

/// Starts a gateway of this very program unless one answers already; returns a client when its worker serves. It lives
/// on when the caller ends.
///
/// # Errors
/// [`ControlError`].
pub async fn start(options: &StartOptions) -> Result<GatewayClient, ControlError> {
    let client = GatewayClient::new(&options.runtime_dir);
    let spawned = match client.parent_status().await {
        Err(error) if error.is_unreachable() => Some(spawn(options)?),
        Err(error) => return Err(error),
        Ok(_) => None,
    };
    wait_until_ready(&client, options, spawned).await?;
    Ok(client)
}

fn log_path(options: &StartOptions) -> PathBuf {
    options.state_dir.join("gateway.log")
}

fn spawn(options: &StartOptions) -> Result<std::process::Child, ControlError> {
    let log = log_path(options);
    let not_started = |source| ControlError::NotStarted { log: log.clone(), source };
    let file = OpenOptions::new().append(true).create(true).mode(0o640).open(&log).map_err(not_started)?;
    let mut command = process::self_command();
    command.args(&options.roles.parent).arg("--runtime-dir").arg(&options.runtime_dir);
    command.arg("--state-dir").arg(&options.state_dir);
    for word in &options.roles.worker {
        let mut argument = OsString::from("--worker-word=");
        argument.push(word);
        command.arg(argument);
    }
    // What tunes the gateway comes along; nothing else of the node's environment does.
    command.envs(std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SEAWORTHY_GATEWAY_")));
    command.current_dir("/").stdin(Stdio::null());
    command.stdout(file.try_clone().map_err(not_started)?).stderr(file);
    if let Some((user, group)) = options.user {
        let _ = seaworthy_host::files::change_owner(&log, user, group);
        command.uid(user).gid(group);
    }
    command.spawn().map_err(not_started)
}

async fn wait_until_ready(
    client: &GatewayClient,
    options: &StartOptions,
    mut spawned: Option<std::process::Child>,
) -> Result<(), ControlError> {
    let deadline = Instant::now() + START_TIMEOUT;
    let not_started =
        |message: String| ControlError::NotStarted { log: log_path(options), source: io::Error::other(message) };
    loop {
        match client.parent_status().await {
            Ok(status) if status.worker_ready => break,
            Err(error) if !error.is_unreachable() => return Err(error),
            _ => {}
        }
        if let Some(status) = spawned.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
            return Err(not_started(format!("it ended at once ({status})")));
        }
        if Instant::now() >= deadline {
            return Err(not_started(format!("it does not serve after {START_TIMEOUT:?}")));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if let Some(mut child) = spawned {
        // Whoever starts it must take note of its end, or it stays a zombie as long as the starter lives.
        std::thread::spawn(move || child.wait());
    }
    Ok(())
}
