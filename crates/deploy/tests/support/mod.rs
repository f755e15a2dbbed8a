//! Revisions to plan with.
#![allow(dead_code, reason = "each test uses its part")]

use proptest::prelude::*;
use seaworthy_deploy::planner::{EnvironmentState, Options};
use seaworthy_deploy::{Plan, plan};
use seaworthy_model::deployment::{Revision, Rollout, Verb};
use seaworthy_model::pool::{PoolId, PoolSpec, PoolTuning};
use seaworthy_model::release::{Check, Provenance, RouteLimits, RouteSpec, RouteTo};
use seaworthy_model::service::{Health, Port, Protocol, Update};
use seaworthy_model::{Digest, Name};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) mod fakes;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

/// What a test says about a service; the rest follows.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) version: u8,
    pub(crate) replicas: u16,
    pub(crate) update: Update,
    pub(crate) port: Port,
    pub(crate) calls: Vec<&'static str>,
    pub(crate) before: bool,
    pub(crate) reversible: bool,
    pub(crate) check: bool,
    pub(crate) route: bool,
}

impl Wish {
    /// A service beside which its next version starts, with a route and a check.
    pub(crate) fn version(version: u8) -> Self {
        Self {
            version,
            replicas: 1,
            update: Update::Beside,
            port: Port::Given,
            calls: Vec::new(),
            before: false,
            reversible: true,
            check: true,
            route: true,
        }
    }

    pub(crate) fn replace(mut self) -> Self {
        self.update = Update::Replace;
        self
    }

    pub(crate) fn worker(mut self) -> Self {
        self.port = Port::None;
        self.check = false;
        self.route = false;
        self
    }

    pub(crate) fn calls(mut self, service: &'static str) -> Self {
        self.calls.push(service);
        self
    }

    pub(crate) fn before(mut self, reversible: bool) -> Self {
        (self.before, self.reversible) = (true, reversible);
        self
    }

    pub(crate) fn replicas(mut self, replicas: u16) -> Self {
        self.replicas = replicas;
        self
    }
}

