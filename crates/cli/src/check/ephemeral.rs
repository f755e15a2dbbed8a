//! The environment that functional checks run in.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::follow::Notify;
use seaworthy_model::release::{EnvironmentSpec, ReleaseBundle};
use seaworthy_model::resolve::{Wanted, resolve};
use std::time::Duration;

/// Its name.
const ENVIRONMENT: &str = "check";

/// From SIGTERM to SIGKILL there, unless the environment says otherwise.
const GRACE: Duration = Duration::from_secs(1);

/// The environment `check`, among those of a release: as it is declared, else with the values of `dev`; on a node of
/// this machine, whatever it says.
pub(super) fn among(bundle: &ReleaseBundle) -> Result<(Name, ReleaseBundle), Diagnostic> {
    let invalid = |error: seaworthy_model::name::InvalidName| Diagnostic::machine(error.to_string());
    let (name, dev) = (Name::new(ENVIRONMENT).map_err(invalid)?, Name::new("dev").map_err(invalid)?);
    let declared = bundle.environments.get(&name).or_else(|| bundle.environments.get(&dev));
    let mut spec = EnvironmentSpec {
        production: false,
        shift: None,
        shift_every: None,
        bake: None,
        target: None,
        node: None,
        repository: None,
        follows: None,
        notify: Notify::default(),
        forge: None,
        gate: None,
        ..declared.cloned().unwrap_or_default()
    };
    // Checks tell whether it works: nobody waits to see whether it stays so, unless that was asked for.
    for (service, release) in &bundle.release.services {
        let own = spec.services.entry(service.clone()).or_default();
        if own.tuning.healthy_for.is_none() && release.service.tuning.healthy_for.is_none() {
            own.tuning.healthy_for = Some(Duration::ZERO);
        }
        // What it has is thrown away with it: nobody waits for it to put that in order.
        own.tuning.grace.get_or_insert(GRACE);
    }
    let mut bundle = bundle.clone();
    bundle.environments.insert(name.clone(), spec);
    Ok((name, bundle))
}

/// What stands in the way of running a release there, known before anything is started: values that are missing.
pub(super) fn refusals(bundle: &ReleaseBundle, environment: &Name) -> Vec<Diagnostic> {
    let wanted = Wanted {
        release: &bundle.release,
        environments: &bundle.environments,
        provenance: &bundle.provenance,
        environment,
        number: 1,
        sandbox: true,
    };
    resolve(&wanted).err().unwrap_or_default()
}
