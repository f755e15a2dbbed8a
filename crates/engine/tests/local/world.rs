//! A home of its own for each test.

use seaworthy_deploy::Target as _;
use seaworthy_engine::logs::LogLimits;
use seaworthy_engine::wire::{BackOffLimits, ShimState};
use seaworthy_engine::{EngineOptions, InstanceStatus, LocalTarget, LogSelection, ShimCommand};
use seaworthy_host::entrance::{self, EntranceRequest};
use seaworthy_host::process::{self, Signal};
use seaworthy_host::{files, linux::procfs};
use seaworthy_model::pool::{InstanceId, PoolId, PoolSpec, PoolTuning};
use seaworthy_model::release::{FileEntry, FileTree};
use seaworthy_model::routing::EndpointAddress;
use seaworthy_model::service::{Health, Port, Protocol, Update};
use seaworthy_model::template::Template;
use seaworthy_model::{Digest, Name};
use seaworthy_store::blobs::Blobs;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Nothing here takes this long, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    directory: tempfile::TempDir,
    pub(crate) options: EngineOptions,
    target: Option<LocalTarget>,
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        files::set_mode(directory.path(), 0o711).unwrap();
        let home = directory.path().join("home");
        let mut options = EngineOptions::new(home, Blobs::open(directory.path()).unwrap());
        options.shim =
            ShimCommand { program: Some(env!("CARGO_BIN_EXE_shim-for-tests").into()), ..ShimCommand::default() };
        options.base_layers = vec![crate::base::folder()];
        options.log_limits = LogLimits { file_bytes_max: 256 * 1024, files: 3 };
        let (first, longest) = (Duration::from_millis(20), Duration::from_millis(200));
        options.back_off = BackOffLimits { first, longest, reset_after: Duration::from_secs(60) };
        let target = Some(LocalTarget::open(options.clone()).unwrap());
        Self { directory, options, target }
    }

    pub(crate) fn target(&self) -> &LocalTarget {
        self.target.as_ref().unwrap()
    }

    /// The node dies and comes back.
    pub(crate) fn restart_node(&mut self) {
        self.node_dies();
        self.target = Some(LocalTarget::open(self.options.clone()).unwrap());
    }

    pub(crate) fn node_dies(&mut self) {
        self.target = None;
    }

    /// An image with these files; all are executable.
    pub(crate) fn image(&self, content: &[(&str, &str)]) -> Digest {
        let entry = |text: &str| {
            let digest = self.options.blobs.put_bytes(text.as_bytes()).unwrap();
            FileEntry::File { digest, size_bytes: text.len() as u64, executable: true }
        };
        let entries = content.iter().map(|(path, text)| ((*path).to_owned(), entry(text))).collect();
        self.options.blobs.put_bytes(&serde_json::to_vec(&FileTree { entries }).unwrap()).unwrap()
    }

    /// A worker that runs this shell script.
    pub(crate) fn script(&self, script: &str) -> PoolSpec {
        let mut spec = self.spec("script", &["./run.sh"], &[("run.sh", &format!("#!/bin/sh\n{script}\n"))]);
        spec.port = Port::None;
        spec.health = Health::Alive;
        spec
    }

    /// The server that tells what it was given.
    pub(crate) fn server(&self) -> PoolSpec {
        let mut spec = self.spec("server", &["python3", "server.py"], &[("server.py", include_str!("server.py"))]);
        spec.health = Health::Path("/healthz".to_owned());
        spec
    }

    pub(crate) fn spec(&self, service: &str, run: &[&str], content: &[(&str, &str)]) -> PoolSpec {
        PoolSpec {
            id: PoolId(format!("app-test-{service}-0123456789ab")),
            app: name("app"),
            environment: name("test"),
            service: name(service),
            image: self.image(content),
            run: run.iter().map(|word| (*word).to_owned()).collect(),
            before: Vec::new(),
            reversible: true,
            port: Port::Given,
            protocol: Protocol::Http,
            health: Health::Connect,
            update: Update::Beside,
            calls: BTreeMap::new(),
            volumes: BTreeMap::new(),
            env: BTreeMap::new(),
            sandbox: None,
            tuning: PoolTuning {
                replicas: 1,
                healthy_for: Duration::ZERO,
                start_timeout: PATIENCE,
                grace: Duration::from_secs(10),
                drain: Duration::ZERO,
                hold: PATIENCE,
            },
        }
    }

    pub(crate) async fn up(&self, spec: &PoolSpec) {
        self.target().start(spec).await.unwrap();
        self.target().healthy(spec).await.unwrap();
    }

    /// What the first instance of a pool answers.
    pub(crate) async fn get(&self, spec: &PoolSpec, path: &str) -> String {
        let (_, address) = self.target().endpoints(&spec.id).remove(0);
        let mut stream = connect(&address).await;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    pub(crate) fn instances(&self, pool: &PoolId) -> Vec<InstanceStatus> {
        let pools = self.target().status().unwrap();
        pools.into_iter().find(|status| status.spec.id == *pool).map(|status| status.instances).unwrap_or_default()
    }

    pub(crate) fn instance(&self, pool: &PoolId) -> InstanceStatus {
        self.instances(pool).remove(0)
    }

    pub(crate) fn folder(&self, id: &InstanceId) -> PathBuf {
        self.options.home.join("instances").join(&id.0)
    }

    pub(crate) fn lines(&self, count: usize) -> Vec<String> {
        let selection = LogSelection { app: name("app"), environment: name("test"), service: None, instance: None };
        self.target().logs(&selection, count).unwrap().into_iter().map(|line| line.text).collect()
    }

    /// Every live process that was started in this home.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let home = self.options.home.to_str().unwrap().to_owned();
        let mentions = |file: String| {
            let bytes = std::fs::read(file).unwrap_or_default();
            bytes.windows(home.len()).any(|window| window == home.as_bytes())
        };
        let live = procfs::all().into_iter().filter(|stat| !matches!(stat.state, 'Z' | 'X')).map(|stat| stat.pid);
        live.filter(|pid| *pid != std::process::id() && mentions(format!("/proc/{pid}/environ"))).collect()
    }

    pub(crate) fn shims(&self) -> Vec<ShimState> {
        let folders = std::fs::read_dir(self.options.home.join("instances")).unwrap().flatten();
        let states = folders.filter_map(|folder| std::fs::read(folder.path().join("state.json")).ok());
        states.filter_map(|bytes| serde_json::from_slice(&bytes).ok()).collect()
    }

    /// Ends everything and looks whether anything is left.
    pub(crate) async fn end(mut self) {
        let shims = self.shims();
        for pool in self.target().status().unwrap() {
            self.target().stop(&pool.spec.id).await.unwrap();
        }
        assert_eq!(self.processes(), Vec::<u32>::new(), "processes are left");
        for shim in shims {
            assert!(!process::is_alive(shim.shim_pid, shim.shim_start_time), "the shim of {} is left", shim.instance);
        }
        let left: Vec<_> = std::fs::read_dir(self.options.home.join("instances")).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        self.node_dies();
        files::remove_tree(&seaworthy_host::runtime_directory(&self.options.home).unwrap()).unwrap();
        self.give_up_user_ids();
    }
}

