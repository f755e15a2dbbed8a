//! Functional checks against the release that was built, on a node of its own that is thrown away.

use super::ephemeral;
use crate::exit::Ended;
use crate::send::transfer;
use seaworthy_api::wire::{DeploymentRequest, FunctionalCheck, Intent};
use seaworthy_api::{Client, ClientError, Transport};
use seaworthy_checks::Runner;
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_host::ports;
use seaworthy_model::deployment::Outcome;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::units::format_duration;
use seaworthy_model::verdict::{CaseOutcome, TestCase};
use seaworthy_node::throwaway::{Throwaway, end_leftovers};
use seaworthy_pipeline::{Functional, FunctionalFailure};
use seaworthy_store::blobs::Blobs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Handle;

/// How long a node may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is asked, and how often a wish to stop is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Runs functional checks on a node of this machine that nobody else knows of.
pub(super) struct ThrowawayNode {
    runtime: Handle,
    /// Where what was built is.
    builds: PathBuf,
    /// Where the homes of such nodes lie.
    homes: PathBuf,
}

impl ThrowawayNode {
    /// Its calls wait on that runtime.
    pub(super) fn new(runtime: Handle, builds: &Path) -> Self {
        let homes = seaworthy_node::place::user_home().join("throwaway");
        Self { runtime, builds: builds.to_owned(), homes }
    }

    /// Ends what is left of checks that were killed together with their nodes.
    pub(super) fn end_leftovers(&self) {
        end_leftovers(&self.homes);
    }

    async fn ask(&self, node: &mut Throwaway, bundle: &ReleaseBundle) -> Result<Vec<TestCase>, FunctionalFailure> {
        let (environment, bundle) = ephemeral::among(bundle).map_err(refused)?;
        let socket = until_it_answers(node).await.map_err(refused)?;
        let mut client = Client::new(Transport::Unix(socket));
        let blobs = Blobs::open(&self.builds).map_err(|error| refused(error.into()))?;
        let sent = transfer(&mut client, &blobs, &bundle).await.map_err(ended)?;
        let app = &bundle.release.app;
        let intent = Intent::Deploy { release: sent.release, only: Vec::new(), take_over: false };
        let request = DeploymentRequest { intent, claim: None };
        let started = client.deploy(app, &environment, &request).await.map_err(|error| ended(error.into()))?;
        if let Some(id) = started.deployment {
            until_it_serves(&mut client, id).await?;
        }
        let results = client.functional(app, &environment).await.map_err(|error| ended(error.into()))?;
        let cases: Vec<TestCase> = results.iter().map(case).collect();
        let errors: Vec<Diagnostic> = results.into_iter().flat_map(|result| result.errors).collect();
        if errors.is_empty() { Ok(cases) } else { Err(FunctionalFailure::Failed { errors, cases }) }
    }
}

impl Functional for ThrowawayNode {
    fn stands_for(&self, bundle: &ReleaseBundle) -> Result<String, Vec<Diagnostic>> {
        let (environment, bundle) = ephemeral::among(bundle).map_err(|error| vec![error])?;
        let refusals = ephemeral::refusals(&bundle, &environment);
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let runner = Runner::locate().map_err(|error| vec![error.to_diagnostic()])?;
        let values = serde_json::to_string(&bundle.environments[&environment]).unwrap_or_default();
        let own = std::env::current_exe().ok();
        let programs = [Some(runner.helper().to_owned()), own].map(|program| program.and_then(|path| identity(&path)));
        let isolation = std::env::var("SEAWORTHY_ISOLATION").unwrap_or_default();
        Ok(format!("{values} {programs:?} {isolation}"))
    }

