//! `--only`: some services of a new release, the others as they run.

use crate::Name;
use crate::release::Release;
use seaworthy_diagnostics::Diagnostic;

/// The running release with these services taken from the new one. Routes stay as they run.
///
/// # Errors
/// When the new release lacks one of the services, or what comes out would call a service that it does not have.
pub fn only(new: &Release, running: &Release, services: &[Name]) -> Result<Release, Vec<Diagnostic>> {
    let mut mixed = running.clone();
    let mut errors = Vec::new();
    for name in services {
        match new.services.get(name) {
            Some(service) => {
                mixed.services.insert(name.clone(), service.clone());
            }
            None => {
                let names: Vec<String> = new.services.keys().map(|name| format!("`{name}`")).collect();
                let help = format!("it has {}", names.join(", "));
                errors.push(Diagnostic::user(format!("`{}` has no service `{name}`", new.app)).help(help));
            }
        }
    }
    // A job belongs to its service.
    mixed.jobs.retain(|_, job| !services.contains(&job.service));
    mixed.jobs.extend(new.jobs.clone().into_iter().filter(|(_, job)| services.contains(&job.service)));
    for (name, service) in &mixed.services {
        for callee in service.service.calls.iter().filter(|callee| !mixed.services.contains_key(*callee)) {
            let message = format!("`{name}` calls `{callee}`, which does not run yet");
            errors.push(Diagnostic::user(message).help(format!("add `--only {callee}`, or deploy everything")));
        }
    }
    if errors.is_empty() { Ok(mixed) } else { Err(errors) }
}