impl World {
    /// The registry outlives homes; those of tests must not fill it.
    fn give_up_user_ids(&self) {
        let registry = std::path::Path::new(seaworthy_host::home::ROOT_RUNTIME).join("ids");
        for entry in std::fs::read_dir(registry).into_iter().flatten().flatten() {
            let home = std::fs::read(entry.path()).unwrap_or_default();
            if home.starts_with(self.directory.path().as_os_str().as_encoded_bytes()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for World {
    /// A test that failed leaves nothing behind either.
    fn drop(&mut self) {
        for shim in self.shims() {
            let _ = process::signal_exactly(shim.shim_pid, shim.shim_start_time, Signal::SIGKILL);
        }
        for pid in self.processes() {
            let _ = process::signal(pid, Signal::SIGKILL);
        }
    }
}

/// A connection to an instance, wherever it is.
pub(crate) async fn connect(address: &EndpointAddress) -> tokio::net::TcpStream {
    match address {
        EndpointAddress::Tcp(address) => tokio::net::TcpStream::connect(address).await.unwrap(),
        EndpointAddress::Sandboxed { socket, port } => {
            let request = EntranceRequest::Sockets { ipv6: false, count: 1 };
            let inside = entrance::ask(socket, &request, PATIENCE).unwrap().remove(0);
            let inside = tokio::net::TcpSocket::from_std_stream(std::net::TcpStream::from(inside));
            inside.connect(([127, 0, 0, 1], *port).into()).await.unwrap()
        }
    }
}

/// Waits until something is so.
pub(crate) async fn eventually<A>(what: &str, mut look: impl FnMut() -> Option<A>) -> A {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn set(spec: &mut PoolSpec, name: &str, value: &str) {
    spec.env.insert(name.to_owned(), Template::parse(value).unwrap());
}

pub(crate) fn is_alive(pid: u32) -> bool {
    process::start_time(pid).is_some()
}
