//! The verdict on a commit, where the verb was typed.

mod ephemeral;
mod findings;
mod functional;
mod report;
mod reports;

pub(crate) use report::show;
pub(crate) use reports::write as write_reports;

use crate::build::{What, builds_folder, keep, with_request};
use crate::context::Context;
use crate::exit::Ended;
use functional::ThrowawayNode;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::{clock, files};
use seaworthy_model::date::Date;
use seaworthy_model::judge::{Evidence, judge};
use seaworthy_model::release::{self, ReleaseBundle};
use seaworthy_model::verdict::Verdict;
use seaworthy_pipeline::{Checked, CheckedStep, Request, check};
use std::path::Path;
use std::time::Instant;

/// What came of a check.
pub(crate) struct Outcome {
    /// The verdict, as every report has it.
    pub verdict: Verdict,
    /// The steps, with what is wrong as a person reads it.
    pub steps: Vec<CheckedStep>,
    /// What was built, with what was found, if everything was built.
    pub bundle: Option<ReleaseBundle>,
    /// Whether somebody stopped it before it was done.
    pub stopped: bool,
}

/// Checks, and keeps what was built.
pub(crate) async fn run(context: &Context, what: What) -> Result<Outcome, Ended> {
    let (started, started_at) = (Instant::now(), clock::rfc3339(clock::now()));
    let builds = builds_folder()?;
    let node = ThrowawayNode::new(tokio::runtime::Handle::current(), &builds);
    let work = move |request: &Request<'_>| {
        node.end_leftovers();
        check(request, &node)
    };
    let checked = with_request(context, what, work).await?.map_err(Ended::Refused)?;
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outcome = judged(checked, started_at, took_ms)?;
    if let Some(bundle) = &outcome.bundle {
        keep(context, bundle).await?;
        crate::checked::remember(&builds_folder()?, bundle)?;
    }
    Ok(outcome)
}

fn judged(checked: Checked, started_at: String, took_ms: u64) -> Result<Outcome, Ended> {
    let Checked { manifest, provenance, bundle, steps, stopped } = checked;
    let today = Date::of_time(&started_at).map_err(|e| Ended::failed(Diagnostic::machine(e.to_string())))?;
    let evidence = Evidence {
        app: manifest.as_ref().map(|manifest| manifest.app.clone()),
        commit: provenance.commit,
        dirty: provenance.dirty,
        unlocked: bundle.as_ref().is_some_and(|bundle| bundle.provenance.unlocked),
        release: bundle.as_ref().map(|bundle| bundle.release.digest()),
        started_at: started_at.clone(),
        took_ms,
        steps: steps.iter().map(|step| step.report.clone()).collect(),
        found: Vec::new(),
    };
    let (gates, environments) = manifest.map(|manifest| (manifest.gates, manifest.environments)).unwrap_or_default();
    let verdict = judge(evidence, &gates, &environments, today);
    let found = release::Checked { at: started_at, findings: verdict.findings.clone() };
    let bundle = bundle.map(|bundle| ReleaseBundle { checked: Some(found), ..bundle });
    Ok(Outcome { verdict, steps, bundle, stopped })
}

/// Writes what was built to a file; nothing was built: there is no file afterwards.
pub(crate) fn write_bundle(file: &Path, bundle: Option<&ReleaseBundle>) -> Result<(), Ended> {
    let failed = |error: Diagnostic| Ended::failed(error);
    let Some(bundle) = bundle else {
        return match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed(files::FileError::new("remove", file, error).into()))
            }
            _ => Ok(()),
        };
    };
    let bytes = serde_json::to_vec(bundle).map_err(|error| failed(Diagnostic::machine(error.to_string())))?;
    files::write_atomic(file, &bytes, 0o600).map_err(|error| failed(error.into()))
}
