//! A PostgreSQL server for the tests: Debian's package, a folder and a port of its own, gone when this is dropped.

use crate::failure::Failure;
use crate::shell;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const USER: &str = "postgres";

pub(super) struct Postgres {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// `None` where PostgreSQL is not installed.
    pub(super) fn start() -> Result<Option<Self>, Failure> {
        let Some(programs) = programs() else { return Ok(None) };
        let folder = std::env::temp_dir().join(format!("seaworthy-postgres-{}", std::process::id()));
        let at = folder.to_string_lossy().into_owned();
        let root = Path::new("/");
        run(root, &["mkdir", "--mode=0700", &at])?;
        if is_root() {
            // It refuses to run as root.
            run(root, &["chown", USER, &at])?;
        }
        let data = format!("{at}/data");
        let program = |name: &str| programs.join(name).to_string_lossy().into_owned();
        let initdb = program("initdb");
        run(root, &as_user(&[&initdb, "--auth=trust", "--no-sync", "--username", USER, "--pgdata", &data]))?;
        let port = free_port(&folder)?;
        let (number, postgres) = (port.to_string(), program("postgres"));
        let settings = ["-c", "fsync=off", "-c", "max_connections=400", "-c", "listen_addresses=127.0.0.1"];
        let mut words = as_user(&[&postgres, "-D", &data, "-p", &number, "-k", &at]);
        words.extend(settings);
        let mut command = shell::command(root, &words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().map_err(|source| Failure::Start { program: postgres.clone(), source })?;
        let mut started = Self { server, folder, port };
        started.wait_until_it_serves()?;
        Ok(Some(started))
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_it_serves(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if Instant::now() > deadline || self.server.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Err(Failure::Exit { command: "postgres".to_owned(), code: -1 });
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT: at once, and whatever it has written is about to go.
        let _ = run(Path::new("/"), &["kill", "-QUIT", &self.server.id().to_string()]);
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Debian keeps each version's programs apart; the newest is taken.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut versions: Vec<PathBuf> = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    versions.retain(|programs| programs.join("initdb").is_file());
    versions.sort();
    versions.pop()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The words, for a user who may run the server.
fn as_user<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut all =
        if is_root() { vec!["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] } else { Vec::new() };
    all.extend(words);
    all
}

fn run(folder: &Path, words: &[&str]) -> Result<(), Failure> {
    shell::capture(folder, words).map(drop)
}

fn free_port(folder: &Path) -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|source| Failure::Io { path: folder.to_owned(), source })
}
