//! The verdict on one commit.

use crate::build::Request;
use crate::cache::Cache;
use crate::report::{StepFailure, StepId, StepKind, StepOutcome, StepReport};
use crate::seams::Functional;
use crate::source::Source;
use crate::validate::validate;
use crate::work::{Work, bundle};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::manifest::Manifest;
use seaworthy_model::release::{Provenance, ReleaseBundle, Stage};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What is known of a commit once all of its steps have ended.
pub struct Checked {
    /// Its manifest, if that can be read.
    pub manifest: Option<Manifest>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What was built, if everything was: whatever its tests said.
    pub bundle: Option<ReleaseBundle>,
    /// Every step: those that did not pass first, the first one to fail before all others, then in the order of work.
    pub steps: Vec<StepReport>,
    /// Whether somebody stopped it before it was done.
    pub stopped: bool,
}

impl Checked {
    /// The verdict: everything passed, something failed, or (if nothing did) something could not run.
    #[must_use]
    pub fn outcome(&self) -> StepOutcome {
        let any = |outcome| self.steps.iter().any(|step| step.outcome == outcome);
        if any(StepOutcome::Failed) || self.stopped {
            StepOutcome::Failed
        } else if any(StepOutcome::Refused) || any(StepOutcome::NotRun) {
            StepOutcome::Refused
        } else {
            StepOutcome::Passed
        }
    }
}

/// Runs every step of a commit.
///
/// # Errors
/// When there is nothing to check: no such commit, no manifest in it, no git.
pub fn check(request: &Request<'_>, functional: &dyn Functional) -> Result<Checked, Vec<Diagnostic>> {
    let started = Instant::now();
    let validating = StepId::whole(StepKind::Validate);
    let opened = Source::find(request.manifest_file, request.of, request.cache)?;
    let provenance = opened.provenance.clone();
    let invalid = |errors: Vec<Diagnostic>, manifest: Option<Manifest>| {
        let StepFailure { outcome, errors, .. } = StepFailure::new(errors);
        let report = StepReport { outcome, errors, ..StepReport::passed(validating.clone(), started.elapsed()) };
        Checked { manifest, provenance: provenance.clone(), bundle: None, steps: vec![report], stopped: false }
    };
    let source = match opened.read() {
        Ok(source) => source,
        Err(errors) => return Ok(invalid(errors, None)),
    };
    let validated = match validate(request, &source) {
        Ok(validated) => validated,
        Err(errors) => return Ok(invalid(errors, Some(source.manifest))),
    };
    let cache = Cache::open(request.cache, true).map_err(|error| vec![error])?;
    let mut steps = vec![StepReport::passed(validating, started.elapsed())];
    let functional = validated.has_checks_of(Stage::Functional).then_some(functional);
    let worked = Work::new(request, &source, &validated, &cache, functional).run();
    let is_whole = worked.built.len() == source.manifest.services.len();
    let bundle = is_whole.then(|| bundle(&source, &validated, &worked.built));
    steps.extend(worked.reports);
    // Stable: of those that failed, the one that ended first stays the first.
    steps.sort_by_key(|step| match step.outcome {
        StepOutcome::Failed if step.id.kind == StepKind::Test => 0,
        StepOutcome::Failed => 1,
        StepOutcome::Refused => 2,
        StepOutcome::Passed => 3,
        StepOutcome::NotRun => 4,
    });
    let stopped = request.cancel.load(Ordering::Relaxed) && steps.iter().any(|step| !step.has_passed());
    Ok(Checked { manifest: Some(source.manifest), provenance, bundle, steps, stopped })
}
