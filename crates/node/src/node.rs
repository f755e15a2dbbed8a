//! The node: its parts, and what it knows of itself.

use crate::delivery::Delivery;
use crate::deployments::Deployments;
use crate::exec::Execs;
use crate::isolation::Isolation;
use crate::jobs::Jobs;
use crate::journal::StoreJournal;
use crate::options::Options;
use crate::place;
use crate::registry::RegistryPlace;
use crate::smoke::Checks;
use crate::stopped;
use crate::target::NodeTarget;
use crate::traffic::GatewayTraffic;
use seaworthy_api::wire::{NodeInfo, NodeStopped, RegistryInfo};
use seaworthy_deploy::{Executor, Target as _};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::LocalTarget;
use seaworthy_host::{clock, peer};
use seaworthy_model::Digest;
use seaworthy_model::release::{RELEASE_FORMAT, ReleaseBundle};
use seaworthy_store::Store;
use seaworthy_store::blobs::Blobs;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// What carries out deployments here.
pub(crate) type NodeExecutor = Executor<NodeTarget, GatewayTraffic, StoreJournal, Checks>;

/// Everything that the API's endpoints reach.
pub(crate) struct Node {
    /// How it was started.
    pub options: Options,
    /// What it remembers.
    pub store: Arc<Store>,
    /// The contents of releases.
    pub blobs: Blobs,
    /// The instances.
    pub engine: Arc<LocalTarget>,
    /// The gateway.
    pub traffic: Arc<GatewayTraffic>,
    /// Progress of deployments.
    pub journal: Arc<StoreJournal>,
    /// What instances are kept apart by here.
    pub isolation: Isolation,
    /// Deployments under way.
    pub deployments: Deployments,
    /// Programs that were started in instances.
    pub execs: Execs,
    /// What environments follow, and the runs that come of it.
    pub delivery: Delivery,
    /// Runs of jobs under way.
    pub jobs: Jobs,
    /// Told when something may be there that nothing needs any more.
    pub untidy: Notify,
    /// Where the registry is, if there is one.
    pub registry: Option<RegistryPlace>,
    /// Tells the daemon to end.
    pub ending: watch::Sender<bool>,
    /// When it was started.
    pub started_at: SystemTime,
}

/// What a release built here would run on, and what this node can run.
#[must_use]
pub(crate) fn platform() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

impl Node {
    /// What the node knows of itself.
    pub(crate) async fn info(&self) -> NodeInfo {
        let parent = self.traffic.client().parent_status().await.ok();
        NodeInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            api: seaworthy_api::API_VERSION,
            pid: std::process::id(),
            home: self.options.home.display().to_string(),
            user: crate::peer::name_of(peer::effective_uid()),
            started_at: clock::rfc3339(self.started_at),
            addresses: self.options.listen.iter().map(ToString::to_string).collect(),
            gateway_pid: parent.as_ref().and_then(|parent| parent.worker_pid),
            gateway_restarts: parent.map_or(0, |parent| parent.restarts),
            isolation: self.isolation.name().to_owned(),
            platform: platform(),
            registry: self.registry.as_ref().map(|place| RegistryInfo {
                address: place.address.clone(),
                token_file: place.token_file.display().to_string(),
            }),
        }
    }

    /// Ends the daemon because somebody wants it; with `all`, instances and gateway first.
    pub(crate) async fn stop_for(&self, all: bool, by: String) -> Result<(), Diagnostic> {
        // First: whatever happens now, nobody wants this node back. That everything has ended is said when it is true.
        let mut word = NodeStopped {
            at: Some(clock::rfc3339(clock::now())),
            by: Some(by),
            all: false,
            installed: place::is_installed(&self.options.socket),
        };
        self.leave_word(&word);
        if let Err(error) = self.stop(all).await {
            stopped::forget(&self.options.home, &self.options.socket)?;
            return Err(error);
        }
        word.all = all;
        self.leave_word(&word);
        self.ending.send_replace(true);
        Ok(())
    }

    /// A disk that is full must not keep a node from being stopped.
    fn leave_word(&self, word: &NodeStopped) {
        if let Err(error) = stopped::remember(&self.options.home, &self.options.socket, word) {
            crate::supervise::complain(&error.into());
        }
    }

    /// With `all`, ends instances and gateway.
    pub(crate) async fn stop(&self, all: bool) -> Result<(), Diagnostic> {
        if all {
            self.deployments.refuse_from_now_on();
            self.stop_instances().await?;
            self.traffic.stop().await?;
        }
        Ok(())
    }

    async fn stop_instances(&self) -> Result<(), Diagnostic> {
        self.jobs.stop_all().await;
        let mut stopping = JoinSet::new();
        for pool in self.engine.status()? {
            let engine = Arc::clone(&self.engine);
            stopping.spawn(async move { engine.stop(&pool.spec.id).await });
        }
        stopping.join_all().await.into_iter().collect()
    }

    /// Takes a release in, if everything that it needs is here.
    pub(crate) fn accept_release(&self, bundle: &ReleaseBundle) -> Result<Digest, Diagnostic> {
        if bundle.release.format != RELEASE_FORMAT {
            let found = bundle.release.format;
            let error =
                Diagnostic::user(format!("the release has format {found}; this node runs format {RELEASE_FORMAT}"));
            return Err(error.help("build it again with a Seaworthy of the node's version"));
        }
        let missing = |digest: &Digest| {
            let error = Diagnostic::user(format!("the release needs `{digest}`, which is not here"));
            error.help("send the blobs first")
        };
        let mut needed: Vec<Digest> = bundle.release.blobs().chain(bundle.manifests()).cloned().collect();
        for manifest in bundle.manifests().filter(|manifest| self.blobs.contains(manifest)) {
            needed.extend(self.blobs.references(manifest)?);
        }
        if let Some(digest) = needed.iter().find(|digest| !self.blobs.contains(digest)) {
            return Err(missing(digest));
        }
        Ok(self.store.put_release(bundle)?)
    }
}
