//! What the unit tests share.

use crate::wire::{SandboxLimits, SandboxSpec};
use seaworthy_image::oci::{Description, assemble};
use seaworthy_image::{Entry, Tree, layer};
use seaworthy_model::pool::{PoolId, PoolSpec, PoolTuning};
use seaworthy_model::service::{Health, Port, Protocol, Update};
use seaworthy_model::{Digest, Name};
use seaworthy_store::{Blobs, StoreError};
use std::collections::BTreeMap;
use std::time::Duration;

/// Keeps an image with one layer of these entries.
pub(crate) fn put_image(blobs: &Blobs, entries: BTreeMap<String, Entry>) -> Digest {
    let (tree, mut layer) = (Tree { entries }, None);
    let written = blobs.put_written::<StoreError>(&mut |out| {
        layer = Some(layer::write(&tree, out).unwrap());
        Ok(())
    });
    written.unwrap();
    let written =
        assemble(&Description::new("app", "service", &["./run".to_owned()]), &[layer.unwrap().into()]).unwrap();
    blobs.put_bytes(&written.config).unwrap();
    blobs.put_bytes(&written.manifest).unwrap()
}

/// A service without anything special.
pub(crate) fn pool_spec(service: &str, run: &[&str]) -> PoolSpec {
    let name = |text: &str| Name::new(text).unwrap();
    PoolSpec {
        id: PoolId(format!("app-test-{service}-0")),
        app: name("app"),
        environment: name("test"),
        service: name(service),
        image: Digest::of(b"image"),
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
            start_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(2),
            drain: Duration::ZERO,
            hold: Duration::from_secs(5),
        },
    }
}

/// A sandbox without anything in it.
pub(crate) fn sandbox_spec() -> SandboxSpec {
    SandboxSpec {
        hostname: "web".to_owned(),
        layers: Vec::new(),
        staging: "/i/root".into(),
        user: 1000,
        volumes: BTreeMap::new(),
        writable: BTreeMap::new(),
        hosts: Vec::new(),
        resolver: None,
        limits: SandboxLimits { memory_bytes: None, cpu_millis: None, processes: 100 },
        group: "test".to_owned(),
    }
}
