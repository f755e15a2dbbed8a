//! A PostgreSQL of a test's own: Debian's package, a temporary folder, a free port, gone when this is dropped.

use super::wait_for;
use super::world::free_port;
use seaworthy_host::process;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const USER: &str = "postgres";

pub(crate) struct Postgres {
    server: Child,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Postgres {
    /// Starts one; returns when it accepts connections.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("seaworthy-postgres-").tempdir().expect("a temporary folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).expect("own folder");
        let id = Command::output(process::command("/usr/bin/id").args(["--user", USER])).expect("id");
        let id: u32 = String::from_utf8_lossy(&id.stdout).trim().parse().expect("a user `postgres` (its package)");
        // It refuses to run as root.
        chown(folder.path(), Some(id), Some(id)).expect("permission to give");
        let data = folder.path().join("data");
        let initdb = &mut command("initdb");
        initdb.args(["--auth=trust", "--no-sync", "--username", USER, "--pgdata"]).arg(&data);
        let made = initdb.output().expect("initdb");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let server = &mut command("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-p", &port.to_string()]);
        server.args(["-c", "fsync=off", "-c", "max_connections=200", "-c", "listen_addresses=127.0.0.1"]);
        let server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("postgres");
        wait_for("PostgreSQL", Duration::from_secs(30), || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { server, folder, port }
    }

    /// A new database's URL.
    pub(crate) fn database(&self, name: &str) -> String {
        let create = &mut command("psql");
        create.args(["--no-psqlrc", "--quiet", "--username", USER, "--port", &self.port.to_string(), "--host"]);
        create.arg(self.folder.path()).args(["--command", &format!("CREATE DATABASE {name}"), "postgres"]);
        // It accepts connections a moment before it answers them.
        wait_for("a new database", Duration::from_secs(30), || create.output().ok()?.status.success().then_some(()));
        format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT: at once, and whatever it has written is about to go.
        let _ = process::signal(self.server.id(), process::Signal::SIGQUIT);
        let _ = self.server.wait();
    }
}

/// One of its programs, as the user who may run it, ended with the thread that started it.
fn command(name: &str) -> Command {
    let mut command = process::command("/usr/bin/setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--pdeathsig", "QUIT"]);
    command.arg(programs().join(name)).current_dir("/").env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null());
    command
}

/// Debian keeps each version's programs apart; the newest is taken.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir(Path::new("/usr/lib/postgresql")).expect("PostgreSQL (package postgresql)");
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("initdb").is_file()).max().expect("PostgreSQL (package postgresql)")
}
