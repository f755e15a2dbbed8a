//! A node that the machine's administrator has installed, and the users of its group.

use crate::support::accounts::{Account, administer};
use crate::support::manifest::small;
use crate::support::processes::{self, Role};
use crate::support::remote::finish;
use crate::support::wait_for;
use crate::support::world::{Ran, World};
use seaworthy_host::lock::Lock;
use seaworthy_host::{peer, process};
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

const FOLDER: &str = "/run/seaworthy";
const SOCKET: &str = "/run/seaworthy/node.sock";
const GROUP: &str = "seaworthy";

/// What `seaworthy.service` starts, started by the test: the same words, the same folder.
struct Installed<'a> {
    world: &'a World,
    node: Child,
    made_group: bool,
    _one_at_a_time: Lock,
}

impl<'a> Installed<'a> {
    fn start(world: &'a World, program: &Path) -> Self {
        let lock = Path::new("/tmp/seaworthy-test-installed.lock");
        let one_at_a_time = wait_for("the machine's one place for an installed node", Duration::from_secs(300), || {
            Lock::try_acquire(lock).expect("a lock")
        });
        assert!(UnixStream::connect(SOCKET).is_err(), "this machine has an installed node: the test needs its place");
        let _ = fs::remove_dir_all(FOLDER); // of a test that was killed
        let made_group = peer::group_id(GROUP).is_none();
        if made_group {
            administer("groupadd", &["--system", GROUP]);
        }
        fs::DirBuilder::new().mode(0o750).create(FOLDER).expect("the folder that systemd makes");
        let mut command = process::command(program);
        let listen = format!("127.0.0.1:{}", world.port);
        command.args(["node", "run", "--socket", SOCKET, "--group", GROUP, "--listen", &listen]);
        command.env("PATH", "/usr/bin:/bin").env("SEAWORTHY_HOME", &world.home);
        let log = fs::File::create(world.app.join("node.log")).expect("a log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let node = command.spawn().expect("the binary");
        let installed = Self { world, node, made_group, _one_at_a_time: one_at_a_time };
        wait_for("the node", Duration::from_secs(30), || UnixStream::connect(SOCKET).ok());
        installed
    }
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        let mut command = self.world.command(&["node", "stop", "--all"]);
        let _ = command.env_remove("SEAWORTHY_HOME").output();
        let _ = self.node.wait();
        let _ = fs::remove_dir_all(FOLDER);
        if self.made_group {
            let _ = process::command("groupdel").arg(GROUP).env("PATH", "/usr/sbin:/usr/bin").output();
        }
    }
}

/// A user with a copy of the app.
fn developer(folder: &Path, world: &World, version: &str, groups: &[&str]) -> Account {
    let account = Account::new(folder, groups);
    let app = account.home.join("app");
    fs::create_dir(&app).expect("a folder");
    fs::copy(world.app.join("subject"), app.join("subject")).expect("the subject");
    let manifest = app.join("seaworthy.toml");
    seaworthy_host::files::write_atomic(&manifest, small(version).as_bytes(), 0o644).expect("a manifest");
    [app.join("subject"), app.join("seaworthy.toml"), app].iter().for_each(|path| account.own(path));
    account
}

fn run(account: &Account, program: &Path, words: &[&str]) -> Ran {
    let mut command = account.command(program);
    command.args(words).current_dir(account.home.join("app"));
    finish(command, words)
}