/// A revision of these services. Calls lead to services that stand before the caller; others are left out.
pub(crate) fn revision(number: u64, services: &[(&'static str, Wish)]) -> Revision {
    let mut pools: BTreeMap<Name, PoolSpec> = BTreeMap::new();
    let (mut routes, mut checks) = (BTreeMap::new(), BTreeMap::new());
    for (service, wish) in services {
        pools.insert(name(service), pool(service, wish, &pools));
        let check = Check {
            file: format!("{service}.hurl"),
            digest: Digest::of(service.as_bytes()),
            methods: vec!["GET".into()],
            runs: None,
            every: None,
        };
        if wish.check {
            checks.insert(name(service), vec![check.clone()]);
        }
        if wish.route {
            routes.insert(
                name(service),
                RouteSpec {
                    host: format!("{service}.localhost"),
                    path: "/".into(),
                    to: RouteTo::Service(name(service)),
                    sticky: None,
                    limits: RouteLimits::default(),
                    checks: vec![Check { file: format!("{service}-route.hurl"), ..check }],
                },
            );
        }
    }
    Revision {
        number,
        app: name("shop"),
        environment: name("prod"),
        release: Digest::of(&number.to_le_bytes()),
        provenance: Provenance {
            commit: None,
            dirty: false,
            unlocked: false,
            folder: None,
            source: String::new(),
            built_at: String::new(),
            platform: String::new(),
        },
        pools,
        routes,
        checks,
        jobs: BTreeMap::new(),
        rollout: Rollout {
            shift: vec![10, 50, 100],
            shift_every: Duration::from_secs(30),
            bake: Duration::from_secs(600),
        },
        not_enforced: Vec::new(),
    }
}

fn pool(service: &str, wish: &Wish, others: &BTreeMap<Name, PoolSpec>) -> PoolSpec {
    let calls: BTreeMap<Name, PoolId> =
        wish.calls.iter().filter_map(|callee| others.get(*callee)).map(|p| (p.service.clone(), p.id.clone())).collect();
    // As the real one: equal when the version and everything called are equal.
    let called = if calls.is_empty() { String::new() } else { format!("-{}", Digest::of_json(&calls).short()) };
    PoolSpec {
        id: PoolId(format!("{service}-v{}{called}", wish.version)),
        app: name("shop"),
        environment: name("prod"),
        service: name(service),
        image: Digest::of(&[wish.version]),
        run: vec!["./run".into()],
        before: if wish.before { vec![vec!["./migrate".into()]] } else { Vec::new() },
        reversible: wish.reversible,
        port: wish.port,
        protocol: Protocol::Http,
        health: Health::Connect,
        update: wish.update,
        calls,
        volumes: BTreeMap::new(),
        env: BTreeMap::new(),
        sandbox: None,
        tuning: PoolTuning {
            replicas: wish.replicas,
            healthy_for: Duration::from_secs(2),
            start_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            drain: Duration::from_secs(30),
            hold: Duration::from_secs(30),
        },
    }
}

/// An environment in which this revision runs and nothing else.
pub(crate) fn running(revision: &Revision) -> EnvironmentState {
    let alive = revision.pools.values().map(|pool| pool.id.clone()).collect();
    EnvironmentState { running: Some(revision.clone()), leaving: Vec::new(), alive }
}

/// A plan to deploy.
pub(crate) fn deploy(state: &EnvironmentState, to: Option<&Revision>) -> Plan {
    plan_for(if to.is_some() { Verb::Deploy } else { Verb::Down }, state, to)
}

/// A plan.
pub(crate) fn plan_for(verb: Verb, state: &EnvironmentState, to: Option<&Revision>) -> Plan {
    plan(&name("shop"), &name("prod"), state, to, Options { verb, changes: Vec::new(), notes: Vec::new() })
}

const SERVICES: [&str; 6] = ["alpha", "beta", "gamma", "delta", "worker", "single"];

/// What does not change from version to version of a service here, but for `gamma`, which was started beside once.
fn nature(service: &str, wish: Wish) -> Wish {
    let version = wish.version;
    match service {
        "beta" => wish.calls("alpha"),
        "gamma" if version > 0 => wish.replace(),
        "delta" => wish.calls("gamma").calls("beta"),
        "worker" => wish.worker().calls("gamma"),
        "single" => wish.worker().replace(),
        _ => wish,
    }
}

/// Some services in some versions.
fn services() -> impl Strategy<Value = Vec<(&'static str, Wish)>> {
    let one = || proptest::option::weighted(0.8, (0u8..3, 1u16..4, any::<[bool; 4]>()));
    proptest::collection::vec(one(), SERVICES.len()).prop_map(|drawn| {
        let wishes = SERVICES.into_iter().zip(drawn).filter_map(|(service, drawn)| {
            let (version, replicas, [before, reversible, check, route]) = drawn?;
            let wish = Wish { before, reversible, check, route, replicas, ..Wish::version(version) };
            Some((service, nature(service, wish)))
        });
        wishes.collect()
    })
}

/// An environment in any state, and a revision for it (`None`: down).
pub(crate) fn states() -> impl Strategy<Value = (Verb, EnvironmentState, Option<Revision>)> {
    let drawn = (
        proptest::collection::vec(services(), 0..3),
        proptest::option::weighted(0.85, services()),
        proptest::option::weighted(0.85, services()),
        any::<bool>(),
        any::<u64>(),
    );
    drawn.prop_map(|(leaving, from, to, rollback, alive_bits)| {
        let leaving: Vec<Revision> = leaving.iter().zip(1..).map(|(services, n)| revision(n, services)).collect();
        let running = from.map(|services| revision(10, &services));
        // Nothing leaves where nothing came after it.
        let leaving = if running.is_some() { leaving } else { Vec::new() };
        let mut alive: Vec<PoolId> = running.iter().flat_map(|r| r.pools.values()).map(|p| p.id.clone()).collect();
        let old = leaving.iter().flat_map(|revision| revision.pools.values());
        let warm = old.filter(|pool| {
            let replaced = pool.update == Update::Replace || pool.port == Port::None;
            let running = running.as_ref().and_then(|r| r.pools.get(&pool.service));
            !(replaced || running.is_some_and(|running| running.update == Update::Replace))
        });
        let some = warm.zip(0..).filter(|(_, bit)| alive_bits >> bit & 1 == 1);
        alive.extend(some.map(|(pool, _)| pool.id.clone()));
        if alive_bits >> 60 == 0 {
            alive.push(PoolId("nobodys".into()));
        }
        let to = to.map(|services| revision(11, &services));
        let verb = match (&to, rollback) {
            (None, _) => Verb::Down,
            (Some(_), true) => Verb::Rollback,
            (Some(_), false) => Verb::Deploy,
        };
        (verb, EnvironmentState { running, leaving, alive: alive.into_iter().collect() }, to)
    })
}
