//! From a release and an environment's values to a revision: every default filled in, nothing left open but what only
//! the target knows (addresses and paths).

mod callers;
mod enforced;
mod identity;
mod only;
mod replicas;
mod sandbox;
mod values;

pub use enforced::unlocked;
pub use only::only;

use crate::Name;
use crate::deployment::{Revision, Rollout};
use crate::manifest::words::nearest;
use crate::pool::{PoolId, PoolSpec, PoolTuning};
use crate::release::{EnvironmentSpec, Provenance, Release, RouteSpec, ServiceOverride, ServiceRelease};
use crate::service::{Port, Tuning, Update};
use crate::template::Template;
use seaworthy_diagnostics::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What [`resolve`] needs.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The release.
    pub release: &'a Release,
    /// The environments that came with it. `dev` exists even if it is not among them.
    pub environments: &'a BTreeMap<Name, EnvironmentSpec>,
    /// Where the release comes from.
    pub provenance: &'a Provenance,
    /// The environment that is to run it.
    pub environment: &'a Name,
    /// The revision's number.
    pub number: u64,
    /// Whether the machine can give instances a network of their own, so that fixed ports do not collide.
    pub sandbox: bool,
}

/// The revision that an environment would run.
///
/// # Errors
/// Everything that stands in its way: missing values, parts that are not built yet, services that cannot run so.
pub fn resolve(wanted: &Wanted<'_>) -> Result<Revision, Vec<Diagnostic>> {
    let spec = environment(wanted).map_err(|error| vec![error])?;
    let mut errors = enforced::refusals(wanted.environment, &spec, wanted.sandbox);
    let sandbox = wanted.sandbox && spec.isolation.as_deref() != Some("none");
    let resolver = Resolver { wanted, spec: &spec, sandbox };
    let values = resolver.all_values(&mut errors);
    let ids = identity::pool_ids(wanted, &values, &spec, sandbox, &mut errors);
    resolver.ports(&mut errors);
    errors.extend(if sandbox { callers::refusals(wanted.release) } else { enforced::roots(wanted.release) });
    if !errors.is_empty() {
        return Err(errors);
    }
    let pools = wanted.release.services.iter();
    let pools = pools.map(|(name, service)| (name.clone(), resolver.pool(name, service, &values, &ids))).collect();
    let checks = wanted.release.services.iter().filter(|(_, service)| !service.checks.is_empty());
    Ok(Revision {
        number: wanted.number,
        app: wanted.release.app.clone(),
        environment: wanted.environment.clone(),
        release: wanted.release.digest(),
        provenance: wanted.provenance.clone(),
        pools,
        routes: wanted.release.routes.iter().map(|(name, route)| (name.clone(), resolver.route(name, route))).collect(),
        checks: checks.map(|(name, service)| (name.clone(), service.checks.clone())).collect(),
        jobs: wanted.release.jobs.clone().into_iter().filter(|(_, job)| job.is_for(wanted.environment)).collect(),
        rollout: rollout(&spec),
        not_enforced: enforced::not_enforced(wanted, &spec, sandbox),
    })
}

/// The environment's values; `dev` has none unless it is declared.
fn environment(wanted: &Wanted<'_>) -> Result<EnvironmentSpec, Diagnostic> {
    if let Some(spec) = wanted.environments.get(wanted.environment) {
        return Ok(spec.clone());
    }
    if wanted.environment.as_str() == "dev" {
        return Ok(EnvironmentSpec::default());
    }
    Err(unknown_environment(&wanted.release.app, wanted.environment, wanted.environments.keys()))
}

/// Says that an app has no such environment, and which it has: those that are known, and `dev`, which needs no
/// declaring.
pub fn unknown_environment<'a>(
    app: &Name,
    environment: &Name,
    known: impl IntoIterator<Item = &'a Name>,
) -> Diagnostic {
    let names: BTreeSet<&str> = known.into_iter().map(Name::as_str).chain(["dev"]).collect();
    let listed = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let help = match nearest(environment.as_str(), names) {
        Some(meant) => format!("did you mean `{meant}`? it has {listed}"),
        None => format!("it has {listed}; `[environments.{environment}]` in seaworthy.toml declares it"),
    };
    Diagnostic::user(format!("`{app}` has no environment `{environment}`")).help(help)
}

