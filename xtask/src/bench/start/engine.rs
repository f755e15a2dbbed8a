//! Seaworthy's engine, as a node has it.

use super::{MEMORY_BYTES, PROCESSES, PROGRAM};
use crate::bench::failed;
use crate::failure::Failure;
use seaworthy_deploy::Target as _;
use seaworthy_engine::{EngineOptions, LocalTarget, ShimCommand};
use seaworthy_image::oci::{Description, assemble};
use seaworthy_image::{Content, Entry, Tree, layer};
use seaworthy_model::pool::{PoolId, PoolSpec, PoolTuning, Sandbox};
use seaworthy_model::service::{Health, Port, Protocol, Update};
use seaworthy_model::{Digest, Name};
use seaworthy_store::{Blobs, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// An engine with a home of its own.
pub(super) struct Engine {
    runtime: Runtime,
    target: LocalTarget,
    spec: PoolSpec,
    home: PathBuf,
}

impl Engine {
    pub(super) fn create(home: &Path) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(failed("a runtime"))?;
        seaworthy_host::files::create_directory(home, 0o711).map_err(failed("a home"))?;
        let blobs = Blobs::open(home).map_err(failed("a store"))?;
        let shim = std::env::current_exe().map_err(failed("this program"))?.with_file_name("bench-shim");
        if !shim.is_file() {
            let root = crate::workspace::root();
            let words = ["cargo", "build", "--quiet", "--package=xtask", "--bin=bench-shim", "--features=bench"];
            crate::shell::run(&root, &words)?;
        }
        let spec = spec(image(&blobs)?)?;
        let mut options = EngineOptions::new(home.to_owned(), blobs);
        options.shim = ShimCommand { program: Some(shim), ..ShimCommand::default() };
        options.processes_max = PROCESSES;
        let target = runtime.block_on(async { LocalTarget::open(options) }).map_err(failed("the engine"))?;
        Ok(Self { runtime, target, spec, home: home.to_owned() })
    }

    /// Starts an instance, says how long that took, and ends it.
    pub(super) fn start(&mut self, name: &str) -> Result<Duration, Failure> {
        self.spec.id = PoolId(format!("bench-prod-sleeper-{name}"));
        let began = Instant::now();
        self.runtime.block_on(self.target.start(&self.spec)).map_err(failed("a start"))?;
        let took = began.elapsed();
        self.runtime.block_on(self.target.stop(&self.spec.id)).map_err(failed("an end"))?;
        Ok(took)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.target.stop(&self.spec.id));
        if let Ok(sockets) = seaworthy_host::runtime_directory(&self.home) {
            let _ = fs::remove_dir_all(sockets);
        }
        // The machine's list of user ids outlives homes.
        let ids = Path::new(seaworthy_host::home::ROOT_RUNTIME).join("ids");
        for entry in fs::read_dir(ids).into_iter().flatten().flatten() {
            let owner = fs::read(entry.path()).unwrap_or_default();
            if owner.starts_with(self.home.as_os_str().as_encoded_bytes()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// An image with nothing but the program.
fn image(blobs: &Blobs) -> Result<Digest, Failure> {
    let program = fs::read(PROGRAM).map_err(failed("the program"))?;
    let entry = Entry::File { mode: 0o755, content: Content::Bytes(program.into()) };
    let tree = Tree { entries: [("app/busybox".to_owned(), entry)].into() };
    let mut written = None;
    let put = blobs.put_written::<StoreError>(&mut |out| {
        written = layer::write(&tree, out).ok();
        Ok(())
    });
    put.map_err(failed("a layer"))?;
    let layer = written.ok_or_else(|| Failure::Bench("cannot write a layer".to_owned()))?;
    let description = Description::new("bench", "sleeper", &["./busybox".to_owned()]);
    let written = assemble(&description, &[layer.into()]).map_err(failed("an image"))?;
    blobs.put_bytes(&written.config).map_err(failed("an image"))?;
    blobs.put_bytes(&written.manifest).map_err(failed("an image"))
}

fn spec(image: Digest) -> Result<PoolSpec, Failure> {
    let name = |text: &str| Name::new(text).map_err(failed("a name"));
    Ok(PoolSpec {
        id: PoolId(String::new()),
        app: name("bench")?,
        environment: name("prod")?,
        service: name("sleeper")?,
        image,
        run: ["./busybox", "sleep", "1000"].map(str::to_owned).to_vec(),
        before: Vec::new(),
        reversible: true,
        port: Port::None,
        protocol: Protocol::Http,
        health: Health::Alive,
        update: Update::Beside,
        calls: BTreeMap::new(),
        volumes: BTreeMap::new(),
        env: BTreeMap::new(),
        sandbox: Some(Sandbox { memory_bytes: Some(MEMORY_BYTES), ..Sandbox::default() }),
        tuning: PoolTuning {
            replicas: 1,
            healthy_for: Duration::ZERO,
            start_timeout: Duration::from_secs(30),
            grace: Duration::ZERO,
            drain: Duration::ZERO,
            hold: Duration::ZERO,
        },
    })
}
