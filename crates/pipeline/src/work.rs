//! The steps of one commit, worked off: who needs whom, and what each does.

use crate::build::Request;
use crate::cache::Cache;
use crate::confinement::Confinements;
use crate::fingerprint::Listing;
use crate::graph::{self, Schedule, State};
use crate::isolation::Isolation;
use crate::progress::Event;
use crate::report::{Record, Step, StepFailure, StepId};
use crate::seams::{Functional, FunctionalFailure};
use crate::service::{ServiceBuild, ServiceBuilt, Stopped};
use crate::source::Source;
use crate::validate::Validated;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::release::{Origin, Provenance, RELEASE_FORMAT, Release, ReleaseBundle, ServiceRelease};
use seaworthy_model::service::Service;
use seaworthy_model::verdict::{StepKind, StepOutcome, StepReport};
use seaworthy_model::{Digest, Name};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What steps share.
pub(crate) struct Work<'a> {
    request: &'a Request<'a>,
    source: &'a Source,
    validated: &'a Validated,
    cache: &'a Cache,
    functional: Option<&'a dyn Functional>,
    isolation: Isolation,
    confinements: Confinements,
    listing: Listing,
    /// Set when a step failed and the others need not go on.
    failed: AtomicBool,
    built: Mutex<BTreeMap<Name, Arc<ServiceBuilt>>>,
    /// In the order in which they ended.
    steps: Mutex<Vec<Step>>,
}

/// What steps made, and what became of them.
pub(crate) struct Worked {
    /// What was built.
    pub(crate) built: BTreeMap<Name, Arc<ServiceBuilt>>,
    /// The steps that ran, in the order in which they ended, then those that did not.
    pub(crate) steps: Vec<Step>,
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
            listing: Listing::of(&source.scope, source.is_own(), request.cache),
            failed: AtomicBool::new(false),
            built: Mutex::default(),
            steps: Mutex::default(),
        }
    }

    /// Works everything off.
    pub(crate) fn run(self) -> Worked {
        let has_lines = self.source.manifest.services.values().any(|service| !service.build.is_empty());
        if let Some(why) = self.isolation.why_not.clone().filter(|_| has_lines) {
            (self.request.progress)(Event::NotIsolated { why });
        }
        let done = graph::run(self.schedule(), &|step| self.step(step), &|| self.is_stopped());
        self.listing.save();
        for (name, built) in lock(&self.built).iter() {
            // What cannot be kept is built again the next time.
            let _ = self.of_service(name, |service| Ok(service.keep_locked(built)?));
        }
        let mut steps = self.steps.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (id, state, cause) in done.all() {
            let is_told = steps.iter().any(|step| step.report.id == id.to_string());
            if state != State::Passed && !is_told {
                let reason = cause.map_or_else(stopped, |cause| format!("`{cause}` did not pass"));
                steps.push(Step { report: StepReport { reason: Some(reason), ..id.report() }, errors: Vec::new() });
            }
        }
        Worked { built: self.built.into_inner().unwrap_or_else(PoisonError::into_inner), steps }
    }

    /// Builds come first: what needs all of them may begin while tests run.
    fn schedule(&self) -> Schedule<StepId> {
        let mut schedule = Schedule::new(self.request.limits.at_once);
        let services = &self.source.manifest.services;
        let builds: BTreeMap<&Name, usize> =
            services.keys().map(|name| (name, schedule.add(StepId::of(StepKind::Build, name), &[]))).collect();
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
        self.request.cancel.load(Ordering::Relaxed) || (!self.request.keep_going && self.failed.load(Ordering::Relaxed))
    }

    /// Whether a step passed.
    fn step(&self, id: &StepId) -> bool {
        let (started, report) = (Instant::now(), self.report(id));
        let ended = match (id.kind, &id.service) {
            (StepKind::Build, Some(name)) => self.build(name),
            (StepKind::Test, Some(name)) => self.test(name),
            _ => self.functional(),
        };
        let step = match ended {
            Ok((record, cached)) => Step { report: record.fill(report, cached), errors: Vec::new() },
            Err(Stopped::Cancelled) => {
                Step { report: StepReport { reason: Some(stopped()), ..report }, errors: Vec::new() }
            }
            Err(Stopped::Failed(failure)) => {
                self.failed.store(true, Ordering::Relaxed);
                failure.into_step(report, started.elapsed())
            }
        };
        let passed = step.report.outcome == StepOutcome::Passed;
        lock(&self.steps).push(step);
        passed
    }

    /// What is known of a step before it runs.
    fn report(&self, id: &StepId) -> StepReport {
        let report = id.report();
        let Some(service) = id.service.as_ref().and_then(|name| self.source.manifest.services.get(name)) else {
            return report;
        };
        let folder = service.has_folder.then(|| service.path.clone());
        match id.kind {
            StepKind::Build => StepReport { command: service.build.clone(), folder, ..report },
            StepKind::Test => {
                let attempts_max = service.retry.saturating_add(1);
                StepReport { command: service.test.clone(), folder, attempts_max, ..report }
            }
            _ => report,
        }
    }

    fn of_service<T>(
        &self,
        name: &Name,
        work: impl FnOnce(&ServiceBuild<'_>) -> Result<T, Stopped>,
    ) -> Result<T, Stopped> {
        let found = self.source.manifest.services.get_key_value(name);
        let (name, service) = found.ok_or_else(|| Diagnostic::machine(format!("there is no service `{name}`")))?;
        work(&ServiceBuild {
            request: self.request,
            source: self.source,
            cache: self.cache,
            isolation: &self.isolation,
            confinements: &self.confinements,
            listing: &self.listing,
            stop: &|| self.is_stopped(),
            name,
            service,
        })
    }

    /// What is to be kept of it, and whether that was kept before.
    fn build(&self, name: &Name) -> Ended {
        let built = Arc::new(self.of_service(name, |service| service.build())?);
        lock(&self.built).insert(name.clone(), Arc::clone(&built));
        Ok((built.record().clone(), built.unchanged))
    }

    fn test(&self, name: &Name) -> Ended {
        let built = lock(&self.built).get(name).cloned();
        let built = built.ok_or_else(|| Diagnostic::machine(format!("`{name}` was not built")))?;
        match built.tested() {
            Some(record) => Ok((record.clone(), true)),
            None => Ok((self.of_service(name, |service| service.test(&built))?, false)),
        }
    }

    fn functional(&self) -> Ended {
        let Some(functional) = self.functional else { return Ok((Record::default(), false)) };
        let bundle = bundle(self.source, self.validated, &lock(&self.built));
        let refused = |errors| Stopped::Failed(StepFailure::refused(errors));
        let stands_for = functional.stands_for(&bundle).map_err(refused)?;
        let key = Digest::of_json(&("functional", 1, bundle.release.digest(), stands_for));
        if let Some(record) = self.cache.passed(&key) {
            return Ok((record, true));
        }
        (self.request.progress)(Event::Functional);
        let started = Instant::now();
        let ended = functional.run(&bundle, self.request.limits.time_max, &|| self.is_stopped());
        let cases = ended.map_err(|failure| match failure {
            FunctionalFailure::Cancelled => Stopped::Cancelled,
            FunctionalFailure::Refused(errors) => refused(errors),
            FunctionalFailure::Failed { errors, cases } => {
                let failure = StepFailure::new(errors);
                Stopped::Failed(StepFailure { outcome: StepOutcome::Failed, cases, ..failure })
            }
        })?;
        let record = Record { cases, ..Record::new(started.elapsed()) };
        self.cache.keep_passed(&key, &record)?;
        Ok((record, false))
    }
}