/// In production traffic shifts in steps and the old release stays warm; elsewhere it moves at once.
fn rollout(spec: &EnvironmentSpec) -> Rollout {
    let (shift, bake) =
        if spec.production { (vec![10, 50, 100], Duration::from_secs(600)) } else { (vec![100], Duration::ZERO) };
    Rollout {
        shift: spec.shift.clone().unwrap_or(shift),
        shift_every: spec.shift_every.unwrap_or(Duration::from_secs(30)),
        bake: spec.bake.unwrap_or(bake),
    }
}

/// The settings of every service, by service.
type Values = BTreeMap<Name, BTreeMap<String, Template>>;

struct Resolver<'a> {
    wanted: &'a Wanted<'a>,
    spec: &'a EnvironmentSpec,
    sandbox: bool,
}

impl Resolver<'_> {
    fn all_values(&self, errors: &mut Vec<Diagnostic>) -> Values {
        let release = self.wanted.release;
        let context =
            values::Context { release: release.digest().short().to_owned(), environment: self.wanted.environment };
        let none = ServiceOverride::default();
        let services = release.services.iter();
        services
            .map(|(name, service)| {
                let own = self.spec.services.get(name).unwrap_or(&none);
                (name.clone(), values::values(&context, name, &service.service.env, &own.env, errors))
            })
            .collect()
    }

    fn tuning(&self, name: &Name, service: &ServiceRelease) -> PoolTuning {
        let own = &service.service.tuning;
        let over = self.spec.services.get(name).map(|over| &over.tuning);
        let time = |field: fn(&Tuning) -> Option<Duration>, default_seconds| {
            over.and_then(field).or_else(|| field(own)).unwrap_or(Duration::from_secs(default_seconds))
        };
        PoolTuning {
            replicas: replicas::replicas(name, &service.service, self.spec, self.sandbox),
            healthy_for: time(|t| t.healthy_for, 2),
            start_timeout: time(|t| t.start_timeout, 60),
            grace: time(|t| t.grace, 10),
            drain: time(|t| t.drain, 30),
            hold: time(|t| t.hold, 30),
        }
    }

    fn pool(&self, name: &Name, service: &ServiceRelease, values: &Values, ids: &BTreeMap<Name, PoolId>) -> PoolSpec {
        let runtime = &service.service;
        let called = runtime.calls.iter().filter_map(|callee| Some((callee.clone(), ids.get(callee)?.clone())));
        PoolSpec {
            id: ids[name].clone(),
            app: self.wanted.release.app.clone(),
            environment: self.wanted.environment.clone(),
            service: name.clone(),
            image: service.image.clone(),
            run: runtime.run.clone(),
            before: runtime.before.clone(),
            reversible: runtime.reversible,
            port: runtime.port,
            protocol: runtime.protocol,
            health: runtime.health.clone(),
            update: runtime.update,
            calls: called.collect(),
            volumes: runtime.volumes.clone(),
            env: values.get(name).cloned().unwrap_or_default(),
            sandbox: self.sandbox.then(|| sandbox::sandbox(name, self.wanted.release, self.spec)),
            tuning: self.tuning(name, service),
        }
    }

    fn route(&self, name: &Name, route: &RouteSpec) -> RouteSpec {
        RouteSpec { host: self.spec.host(self.wanted.environment, name, route), ..route.clone() }
    }

    /// Without networks of their own, two instances cannot listen on one number.
    fn ports(&self, errors: &mut Vec<Diagnostic>) {
        if self.sandbox {
            return;
        }
        let mut taken: BTreeMap<u16, &Name> = BTreeMap::new();
        for (name, service) in &self.wanted.release.services {
            let Port::Fixed(number) = service.service.port else { continue };
            let replicas = self.tuning(name, service).replicas;
            if replicas > 1 {
                let message = format!("`{name}` cannot have {replicas} instances: each would listen on port {number}");
                errors.push(Diagnostic::user(message).help(
                    "without a sandbox one can run at a time: set `replicas = 1`, or let it listen on the number in `PORT`",
                ));
            }
            if service.service.update == Update::Beside {
                let message =
                    format!("a new `{name}` cannot start beside the old one: both would listen on port {number}");
                let help = format!(
                    "add `update = \"replace\"` to `[services.{name}]`, or let it listen on the number in `PORT`"
                );
                errors.push(Diagnostic::user(message).help(help));
            }
            if let Some(other) = taken.insert(number, name) {
                let message = format!("`{other}` and `{name}` both listen on port {number}");
                errors.push(Diagnostic::user(message).help("without a sandbox each needs a port of its own"));
            }
        }
    }
}
