//! One home, one port, one app.

use super::disk::Mounted;
use super::http::{self, Response};
use super::processes::{self, Process, Role};
use super::wait_for;
use seaworthy_host::{home, process};
use serde_json::Value;
use std::cell::RefCell;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long one verb may take.
const VERB: Duration = Duration::from_secs(240);

pub(crate) struct World {
    /// What is mounted goes when everything has ended, and before the folder.
    mounted: RefCell<Option<Mounted>>,
    folder: tempfile::TempDir,
    pub(crate) home: PathBuf,
    pub(crate) app: PathBuf,
    pub(crate) port: u16,
    /// What its verbs, and so its node, get of the environment beside the usual.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// What a verb left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) words: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails unless it ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        let Self { words, code: was, stdout, stderr } = &self;
        assert_eq!(*was, code, "`seaworthy {words}`\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }

    /// Fails unless what it said for people has this in it.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let said = self.stderr.to_lowercase();
        assert!(
            said.contains(&text.to_lowercase()),
            "`seaworthy {}` does not say `{text}`:\n{}",
            self.words,
            self.stderr
        );
        self
    }
}

impl World {
    /// An empty home, and an app's folder with the subject in it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("seaworthy-").tempdir().expect("a temporary folder");
        // Services run as other users: they must be able to pass.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("own folder");
        let (home, app) = (folder.path().join("home"), folder.path().join("app"));
        fs::create_dir(&app).expect("a folder for the app");
        fs::copy(subject(), app.join("subject")).expect("the subject beside the tests: `cargo build --examples`");
        Self { home, app, port: free_port(), folder, mounted: RefCell::default(), variables: Vec::new() }
    }

    /// With the app of this manifest.
    pub(crate) fn with(manifest: &str) -> Self {
        let world = Self::new();
        world.write_manifest(manifest);
        world
    }

    /// Gives the home a disk of its own, of that many MiB.
    pub(crate) fn small_disk(&self, mebibytes: u32) {
        *self.mounted.borrow_mut() = Some(Mounted::small(&self.home, mebibytes));
    }

    pub(crate) fn write_manifest(&self, text: &str) {
        self.write("seaworthy.toml", text);
    }

    /// Writes a file of the app.
    pub(crate) fn write(&self, name: &str, text: &str) {
        seaworthy_host::files::write_atomic(&self.app.join(name), text.as_bytes(), 0o644).expect("the app's folder");
    }

    /// A verb in the app's folder, as a user would type it.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = process::command(env!("CARGO_BIN_EXE_seaworthy"));
        command.args(words).current_dir(&self.app).stdin(Stdio::null());
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", self.folder.path()).env("SEAWORTHY_HOME", &self.home);
        command.env("SEAWORTHY_PORT", self.port.to_string());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // What images stand on is fetched once for all tests.
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        command
    }

    /// Runs a verb to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let mut child = self.command(words);
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        let pid = child.id();
        let waiting = std::thread::spawn(move || child.wait_with_output());
        let until = Instant::now() + VERB;
        while !waiting.is_finished() {
            if Instant::now() > until {
                processes::kill(pid);
                let output = waiting.join().expect("a thread").expect("output");
                panic!("`{words:?}` took too long: {}", String::from_utf8_lossy(&output.stderr));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = waiting.join().expect("a thread").expect("output");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            words: words.join(" "),
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// `seaworthy up`, which must succeed.
    #[track_caller]
    pub(crate) fn up(&self) -> Ran {
        self.run(&["up"]).expect(0)
    }

    /// Deploys another manifest, which must succeed.
    #[track_caller]
    pub(crate) fn deploy(&self, manifest: &str) -> Ran {
        self.write_manifest(manifest);
        self.up()
    }

    /// A verb's data.
    #[track_caller]
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let ran = self.run(&[words, &["--json"]].concat()).expect(0);
        serde_json::from_str(&ran.stdout).expect("one JSON document")
    }

    /// Commits the app's folder.
    pub(crate) fn commit(&self) {
        let git = |words: &[&str]| {
            let mut command = process::command("git");
            command.args(["-c", "user.name=t", "-c", "user.email=t@localhost"]).args(words).current_dir(&self.app);
            command.env("PATH", "/usr/bin:/bin").env("HOME", self.folder.path());
            let output = command.output().expect("git");
            assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        git(&["init", "--quiet"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--allow-empty", "--message", "a change"]);
    }

    /// The body of a page, which must be there.
    #[track_caller]
    pub(crate) fn text(&self, path: &str) -> String {
        let answer = self.get(path).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    pub(crate) fn get(&self, path: &str) -> std::io::Result<Response> {
        http::get(self.port, super::manifest::HOST, path)
    }

    pub(crate) fn processes(&self) -> Vec<Process> {
        processes::of_home(&self.home)
    }

    /// The processes of one role.
    pub(crate) fn pids(&self, role: Role) -> Vec<u32> {
        self.processes().iter().filter(|process| process.role == role).map(|process| process.pid).collect()
    }

    /// How many processes there are of one role.
    pub(crate) fn count(&self, role: Role) -> usize {
        self.pids(role).len()
    }

    /// The one process of a role.
    #[track_caller]
    pub(crate) fn pid(&self, role: Role) -> u32 {
        let all = self.processes();
        match all.iter().filter(|process| process.role == role).collect::<Vec<_>>()[..] {
            [one] => one.pid,
            _ => panic!("not one {role:?}: {all:#?}"),
        }
    }

    /// A folder that the subject may write and that outlives releases.
    pub(crate) fn volume(&self, service: &str) -> PathBuf {
        self.home.join("volumes/subject/dev").join(service).join("data")
    }

    /// What the subjects of a service wrote into their record.
    pub(crate) fn record(&self, service: &str) -> Vec<String> {
        let text = fs::read_to_string(self.volume(service).join("record")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Ends everything; what is left then was lost by those who should have ended it.
    fn end(&self) -> Vec<Process> {
        if !self.processes().is_empty() {
            // A test may have killed the node: the next verb brings it back.
            self.run(&["node", "start"]);
            self.run(&["node", "stop", "--all"]);
        }
        let until = Instant::now() + Duration::from_secs(8);
        while !self.processes().is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let orphans = self.processes();
        for orphan in &orphans {
            let _ = process::signal(orphan.pid, process::Signal::SIGKILL);
        }
        orphans
    }

    /// What the node and the gateway had to say.
    fn tell_logs(&self) {
        let tail = |name: &str, wanted: &dyn Fn(&str) -> bool| {
            let log = fs::read_to_string(self.home.join(name)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().filter(|line| wanted(line)).collect();
            tell(&format!("--- {name}\n{}", lines[lines.len().saturating_sub(20)..].join("\n")));
        };
        tail("node.log", &|_| true);
        tail("gateway/gateway.log", &|_| true);
        tail("gateway/access.log", &|line| !line.contains("\"status\":200") && !line.contains("\"status\":101"));
    }

    /// What stays in the machine's own folders.
    fn forget(&self) {
        let runtime = Path::new(home::ROOT_RUNTIME);
        let _ = fs::remove_dir_all(runtime.join(home::home_hash(&self.home)));
        let slots = fs::read_dir(runtime.join("ids")).into_iter().flatten().flatten();
        for slot in slots.filter(|slot| fs::read(slot.path()).is_ok_and(|owner| owner == path_bytes(&self.home))) {
            let _ = fs::remove_file(slot.path());
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        if failed {
            self.tell_logs();
        }
        let orphans = self.end();
        self.forget();
        if !failed {
            assert!(orphans.is_empty(), "`node stop --all` left {orphans:#?}");
        }
    }
}

fn path_bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes().to_vec()
}

/// To whoever reads the failed test.
#[allow(clippy::print_stderr, reason = "the test harness shows it with the failure")]
pub(crate) fn tell(text: &str) {
    eprintln!("{text}");
}

/// The subject, which `cargo test` builds as an example.
fn subject() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_seaworthy")).with_file_name("examples").join("subject")
}

/// A port on which nobody listens, neither of the range that instances get nor of the one for outgoing connections.
pub(crate) fn free_port() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 40).unwrap_or(0) * 100;
    wait_for("a free port", Duration::from_secs(5), || {
        let port = 12_000 + spread + NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2_000;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    })
}