/// What is kept of a step that passed, and whether it was kept before.
type Ended = Result<(Record, bool), Stopped>;

fn stopped() -> String {
    "it was stopped".to_owned()
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The release of these services: as they run, their images, and where those come from.
pub(crate) fn release<'a>(
    source: &Source,
    validated: &Validated,
    services: impl Iterator<Item = (&'a Name, Service, Digest, Option<Origin>)>,
) -> Release {
    let release_of = |(name, service, image, origin): (&Name, Service, Digest, Option<Origin>)| {
        let checks = validated.checks.get(name).cloned().unwrap_or_default();
        (name.clone(), ServiceRelease { image, service, checks, origin })
    };
    Release {
        format: RELEASE_FORMAT,
        app: source.manifest.app.clone(),
        services: services.map(release_of).collect(),
        routes: validated.routes.clone(),
        jobs: source.manifest.jobs.clone(),
    }
}

/// The release of services that were all built, with what travels beside it.
pub(crate) fn bundle(
    source: &Source,
    validated: &Validated,
    built: &BTreeMap<Name, Arc<ServiceBuilt>>,
) -> ReleaseBundle {
    let manifest = &source.manifest;
    let images = built.iter().filter_map(|(name, built)| {
        let made = &built.made;
        let service = Service { run: made.run.clone(), ..manifest.services.get(name)?.service.clone() };
        Some((name, service, made.image.clone(), made.origin.clone()))
    });
    let release = release(source, validated, images);
    let attachments = built.iter().map(|(name, built)| (name.clone(), built.made.attachments.clone())).collect();
    ReleaseBundle {
        release,
        environments: manifest.environments.clone(),
        provenance: Provenance {
            unlocked: built.values().any(|built| built.made.unlocked),
            ..source.provenance.clone()
        },
        attachments,
        gates: manifest.gates.clone(),
        checked: None,
        tested: false,
    }
}
