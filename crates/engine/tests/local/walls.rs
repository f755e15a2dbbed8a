//! What no program in a sandbox can do. The same attempts are made once without any wall: a wall that were missing
//! would be seen.

use crate::world::{World, eventually, set};
use seaworthy_engine::InstanceState;
use seaworthy_engine::wire::ExitKind;
use seaworthy_host::{files, peer, process};
use seaworthy_model::pool::{PoolSpec, Sandbox};
use seaworthy_model::service::{Health, Port};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

type Answers = BTreeMap<String, String>;

/// What somebody else has on this machine.
struct Others {
    _listeners: (TcpListener, Option<TcpListener>, UnixListener, UnixListener),
    variables: Vec<(&'static str, String)>,
    setuid: PathBuf,
}

impl Others {
    fn new(world: &World) -> Self {
        let outer = world.options.home.parent().unwrap().to_owned();
        let four = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = four.local_addr().unwrap().port();
        let six = TcpListener::bind(("::1", port)).ok();
        let abstract_name = format!("seaworthy-test-{}-{port}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let path = outer.join("socket");
        let listeners = (four, six, UnixListener::bind_addr(&address).unwrap(), UnixListener::bind(&path).unwrap());
        files::set_mode(&path, 0o777).unwrap();
        let state = outer.join("state");
        files::write_atomic(&state, b"secret", 0o644).unwrap();
        let text = |path: &Path| path.display().to_string();
        let setuid = outer.join("layer");
        files::create_directory(&setuid.join("setuid"), 0o755).unwrap();
        std::fs::copy("/usr/bin/id", setuid.join("setuid/id")).unwrap();
        files::set_mode(&setuid.join("setuid/id"), 0o4755).unwrap();
        let variables = vec![
            ("OTHER", std::process::id().to_string()),
            ("PORT", port.to_string()),
            ("ABSTRACT", abstract_name),
            ("SOCKET", text(&path)),
            ("STATE", text(&state)),
        ];
        Self { _listeners: listeners, variables, setuid }
    }

    /// Without walls, as this user or another one.
    fn without_walls(&self, user: Option<u32>) -> Answers {
        let mut command = process::command("/usr/bin/unshare");
        // Only so that what is mounted goes away again.
        command.args(["--mount", "--", "/usr/bin/python3", "-"]).envs(self.variables.iter().cloned());
        if let Some(user) = user {
            command = process::command("/usr/bin/python3");
            command.arg("-").envs(self.variables.iter().cloned()).uid(user).gid(user);
        }
        let script = self.setuid.with_file_name("walls.py");
        files::write_atomic(&script, include_bytes!("walls.py"), 0o644).unwrap();
        command.env("SETUID", self.setuid.join("setuid/id")).stdin(std::fs::File::open(&script).unwrap());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

fn python(world: &World, script: &str) -> PoolSpec {
    let mut spec = world.spec("walls", &["python3", "walls.py", "wait"], &[("walls.py", script)]);
    spec.port = Port::None;
    spec.health = Health::Alive;
    spec.sandbox = Some(Sandbox::default());
    spec
}

async fn behind_walls(world: &World, others: &Others) -> Answers {
    let mut spec = python(world, include_str!("walls.py"));
    for (name, value) in &others.variables {
        let name = if *name == "PORT" { "OTHER_PORT" } else { name };
        set(&mut spec, name, value);
    }
    let script = include_str!("walls.py").replace("E[\"PORT\"]", "E[\"OTHER_PORT\"]");
    spec.image = world.image(&[("walls.py", &script)]);
    world.up(&spec).await;
    let line = eventually("it has tried everything", || world.lines(1).pop()).await;
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
}

#[tokio::test]
async fn no_wall_has_a_hole() {
    let mut world = World::new();
    let others = Others::new(&world);
    world.options.base_layers.push(others.setuid.clone());
    world.restart_node();
    let answers = behind_walls(&world, &others).await;
    let open: Vec<_> = answers.iter().filter(|(_, answer)| *answer == "open").collect();
    assert!(open.is_empty() && answers.len() > 25, "{open:?}");
    if peer::is_root() {
        let without = others.without_walls(None);
        let closed: Vec<_> = without.iter().filter(|(_, answer)| *answer != "open").collect();
        // What this machine does not have cannot be tried.
        let lacks = ["/proc/kcore", "[Errno 38]", "[Errno 97]", "[Errno 99]", "[Errno 111]"];
        let closed = closed.into_iter().filter(|(_, answer)| !lacks.iter().any(|one| answer.contains(one)));
        let closed: Vec<_> = closed.collect();
        assert!(closed.is_empty(), "the attempts prove nothing: {closed:?}");
        assert_eq!(others.without_walls(Some(65_533))["become root"], "open");
    }
    world.end().await;
}

#[tokio::test]
async fn a_program_has_no_rights_and_cannot_get_any() {
    let world = World::new();
    let mut spec = world.script("while read line; do echo \"$line\"; done < /proc/self/status; exec cat");
    spec.sandbox = Some(Sandbox::default());
    world.up(&spec).await;
    let lines = eventually("it has written", || {
        let lines = world.lines(100);
        lines.iter().any(|line| line.starts_with("nonvoluntary")).then_some(lines)
    })
    .await;
    let value = |name: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().to_owned()
    };
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&value(set), 16), Ok(0), "{set}");
    }
    assert_eq!((value("NoNewPrivs").as_str(), value("Seccomp").as_str(), value("NStgid").as_str()), ("1", "2", "2"));
    world.end().await;
}

#[tokio::test]
async fn more_memory_than_allowed_ends_the_program_in_words() {
    let world = World::new();
    assert!(peer::is_root(), "only root may do what this test does: run it as root");
    let mut spec = python(&world, "x = bytearray(256 << 20)");
    spec.sandbox = Some(Sandbox { memory_bytes: Some(64 << 20), ..Sandbox::default() });
    let error = {
        use seaworthy_deploy::Target as _;
        world.target().start(&spec).await.unwrap();
        eventually("it ends again and again", || {
            let instance = world.instance(&spec.id);
            (instance.state == InstanceState::CrashLoop).then_some(instance.last_exit?)
        })
        .await
    };
    assert_eq!(error.how, ExitKind::OutOfMemory(64 << 20));
    assert_eq!(error.how.to_string(), "killed: used more than the 64 MiB of `memory`");
    world.end().await;
}

#[tokio::test]
async fn more_processes_than_allowed_are_not_made() {
    let mut world = World::new();
    assert!(peer::is_root(), "only root may do what this test does: run it as root");
    let script = "import os, time
for count in range(100):
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except BlockingIOError:
        break
print('made', count, flush=True)
time.sleep(1000)";
    world.options.processes_max = 20;
    world.restart_node();
    let spec = python(&world, script);
    world.up(&spec).await;
    // The first process and the program itself count, too.
    let line = eventually("it has written", || world.lines(1).pop()).await;
    assert_eq!(line, "made 18");
    world.end().await;
}