/// A copy of the program where everybody may run it.
fn program(folder: &Path) -> PathBuf {
    let path = folder.join("seaworthy");
    fs::copy(env!("CARGO_BIN_EXE_seaworthy"), &path).expect("a copy of the program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
    path
}

#[test]
fn the_group_deploys_to_one_node_and_strangers_are_refused_in_words() {
    assert!(peer::is_root(), "an installed node is root's: run this test as root");
    let folder = tempfile::Builder::new().prefix("seaworthy-users-").tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("own folder");
    let (world, program) = (World::new(), program(folder.path()));
    let mut installed = Installed::start(&world, &program);
    let modes = [FOLDER, SOCKET].map(|path| fs::metadata(path).expect("there").mode() & 0o777);
    assert_eq!(modes, [0o750, 0o660]);
    assert!([FOLDER, SOCKET].iter().all(|path| fs::metadata(path).map(|m| m.gid()).ok() == peer::group_id(GROUP)));

    let anne = developer(folder.path(), &world, "one", &[GROUP]);
    let bob = developer(folder.path(), &world, "two", &[GROUP]);
    let stranger = developer(folder.path(), &world, "three", &[]);
    run(&anne, &program, &["up"]).expect(0);
    assert_eq!(world.text("/version"), "one");
    // The name is taken by another source, until somebody says that it has moved.
    run(&bob, &program, &["up"]).expect(2).says("--take-over");
    run(&bob, &program, &["up", "--take-over"]).expect(0);
    assert_eq!(world.text("/version"), "two");

    let before = fs::read_dir(&stranger.home).expect("a home").count();
    for words in [&["up"][..], &["status"], &["history"], &["node", "status"], &["node", "stop", "--all"]] {
        run(&stranger, &program, words).expect(2).says("may not use the node of this machine").says("usermod");
    }
    assert_eq!(processes::of_home(&stranger.home).len(), 0, "no second node");
    assert!(
        fs::read_dir(&stranger.home).expect("a home").count() <= before + 2,
        "builds and what they fetched, and nothing else"
    );
    assert_eq!(world.count(Role::Node), 1);

    let history = run(&anne, &program, &["history", "--json"]).expect(0).stdout;
    let history: serde_json::Value = serde_json::from_str(&history).expect("one JSON document");
    let actors: Vec<&str> =
        history.as_array().into_iter().flatten().filter_map(|d| d["actor"]["user"].as_str()).collect();
    assert_eq!(actors, [bob.name.as_str(), anne.name.as_str()]);

    // Anne stops it: systemd is told so by how it ends, and nobody of the group starts it by looking or by deploying.
    run(&anne, &program, &["node", "stop"]).expect(0);
    assert_eq!(installed.node.wait().expect("an end").code(), Some(seaworthy_node::stopped::EXIT_CODE.into()));
    let status = run(&bob, &program, &["status"]).expect(0).stdout;
    assert!(status.contains(&format!("the node was stopped by `{}`", anne.name)), "{status}");
    for (words, code) in [(&["history"][..], 2), (&["down", "dev"], 1)] {
        run(&bob, &program, words).expect(code).says(&anne.name).says("`sudo systemctl start seaworthy`");
    }
    assert_eq!(world.count(Role::Node), 0);
    assert_eq!(world.text("/version"), "two");
    drop(installed);
}

#[test]
fn the_unit_and_the_programs_are_what_systemd_takes() {
    let world = World::new();
    let root = world.app.join("root");
    let at = root.display().to_string();
    world.run(&["node", "install", "--root", &at, "--listen", "nonsense"]).expect(2).says("0.0.0.0:80");
    world.run(&["node", "install", "--root", &at, "--listen", "127.0.0.1:80,[::1]:80"]).expect(0);
    for name in ["seaworthy", "seaworthy-check"] {
        let mode = fs::metadata(root.join("usr/local/bin").join(name)).expect("a program").mode();
        assert_eq!(mode & 0o777, 0o755, "{name}");
    }
    // The units that every system has, which this one refers to.
    let units = root.join("lib/systemd");
    fs::create_dir_all(&units).expect("a folder");
    let mut copy = process::command("cp");
    let copied = copy.args(["--archive", "/lib/systemd/system"]).arg(&units).env("PATH", "/usr/bin:/bin").status();
    assert!(copied.expect("cp").success());
    let mut verify = process::command("systemd-analyze");
    verify.args(["verify", "--man=no", &format!("--root={at}"), "seaworthy.service"]).env("PATH", "/usr/bin:/bin");
    let output = verify.output().expect("systemd-analyze (package systemd)");
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("seaworthy")).collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}
