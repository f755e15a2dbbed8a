//! The steps of one commit, worked off: who needs whom, and what each does.

use crate::build::Request;
use crate::cache::Cache;
use crate::confinement::Confinements;
use crate::graph::{self, Schedule, State};
use crate::isolation::Isolation;
use crate::progress::Event;
use crate::report::{StepFailure, StepId, StepKind, StepOutcome, StepReport};
use crate::seams::{Functional, FunctionalFailure};
use crate::service::{ServiceBuild, ServiceBuilt, Stopped};
use crate::source::Source;
use crate::validate::Validated;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::release::{RELEASE_FORMAT, Release, ReleaseBundle, ServiceRelease};
use seaworthy_model::{Digest, Name};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What steps share.
pub(crate) struct Work<'a> {
    request: &'a Request<'a>,
    source: &'a Source,
    validated: &'a Validated,
    cache: &'a Cache,
    functional: Option<&'a dyn Functional>,
    isolation: Isolation,
    confinements: Confinements,
    /// Set when a step failed and the others need not go on.
    failed: AtomicBool,
    built: Mutex<BTreeMap<Name, Arc<ServiceBuilt>>>,
    /// In the order in which they ended.
    reports: Mutex<Vec<StepReport>>,
}

/// What steps made, and what became of them.
pub(crate) struct Worked {
    /// What was built.
    pub(crate) built: BTreeMap<Name, Arc<ServiceBuilt>>,
    /// The steps that ran, in the order in which they ended, then those that did not.
    pub(crate) reports: Vec<StepReport>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        request: &'a Request<'a>,
        source: &'a Source,
        validated: &'a Validated,
        cache: &'a Cache,
        functional: Option<&'a dyn Functional>,
    ) -> Self {
        Self {
            request,
            source,
            validated,
            cache,
            functional,
            isolation: Isolation::new(&source.manifest.app, &source.scope),
            confinements: Confinements::default(),
            failed: AtomicBool::new(false),
            built: Mutex::default(),
            reports: Mutex::default(),
        }
    }

    /// Works everything off.
    pub(crate) fn run(self) -> Worked {
        let has_lines = self.source.manifest.services.values().any(|service| !service.build.is_empty());
        if let Some(why) = self.isolation.why_not.clone().filter(|_| has_lines) {
            (self.request.progress)(Event::NotIsolated { why });
        }
        let done = graph::run(self.schedule(), &|step| self.step(step), &|| self.is_stopped());
        let mut reports = self.reports.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (id, state, cause) in done.all() {
            let is_told = reports.iter().any(|report| report.id == *id);
            if state != State::Passed && !is_told {
                let because = |cause: &StepId| format!("`{cause}` did not pass");
                reports.push(StepReport::not_run(id.clone(), cause.map_or_else(|| "it was stopped".to_owned(), because)));
            }
        }
        Worked { built: self.built.into_inner().unwrap_or_else(PoisonError::into_inner), reports }
    }

    /// Builds come first: what needs all of them may begin while tests run.
    fn schedule(&self) -> Schedule<StepId> {
        let mut schedule = Schedule::new(self.request.limits.at_once);
        let services = &self.source.manifest.services;
        let builds: BTreeMap<&Name, usize> = services
            .keys()
            .map(|name| (name, schedule.add(StepId::of(StepKind::Build, name), &[])))
            .collect();
        if self.functional.is_some() {
            let all: Vec<usize> = builds.values().copied().collect();
            schedule.add(StepId::whole(StepKind::Functional), &all);
        }
        for (name, service) in services.iter().filter(|_| self.request.test) {
            if !service.test.is_empty() {
                schedule.add(StepId::of(StepKind::Test, name), &[builds[name]]);
            }
        }
        schedule
    }

    fn is_stopped(&self) -> bool {
        self.request.cancel.load(Ordering::Relaxed)
            || (!self.request.keep_going && self.failed.load(Ordering::Relaxed))
    }

    /// Whether a step passed.
    fn step(&self, id: &StepId) -> bool {
        let started = Instant::now();
        let passed = |report: StepReport| StepReport { took: started.elapsed(), ..report };
        let ended = match (id.kind, &id.service) {
            (StepKind::Build, Some(name)) => self.build(id, name),
            (StepKind::Test, Some(name)) => self.test(id, name),
            _ => self.functional(id),
        };
        let report = match ended {
            Ok(report) => passed(report),
            Err(Stopped::Cancelled) => StepReport::not_run(id.clone(), "it was stopped".to_owned()),
            Err(Stopped::Failed(failure)) => {
                self.failed.store(true, Ordering::Relaxed);
                let StepFailure { outcome, command, errors, attempts } = failure;
                let report = StepReport::passed(id.clone(), started.elapsed());
                StepReport { outcome, command, errors, attempts, attempts_max: self.attempts_max(id), ..report }
            }
        };
        let outcome = report.outcome;
        lock(&self.reports).push(report);
        outcome == StepOutcome::Passed
    }

    fn attempts_max(&self, id: &StepId) -> u32 {
        let service = id.service.as_ref().and_then(|name| self.source.manifest.services.get(name));
        service.filter(|_| id.kind == StepKind::Test).map_or(1, |service| service.retry.saturating_add(1))
    }

    fn of_service(&self, name: &Name, work: impl FnOnce(&ServiceBuild<'_>) -> Result<StepReport, Stopped>) -> Result<StepReport, Stopped> {
        let (name, service) = self
            .source
            .manifest
            .services
            .get_key_value(name)
            .ok_or_else(|| Diagnostic::machine(format!("there is no service `{name}`")))?;
        work(&ServiceBuild {
            request: self.request,
            source: self.source,
            cache: self.cache,
            isolation: &self.isolation,
            confinements: &self.confinements,
            stop: &|| self.is_stopped(),
            name,
            service,
        })
    }

    fn build(&self, id: &StepId, name: &Name) -> Result<StepReport, Stopped> {
        self.of_service(name, |service| {
            let built = service.build()?;
            let cached = built.unchanged;
            lock(&self.built).insert(name.clone(), Arc::new(built));
            let attempts = u32::from(!cached);
            Ok(StepReport { cached, attempts, ..StepReport::passed(id.clone(), Duration::ZERO) })
        })
    }

    fn test(&self, id: &StepId, name: &Name) -> Result<StepReport, Stopped> {
        let report = StepReport { attempts_max: self.attempts_max(id), ..StepReport::passed(id.clone(), Duration::ZERO) };
        let built = lock(&self.built).get(name).cloned();
        let built = built.ok_or_else(|| Diagnostic::machine(format!("`{name}` was not built")))?;
        match built.tested_in {
            Some(attempts) => Ok(StepReport { cached: true, attempts, ..report }),
            None => self.of_service(name, |service| {
                let attempts = service.test(&built)?;
                Ok(StepReport { attempts, ..report })
            }),
        }
    }

    fn functional(&self, id: &StepId) -> Result<StepReport, Stopped> {
        let report = StepReport::passed(id.clone(), Duration::ZERO);
        let Some(functional) = self.functional else { return Ok(report) };
        let bundle = bundle(self.source, self.validated, &lock(&self.built));
        let refused = |errors| StepFailure { outcome: StepOutcome::Refused, ..StepFailure::new(errors) };
        let stands_for = functional.stands_for(&bundle).map_err(|errors| Stopped::Failed(refused(errors)))?;
        let key = Digest::of_json(&("functional", 1, bundle.release.digest(), stands_for));
        if self.cache.has_passed(&key) {
            return Ok(StepReport { cached: true, attempts: 0, ..report });
        }
        (self.request.progress)(Event::Functional);
        match functional.run(&bundle, self.request.limits.time_max, &|| self.is_stopped()) {
            Ok(()) => self.cache.keep_passed(&key)?,
            Err(FunctionalFailure::Cancelled) => return Err(Stopped::Cancelled),
            Err(FunctionalFailure::Refused(errors)) => return Err(Stopped::Failed(refused(errors))),
            Err(FunctionalFailure::Failed(errors)) => {
                let failure = StepFailure { outcome: StepOutcome::Failed, ..StepFailure::new(errors) };
                return Err(Stopped::Failed(failure));
            }
        }
        Ok(report)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The release of services that were all built, with what travels beside it.
pub(crate) fn bundle(
    source: &Source,
    validated: &Validated,
    built: &BTreeMap<Name, Arc<ServiceBuilt>>,
) -> ReleaseBundle {
    let manifest = &source.manifest;
    let release_of = |(name, built): (&Name, &Arc<ServiceBuilt>)| {
        let service = manifest.services.get(name)?.service.clone();
        let checks = validated.checks.get(name).cloned().unwrap_or_default();
        Some((name.clone(), ServiceRelease { image: built.made.image.clone(), service, checks }))
    };
    let release = Release {
        format: RELEASE_FORMAT,
        app: manifest.app.clone(),
        services: built.iter().filter_map(release_of).collect(),
        routes: validated.routes.clone(),
    };
    let attachments = built.iter().map(|(name, built)| (name.clone(), built.made.attachments.clone())).collect();
    ReleaseBundle {
        release,
        environments: manifest.environments.clone(),
        provenance: source.provenance.clone(),
        attachments,
    }
}
