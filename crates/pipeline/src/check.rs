//! What is known of one commit when all of its steps have ended.

use crate::build::Request;
use crate::cache::Cache;
use crate::deployable;
use crate::report::{Record, Step, StepFailure, StepId};
use crate::seams::Functional;
use crate::source::Source;
use crate::validate::validate;
use crate::work::{Work, bundle};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::manifest::Manifest;
use seaworthy_model::release::{Provenance, ReleaseBundle, Stage};
use seaworthy_model::verdict::{StepKind, StepOutcome, StepReport};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What is known of a commit when all of its steps have ended.
pub struct Checked {
    /// Its manifest, if that can be read.
    pub manifest: Option<Manifest>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What was built, if everything was: whatever its tests said.
    pub bundle: Option<ReleaseBundle>,
    /// Every step: `validate`, the builds and tests of each service, `functional`.
    pub steps: Vec<Step>,
    /// Whether somebody stopped it before it was done.
    pub stopped: bool,
}

/// Runs every step of a commit; functional checks only if it has any.
///
/// # Errors
/// When there is nothing to check: no such commit, no manifest in it, no git.
pub fn check(request: &Request<'_>, functional: &dyn Functional) -> Result<Checked, Vec<Diagnostic>> {
    let (started, validating) = (Instant::now(), StepId::whole(StepKind::Validate).report());
    let found = Source::find(request.manifest_file, request.of, request.cache, request.progress)?;
    let provenance = found.provenance.clone();
    let invalid = |errors: Vec<Diagnostic>, manifest: Option<Manifest>| {
        let step = StepFailure::new(errors).into_step(validating.clone(), started.elapsed());
        Checked { manifest, provenance: provenance.clone(), bundle: None, steps: vec![step], stopped: false }
    };
    let source = match found.read() {
        Ok(source) => source,
        Err(errors) => return Ok(invalid(errors, None)),
    };
    let validated = match validate(request, &source) {
        Ok(validated) => validated,
        Err(errors) => return Ok(invalid(errors, Some(source.manifest))),
    };
    let cache = Cache::open(request.cache, true).map_err(|error| vec![error])?;
    let refusals = deployable::refusals(&source, &validated);
    // Nothing that is built or tested depends on what environments say.
    let validating = match refusals.is_empty() {
        true => Step { report: Record::new(started.elapsed()).fill(validating.clone(), false), errors: Vec::new() },
        false => StepFailure::refused(refusals).into_step(validating.clone(), started.elapsed()),
    };
    let functional = validated.has_checks_of(Stage::Functional).then_some(functional);
    let worked = Work::new(request, &source, &validated, &cache, functional).run();
    let is_whole = worked.built.len() == source.manifest.services.len();
    let bundle = is_whole.then(|| bundle(&source, &validated, &worked.built));
    let mut steps = vec![validating];
    steps.extend(worked.steps);
    steps.sort_by(|one, other| place(&one.report).cmp(&place(&other.report)));
    let is_done = steps.iter().all(|step| step.report.outcome == StepOutcome::Passed);
    let stopped = request.cancel.load(Ordering::Relaxed) && !is_done;
    Ok(Checked { manifest: Some(source.manifest), provenance, bundle, steps, stopped })
}

/// Where a step stands in the verdict, whenever it ended.
fn place(report: &StepReport) -> (u8, Option<&Name>, StepKind) {
    let part = match report.kind {
        StepKind::Validate => 0,
        StepKind::Test | StepKind::Build => 1,
        StepKind::Functional | StepKind::Gates => 2,
    };
    (part, report.service.as_ref(), report.kind)
}