    fn run(
        &self,
        bundle: &ReleaseBundle,
        time_max: Duration,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<TestCase>, FunctionalFailure> {
        let port = ports::find_free(|_| false);
        let port = port.ok_or_else(|| refused(Diagnostic::machine("there is no free port for a gateway")))?;
        let home = self.homes.join(format!("{}-{port}", std::process::id()));
        let mut node = Throwaway::start(home, port).map_err(refused)?;
        let stopped = async {
            while !stop() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                asked = self.ask(&mut node, bundle) => asked,
                () = stopped => Err(FunctionalFailure::Cancelled),
                () = tokio::time::sleep(time_max) => {
                    let message = format!("the functional checks took longer than {}", format_duration(time_max));
                    Err(FunctionalFailure::Failed { errors: vec![Diagnostic::user(message)], cases: Vec::new() })
                }
            }
        })
    }
}

/// What tells one build of a program from another.
fn identity(path: &Path) -> Option<(u64, i64, i64)> {
    let metadata = path.metadata().ok()?;
    Some((metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

fn refused(error: Diagnostic) -> FunctionalFailure {
    FunctionalFailure::Refused(vec![error])
}

/// What the node refuses, and that it cannot be talked to, says nothing about what the release does.
fn ended(ended: Ended) -> FunctionalFailure {
    FunctionalFailure::Refused(match ended {
        Ended::Failed(errors) | Ended::Refused(errors) => errors,
        other => vec![Diagnostic::new(Fault::Seaworthy, format!("the node ended the call: {other:?}"))],
    })
}

async fn until_it_answers(node: &mut Throwaway) -> Result<PathBuf, Diagnostic> {
    let socket = node.socket()?;
    let until = tokio::time::Instant::now() + START_TIMEOUT;
    while tokio::time::Instant::now() < until && node.is_running() {
        if seaworthy_node::start::answers(&socket).await {
            return Ok(socket);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let error = Diagnostic::machine("the node for functional checks does not answer").evidence(node.last_lines());
    Err(error.help("`seaworthy doctor` says what this machine lacks"))
}

/// Follows the deployment until the release serves.
async fn until_it_serves(client: &mut Client, id: u64) -> Result<(), FunctionalFailure> {
    let mut verdict = None;
    let watched = client.events(id, 0, |event| {
        verdict = match event.outcome {
            Some(Outcome::Baking | Outcome::Succeeded) => Some(Ok(())),
            Some(Outcome::Failed | Outcome::Returned | Outcome::Cancelled) => {
                let failure = event.failure.clone();
                Some(Err(failure.unwrap_or_else(|| Diagnostic::service(event.text.clone()))))
            }
            Some(Outcome::Running) | None => None,
        };
        verdict.is_none()
    });
    watched.await.map_err(|error: ClientError| ended(error.into()))?;
    match verdict {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) if matches!(error.fault, Fault::Machine | Fault::Seaworthy) => Err(refused(error)),
        Some(Err(error)) => Err(FunctionalFailure::Failed { errors: vec![error], cases: Vec::new() }),
        None => Err(refused(Diagnostic::machine("the node for functional checks ended before the release served"))),
    }
}

fn case(check: &FunctionalCheck) -> TestCase {
    let first = check.errors.first();
    let details: Vec<&str> = check.errors.iter().flat_map(|error| &error.evidence).map(String::as_str).collect();
    TestCase {
        name: check.file.clone(),
        class: check.service.as_ref().map(ToString::to_string),
        outcome: if check.errors.is_empty() { CaseOutcome::Passed } else { CaseOutcome::Failed },
        took_ms: Some(check.took_ms),
        message: first.map(|error| error.message.clone()),
        details: (!details.is_empty()).then(|| details.join("\n")),
        file: Some(check.file.clone()),
        line: first.and_then(|error| error.place.as_ref()).map(line),
        ..TestCase::default()
    }
}

fn line(place: &seaworthy_diagnostics::Place) -> u32 {
    let before = place.text.get(..place.span.0).unwrap_or_default();
    u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_diagnostics::Place;

    #[test]
    fn lines_count_from_one() {
        let place = |start| Place { file: "a".into(), text: "one\ntwo\nthree".into(), span: (start, start) };
        assert_eq!([0, 4, 9, 99].map(|start| line(&place(start))), [1, 2, 3, 1]);
    }
}
