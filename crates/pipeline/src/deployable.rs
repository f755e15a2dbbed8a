//! What stands in the way of a declared environment, as far as the commit alone says it: `plan` would refuse it there.

use crate::source::Source;
use crate::validate::Validated;
use crate::work::release;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::release::{EnvironmentSpec, Origin, Release, Stage};
use seaworthy_model::resolve::{Wanted, resolve};
use seaworthy_model::{Digest, Name};

/// What each declared environment would refuse, whatever its node has: once, with the names of all that do. Without any
/// declared, there is `dev`.
pub(crate) fn refusals(source: &Source, validated: &Validated) -> Vec<Diagnostic> {
    let release = unbuilt(source, validated);
    let declared = source.manifest.environments.clone();
    let only_dev = || Some((Name::new("dev").ok()?, EnvironmentSpec::default()));
    let environments = if declared.is_empty() { only_dev().into_iter().collect() } else { declared };
    let has_functional = validated.has_checks_of(Stage::Functional);
    // The step that runs in it says what it lacks.
    let elsewhere = |name: &&Name| !(has_functional && name.as_str() == "check");
    let mut refusals: Vec<(Diagnostic, Vec<String>)> = Vec::new();
    for environment in environments.keys().filter(elsewhere) {
        let wanted = Wanted {
            release: &release,
            environments: &environments,
            provenance: &source.provenance,
            environment,
            number: 1,
            sandbox: true,
        };
        for error in resolve(&wanted).err().unwrap_or_default() {
            let shown = format!("`{environment}`");
            match refusals.iter_mut().find(|(known, _)| known.message == error.message) {
                Some((_, names)) => names.push(shown),
                None => refusals.push((error, vec![shown])),
            }
        }
    }
    let named = |(error, names): (Diagnostic, Vec<String>)| Diagnostic {
        message: format!("cannot be deployed to {}: {}", names.join(", "), error.message),
        ..error
    };
    refusals.into_iter().map(named).collect()
}

/// The release, but for what building tells.
fn unbuilt(source: &Source, validated: &Validated) -> Release {
    let services = source.manifest.services.iter().map(|(name, service)| {
        let origin = match (&service.image, &service.dockerfile) {
            (Some(image), _) => Some(Origin::Image(image.to_string())),
            (None, Some(file)) => Some(Origin::Dockerfile(file.clone())),
            (None, None) => None,
        };
        (name, service.service.clone(), Digest::of(b""), origin)
    });
    release(source, validated, services)
}
