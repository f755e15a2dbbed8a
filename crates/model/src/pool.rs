//! Pools: the instances of one service that run one image with one set of values.

use crate::service::{Egress, Health, Port, Protocol, Update};
use crate::template::Template;
use crate::{Digest, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// `APP-ENV-SERVICE-HASH`: equal exactly when image, values, sandbox and those of everything called are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PoolId(pub String);

/// `POOL-SLOT`, where slot counts from 0.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(pub String);

impl PoolId {
    /// The id of the instance in a slot.
    #[must_use]
    pub fn instance(&self, slot: u16) -> InstanceId {
        InstanceId(format!("{}-{slot}", self.0))
    }

    /// Whether it is a pool of the same service in the same environment, or the same one.
    #[must_use]
    pub fn is_of_service_of(&self, other: &Self) -> bool {
        let [own, others] = [self, other].map(|id| id.0.rsplit_once('-').map(|(service, _hash)| service));
        own == others
    }
}

macro_rules! text_id {
    ($($type:ty),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    )*};
}
text_id!(PoolId, InstanceId);

/// Everything that a target must know to run a service: the release's half and the environment's half, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSpec {
    /// Its identity; see [`PoolId`].
    pub id: PoolId,
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The service.
    pub service: Name,
    /// The image.
    pub image: Digest,
    /// Program and arguments.
    pub run: Vec<String>,
    /// Migrations.
    pub before: Vec<Vec<String>>,
    /// See [`crate::service::Service::reversible`].
    pub reversible: bool,
    /// Where it listens.
    pub port: Port,
    /// What it speaks.
    pub protocol: Protocol,
    /// How it is found healthy.
    pub health: Health,
    /// How it is updated.
    pub update: Update,
    /// Whom it calls: service to the pool that answers it.
    pub calls: BTreeMap<Name, PoolId>,
    /// Volume to the path that the program expects.
    pub volumes: BTreeMap<Name, String>,
    /// Settings; what is left in the templates, only the target knows (addresses and paths).
    pub env: BTreeMap<String, Template>,
    /// What keeps it apart from everything else; `None`: nothing but its user id and its folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    /// What does not take part in the identity.
    pub tuning: PoolTuning,
}

/// What an instance may do inside its sandbox beyond what every instance may. All of it is part of the pool's identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// The most memory that one instance may use, in bytes; `None`: what the machine has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Thousandths of a CPU core for one instance; `None`: what the machine has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u32>,
    /// Destinations outside that it may reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<Egress>,
    /// Paths below the folder in which it starts that it may write, each a private layer per instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<String>,
    /// By callee, the number that it listens on when that is fixed: callers reach it there, and on 80, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub callee_ports: BTreeMap<Name, u16>,
}

/// Times and numbers of a pool with every default filled in. Changing them restarts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolTuning {
    /// How many instances.
    pub replicas: u16,
    /// See [`crate::service::Tuning::healthy_for`].
    pub healthy_for: Duration,
    /// See [`crate::service::Tuning::start_timeout`].
    pub start_timeout: Duration,
    /// See [`crate::service::Tuning::grace`].
    pub grace: Duration,
    /// See [`crate::service::Tuning::drain`].
    pub drain: Duration,
    /// See [`crate::service::Tuning::hold`].
    pub hold: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_of_one_service_differ_in_nothing_but_their_hash() {
        let pool = PoolId("app-dev-web-01234567".to_owned());
        let other = |id: &str| pool.is_of_service_of(&PoolId(id.to_owned()));
        assert!(other("app-dev-web-01234567") && other("app-dev-web-89abcdef"));
        assert!(!other("app-dev-web-2-89abcdef") && !other("app-dev-api-01234567") && !other("app-qa-web-01234567"));
    }
}
