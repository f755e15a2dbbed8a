//! What an environment asks for that is not built yet: some of it is refused, some of it deploys and is named.

use super::Wanted;
use crate::Name;
use crate::release::{EnvironmentSpec, Origin, Provenance, Release};
use crate::service::Tuning;
use seaworthy_diagnostics::Diagnostic;

/// What cannot be done at all.
pub(super) fn refusals(environment: &Name, spec: &EnvironmentSpec, sandbox: bool) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    if spec.target.as_deref() == Some("kubernetes") {
        let message = format!("`{environment}` has `target = \"kubernetes\"`, which is not built yet");
        errors.push(Diagnostic::user(message).help("leave `target` out: the environment runs on the node"));
    }
    if spec.isolation.as_deref() == Some("sandbox") && !sandbox {
        let message = format!("`{environment}` has `isolation = \"sandbox\"`, which this machine does not give");
        errors.push(Diagnostic::user(message).help("leave `isolation` out to take what the machine gives"));
    }
    errors
}

/// Images that others made are whole roots: without a sandbox there is no root for a program but the machine's.
pub(super) fn roots(release: &Release) -> Vec<Diagnostic> {
    let foreign = release.services.iter().filter_map(|(name, service)| Some((name, service.origin.as_ref()?)));
    let refusal = |(name, origin): (&Name, &Origin)| {
        let key = if matches!(origin, Origin::Image(_)) { "image" } else { "dockerfile" };
        let message = format!("`{name}` has `{key}`, which runs in a sandbox only, and there is none here");
        let help = "`seaworthy doctor` says what this machine lacks; leave `isolation = \"none\"` out if it is there";
        Diagnostic::user(message).help(help)
    };
    foreign.map(refusal).collect()
}

/// That the commit may give another image next time. Whoever develops commits the lock in the end; what has changes is
/// no commit anyway.
#[must_use]
pub fn unlocked(provenance: &Provenance, environment: &Name) -> Option<String> {
    let is_told = provenance.unlocked && !provenance.dirty && environment.as_str() != "dev";
    is_told.then(|| {
        "a base is not locked in the commit, which may give another image next time: commit `seaworthy.lock`, and take it \
         out of `.gitignore` if it is there"
            .to_owned()
    })
}

/// What somebody should know of a revision: what is declared and has no effect here, what cannot be made again. A line
/// each.
pub(super) fn not_enforced(wanted: &Wanted<'_>, spec: &EnvironmentSpec, sandbox: bool) -> Vec<String> {
    let release = wanted.release;
    let mut lines: Vec<String> = unlocked(wanted.provenance, wanted.environment).into_iter().collect();
    if spec.isolation.as_deref() == Some("none") {
        lines.push(
            "`isolation = \"none\"`: nothing keeps services apart from each other and from the machine".to_owned(),
        );
    }
    for (name, service) in &release.services {
        let own = &service.service;
        if let Some(Origin::Dockerfile(file)) = &service.origin {
            lines.push(format!("`{name}` is built from `{file}`: not reproducible"));
        }
        let over = spec.services.get(name).map(|over| &over.tuning);
        let tuned = |field: fn(&Tuning) -> bool| field(&own.tuning) || over.is_some_and(field);
        let declared = [
            ("base", own.base.is_some() && !sandbox),
            ("egress", !own.egress.is_empty() && !sandbox),
            ("callers", !own.callers.is_empty() && !sandbox),
            ("memory", tuned(|t| t.memory_bytes.is_some()) && !sandbox),
            ("cpu", tuned(|t| t.cpu_millis.is_some()) && !sandbox),
            ("every", service.checks.iter().any(|check| check.every.is_some())),
        ];
        lines.extend(
            declared.iter().filter(|(_, there)| *there).map(|(key, _)| format!("`{key}` of `{name}`: not enforced")),
        );
    }
    let routes = release.routes.iter().filter(|(_, route)| route.checks.iter().any(|check| check.every.is_some()));
    lines.extend(routes.map(|(name, _)| format!("`every` of the route `{name}`: not enforced")));
    lines
}
