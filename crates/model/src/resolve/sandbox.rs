//! What a service's instances may do inside their sandbox.

use crate::Name;
use crate::pool::Sandbox;
use crate::release::{EnvironmentSpec, Release};
use crate::service::{Port, Tuning};

/// The sandbox of a service of a release, with the environment's own limits.
pub(super) fn sandbox(name: &Name, release: &Release, spec: &EnvironmentSpec) -> Sandbox {
    let service = &release.services[name].service;
    let over = spec.services.get(name).map(|over| &over.tuning).unwrap_or(&NONE);
    let fixed = |callee: &Name| match release.services.get(callee)?.service.port {
        Port::Fixed(number) => Some((callee.clone(), number)),
        Port::Given | Port::None => None,
    };
    Sandbox {
        memory_bytes: over.memory_bytes.or(service.tuning.memory_bytes),
        cpu_millis: over.cpu_millis.or(service.tuning.cpu_millis),
        egress: service.egress.clone(),
        writable: service.writable.clone(),
        callee_ports: service.calls.iter().filter_map(fixed).collect(),
    }
}

/// An environment that overrides nothing.
static NONE: Tuning = Tuning {
    healthy_for: None,
    start_timeout: None,
    grace: None,
    drain: None,
    hold: None,
    replicas: None,
    memory_bytes: None,
    cpu_millis: None,
};
