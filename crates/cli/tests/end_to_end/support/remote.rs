//! Another machine, as far as ssh can tell: a real sshd of its own, another user, another home.

use super::accounts::Account;
use super::processes::{self, kill_if_there};
use super::wait_for;
use super::world::{Ran, World, free_port};
use seaworthy_host::linux::procfs;
use seaworthy_host::process;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Machine {
    /// Where users of what runs there reach its gateway.
    pub(crate) port: u16,
    pub(crate) user: Account,
    ssh_port: u16,
    folder: tempfile::TempDir,
    sshd: Option<Child>,
}

impl Machine {
    /// With sshd running and nothing of Seaworthy on it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("seaworthy-remote-").tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("own folder");
        let user = Account::new(folder.path(), &[]);
        let mut machine = Self { port: free_port(), ssh_port: free_port(), user, folder, sshd: None };
        for name in ["host", "user", "other"] {
            let mut command = process::command("ssh-keygen");
            command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(machine.file(name));
            assert!(command.status().expect("ssh-keygen (package openssh-client)").success());
        }
        let keys = machine.user.home.join(".ssh");
        fs::create_dir(&keys).expect("a folder for keys");
        fs::copy(machine.file("user.pub"), keys.join("authorized_keys")).expect("a key");
        [keys.join("authorized_keys"), keys].iter().for_each(|path| machine.user.own(path));
        machine.write_configuration();
        // sshd insists on this folder, which the system's own start script makes.
        fs::create_dir_all("/run/sshd").expect("sshd's folder");
        machine.start_sshd();
        machine
    }

    /// With the program in the user's own folder for programs.
    pub(crate) fn with_program() -> Self {
        let machine = Self::new();
        let folder = machine.user.home.join(".local/bin");
        fs::create_dir_all(&folder).expect("a folder for programs");
        let program = Path::new(env!("CARGO_BIN_EXE_seaworthy"));
        fs::copy(program, folder.join("seaworthy")).expect("a copy of the program");
        let helper = fs::copy(program.with_file_name("seaworthy-check"), folder.join("seaworthy-check"));
        helper.expect("its helper beside it: `cargo build --package seaworthy-check`");
        machine
    }

    fn write_configuration(&self) {
        let (folder, ssh_port, state) = (self.folder.path().display(), self.ssh_port, self.state());
        let sshd = format!(
            "Port {ssh_port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\n\
             SetEnv SEAWORTHY_PORT={} SEAWORTHY_HOME={}\n",
            self.port,
            state.display()
        );
        let host_key = fs::read_to_string(self.file("host.pub")).expect("a key");
        let other_key = fs::read_to_string(self.file("other.pub")).expect("a key");
        let client = |key: &str, known: &str| {
            format!(
                "Host *\nIdentityFile {folder}/{key}\nIdentitiesOnly yes\nIdentityAgent none\n\
                 UserKnownHostsFile {folder}/{known}\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n"
            )
        };
        let files = [
            ("sshd_config", sshd),
            ("known", format!("[127.0.0.1]:{ssh_port} {host_key}")),
            ("mistaken", format!("[127.0.0.1]:{ssh_port} {other_key}")),
            ("good", client("user", "known")),
            ("refused-key", client("other", "known")),
            ("wrong-host", client("user", "mistaken")),
        ];
        for (name, text) in files {
            seaworthy_host::files::write_atomic(&self.file(name), text.as_bytes(), 0o644).expect("a configuration");
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The node's state there.
    pub(crate) fn state(&self) -> PathBuf {
        self.user.home.join("state")
    }

    /// What a manifest says: `node = "…"`.
    pub(crate) fn url(&self) -> String {
        format!("ssh://{}@127.0.0.1:{}", self.user.name, self.ssh_port)
    }

    pub(crate) fn start_sshd(&mut self) {
        let mut command = process::command("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(self.file("sshd_config"));
        let log = fs::File::create(self.file("sshd.log")).expect("a log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.sshd = Some(command.spawn().expect("sshd (package openssh-server)"));
        let port = self.ssh_port;
        wait_for("sshd", Duration::from_secs(20), || TcpStream::connect(("127.0.0.1", port)).ok());
    }

    /// Cuts every connection, as a lost network would; who comes again is let in.
    pub(crate) fn cut(&self) {
        let Some(listener) = self.sshd.as_ref().map(Child::id) else { return };
        let all = procfs::all();
        let monitors: Vec<u32> = all.iter().filter(|stat| stat.parent == listener).map(|stat| stat.pid).collect();
        let sessions = all.iter().filter(|stat| monitors.contains(&stat.parent)).map(|stat| stat.pid);
        sessions.chain(monitors.iter().copied()).for_each(kill_if_there);
    }

    /// Cuts every connection and lets nobody in.
    pub(crate) fn unplug(&mut self) {
        self.cut();
        if let Some(mut sshd) = self.sshd.take() {
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
    }

    /// A verb typed on this side, with this configuration of ssh.
    pub(crate) fn command(&self, world: &World, configuration: &str, words: &[&str]) -> Command {
        let mut command = world.command(words);
        command.env("SEAWORTHY_SSH", format!("ssh -F {}", self.file(configuration).display()));
        command
    }

    /// Runs a verb to its end.
    pub(crate) fn run(&self, world: &World, words: &[&str]) -> Ran {
        finish(self.command(world, "good", words), words)
    }

    /// The processes of the node there.
    pub(crate) fn processes(&self) -> Vec<processes::Process> {
        processes::of_home(&self.state())
    }

    fn program(&self) -> PathBuf {
        self.user.home.join(".local/bin/seaworthy")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.unplug();
        if !self.processes().is_empty() && self.program().is_file() {
            let stop = |words: &[&str]| {
                let mut command = self.user.command(self.program());
                command.args(words).env("SEAWORTHY_HOME", self.state()).env("SEAWORTHY_PORT", self.port.to_string());
                let _ = command.output();
            };
            stop(&["node", "start"]);
            stop(&["node", "stop", "--all"]);
        }
        let until = std::time::Instant::now() + Duration::from_secs(8);
        while !self.processes().is_empty() && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let orphans = self.processes();
        orphans.iter().for_each(|orphan| kill_if_there(orphan.pid));
        let _ = fs::remove_dir_all(Path::new("/tmp").join(format!("seaworthy-{}", self.user.uid)));
        if !std::thread::panicking() {
            assert!(orphans.is_empty(), "`node stop --all` left {orphans:#?}");
        }
    }
}

/// Waits for a verb's end.
pub(crate) fn finish(mut command: Command, words: &[&str]) -> Ran {
    let output = command.output().expect("the binary");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        words: words.join(" "),
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}
