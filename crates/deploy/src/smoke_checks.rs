//! Which checks a deployment runs, and when.

use crate::pairing::ChangeOver;
use crate::step::{SmokeCheck, Subject};
use seaworthy_model::Name;
use seaworthy_model::deployment::Revision;
use seaworthy_model::release::{Check, RouteTo, Stage};
use std::collections::BTreeSet;

/// A revision's smoke checks: those that can run before services change over, and those that reach such a service.
#[derive(Debug, Default)]
pub(crate) struct SmokeChecks {
    /// What they check has nothing to do with a service that changes over.
    pub(crate) before_hold: Vec<SmokeCheck>,
    /// What they check needs one, itself or through others.
    pub(crate) within_hold: Vec<SmokeCheck>,
    /// What has checks and none among them that runs before users reach it, a line each.
    pub(crate) unguarded: Vec<String>,
}

/// Sorts the checks of a revision.
pub(crate) fn smoke_checks(revision: &Revision, changed_over: &[ChangeOver<'_>]) -> SmokeChecks {
    let changing: BTreeSet<&Name> = changed_over.iter().map(|change| &change.new.service).collect();
    let mut sorted = SmokeChecks::default();
    for (service, checks) in &revision.checks {
        let Some(pool) = revision.pools.get(service) else { continue };
        let subject = Subject::Service { service: service.clone(), pool: pool.id.clone() };
        sorted.add(revision, &changing, &subject, std::slice::from_ref(service), checks);
    }
    for (route, spec) in &revision.routes {
        let subject = Subject::Route { route: route.clone(), host: spec.host.clone(), path: spec.path.clone() };
        sorted.add(revision, &changing, &subject, services(&spec.to), &spec.checks);
    }
    sorted
}

/// The smoke checks that may run again and again while a revision bakes: those that change nothing.
pub(crate) fn repeated(revision: &Revision) -> Vec<SmokeCheck> {
    let harmless = |check: &SmokeCheck| check.check.is_harmless();
    smoke_checks(revision, &[]).before_hold.into_iter().filter(harmless).collect()
}

/// The services that answer a route.
pub(crate) fn services(to: &RouteTo) -> &[Name] {
    match to {
        RouteTo::Service(service) => std::slice::from_ref(service),
        RouteTo::Fanout(fanout) => &fanout.services,
    }
}

/// These services, and all that they call, directly or through others.
pub(crate) fn reached<'a>(revision: &'a Revision, services: &'a [Name]) -> BTreeSet<&'a Name> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Name> = services.iter().collect();
    while let Some(service) = open.pop() {
        if reached.insert(service) {
            open.extend(revision.pools.get(service).into_iter().flat_map(|pool| pool.calls.keys()));
        }
    }
    reached
}

impl SmokeChecks {
    fn add(
        &mut self,
        revision: &Revision,
        changing: &BTreeSet<&Name>,
        subject: &Subject,
        services: &[Name],
        checks: &[Check],
    ) {
        let reaches = reached(revision, services).iter().any(|service| changing.contains(service));
        let (smoke, others): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.runs_in(Stage::Smoke));
        if let (true, Some(other)) = (smoke.is_empty(), others.first()) {
            let (name, file) = (subject.name(), &other.file);
            self.unguarded.push(format!(
                "no check of `{name}` runs before users reach it: `{file}` is for other stages (`runs` of a check says \
                 for which)"
            ));
        }
        for check in smoke {
            let list = if reaches { &mut self.within_hold } else { &mut self.before_hold };
            list.push(SmokeCheck { subject: subject.clone(), check: check.clone() });
        }
    }
}
