//! What runs, put together from store, engine and gateway.

use crate::Node;
use crate::failure::Failures;
use crate::notes::UnknownNames;
use seaworthy_api::wire::{EnvironmentStatus, InstanceStatus, RouteStatus, ServiceStatus, State, Status};
use seaworthy_deploy::Traffic as _;
use seaworthy_deploy::counters::Counters;
use seaworthy_engine::{InstanceState, PoolStatus};
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::deployment::Revision;
use seaworthy_model::pool::PoolId;
use seaworthy_model::resolve::unlocked;
use seaworthy_store::Environment;
use std::collections::{BTreeMap, BTreeSet};

impl Node {
    /// Every environment, or those of an app, or one.
    pub(crate) async fn status(&self, app: Option<&Name>, environment: Option<&Name>) -> Result<Status, Failures> {
        let mut warnings: Vec<String> = self.isolation.warning().into_iter().collect();
        let counters = self.traffic.counters().await.unwrap_or_else(|error| {
            warnings.push(format!("the gateway does not answer: {error}"));
            Counters::new()
        });
        let pools = self.engine.status()?;
        let followers = self.store.followers()?;
        let mut environments = Vec::new();
        for place in self.store.environments()? {
            let wanted = app.is_none_or(|app| *app == place.app)
                && environment.is_none_or(|environment| *environment == place.environment);
            if wanted {
                let mut status = self.environment(&place, &pools, &counters)?;
                status.follow = self.follow_status(&followers, &place.app, &place.environment)?;
                environments.push(status);
            }
        }
        Ok(Status { environments, warnings, node_stopped: None })
    }

    fn environment(
        &self,
        place: &Environment,
        pools: &[PoolStatus],
        counters: &Counters,
    ) -> Result<EnvironmentStatus, Failures> {
        let (app, environment) = (&place.app, &place.environment);
        let mut revision = self.running(app, environment)?;
        if let Some(revision) = &mut revision
            && let Some(newer) = self.verified(revision)?
        {
            let lines = [&revision.provenance, &newer].map(|provenance| unlocked(provenance, environment));
            revision.not_enforced.retain(|line| Some(line) != lines[0].as_ref());
            revision.not_enforced.extend(lines[1].clone());
            revision.provenance = newer;
        }
        let here: Vec<&PoolStatus> =
            pools.iter().filter(|pool| pool.spec.app == *app && pool.spec.environment == *environment).collect();
        let last = self.store.deployments(app, environment, 1)?.into_iter().next();
        let deaf = self.engine.deaf_services(app, environment)?;
        let deployment = last.map(|deployment| self.record(deployment)).transpose()?;
        Ok(EnvironmentStatus {
            app: app.clone(),
            environment: environment.clone(),
            revision: revision.as_ref().map(|revision| revision.number),
            release: revision.as_ref().map(|revision| revision.release.clone()),
            commit: revision.as_ref().and_then(|revision| revision.provenance.commit.clone()),
            dirty: revision.as_ref().is_some_and(|revision| revision.provenance.dirty),
            services: services(revision.as_ref(), &here, counters),
            jobs: revision.as_ref().map(|revision| self.job_status(revision)).transpose()?.unwrap_or_default(),
            routes: revision.as_ref().map(|revision| self.routes(revision)).unwrap_or_default(),
            deployment,
            follow: None,
            notes: revision
                .as_ref()
                .map(|revision| crate::notes::notes(revision, &deaf, counters, &unknown_names(&here)))
                .unwrap_or_default(),
        })
    }

    fn routes(&self, revision: &Revision) -> Vec<RouteStatus> {
        let port = self.options.listen.first().map_or(80, std::net::SocketAddr::port);
        let authority = |host: &str| if port == 80 { host.to_owned() } else { format!("{host}:{port}") };
        let routes = revision.routes.iter();
        let status = |(route, spec): (&Name, &seaworthy_model::release::RouteSpec)| RouteStatus {
            route: route.clone(),
            url: format!("http://{}{}", authority(&spec.host), spec.path),
        };
        routes.map(status).collect()
    }
}

fn unknown_names(pools: &[&PoolStatus]) -> UnknownNames {
    let names = |pool: &PoolStatus| pool.instances.iter().flat_map(|instance| instance.unknown_names.clone()).collect();
    pools.iter().map(|pool| (pool.spec.id.clone(), names(pool))).collect()
}

fn services(revision: Option<&Revision>, pools: &[&PoolStatus], counters: &Counters) -> Vec<ServiceStatus> {
    let current: BTreeMap<&Name, &PoolId> =
        revision.iter().flat_map(|r| r.pools.iter().map(|(service, pool)| (service, &pool.id))).collect();
    let names: BTreeSet<&Name> = current.keys().copied().chain(pools.iter().map(|pool| &pool.spec.service)).collect();
    let service = |name: &Name| {
        let own = pools.iter().filter(|pool| pool.spec.service == *name);
        let count = current.get(name).and_then(|id| counters.get(*id)).copied().unwrap_or_default();
        let wanted = revision.and_then(|revision| revision.pools.get(name)).map_or(0, |pool| pool.tuning.replicas);
        let instances = own.flat_map(|pool| {
            let is_current = current.get(name) == Some(&&pool.spec.id);
            pool.instances.iter().map(move |instance| shown(instance, is_current))
        });
        ServiceStatus {
            service: name.clone(),
            wanted,
            instances: instances.collect(),
            requests: count.requests,
            errors: count.errors,
        }
    };
    names.into_iter().map(service).collect()
}

fn shown(instance: &seaworthy_engine::InstanceStatus, current: bool) -> InstanceStatus {
    let state = match instance.state {
        InstanceState::Starting => State::Starting,
        InstanceState::Running => State::Running,
        InstanceState::Restarting => State::Restarting,
        InstanceState::CrashLoop => State::CrashLoop,
        InstanceState::Stopping => State::Stopping,
        InstanceState::Stopped => State::Stopped,
    };
    let mut last_lines = instance.last_lines.clone();
    if let Some(problem) = &instance.problem {
        last_lines.push(problem.to_string());
    }
    InstanceStatus {
        id: instance.id.to_string(),
        current,
        state,
        pid: instance.pid,
        address: instance.address.map(|address| address.to_string()),
        since: instance.started_at.map(clock::rfc3339),
        restarts: instance.restarts,
        last_exit: instance
            .last_exit
            .as_ref()
            .map(|exit| format!("ended at {} with {}", clock::rfc3339(exit.at), exit.how)),
        last_lines,
    }
}
