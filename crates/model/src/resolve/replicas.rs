//! How many instances of a service run.

use crate::Name;
use crate::release::EnvironmentSpec;
use crate::service::{Port, Service, Update};

/// The environment's number for the service, else the service's own, else the environment's for all, else 1. The number
/// for all skips what cannot run twice: `replace` services and, without a sandbox, those with a fixed port.
pub(super) fn replicas(name: &Name, service: &Service, spec: &EnvironmentSpec, sandbox: bool) -> u16 {
    let single = service.update == Update::Replace || (!sandbox && matches!(service.port, Port::Fixed(_)));
    let for_all = if single { None } else { spec.replicas };
    spec.services.get(name).and_then(|over| over.tuning.replicas).or(service.tuning.replicas).or(for_all).unwrap_or(1)
}
