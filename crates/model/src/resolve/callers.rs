//! Who may call whom across teams, where a sandbox holds it: the manifest was asked when it was read, but `--only`
//! mixes the services of two commits.

use crate::release::Release;
use seaworthy_diagnostics::Diagnostic;

/// Calls to services of other teams that do not agree.
pub(super) fn refusals(release: &Release) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for (name, caller) in &release.services {
        for callee in &caller.service.calls {
            let Some(called) = release.services.get(callee) else { continue };
            let (Some(own), Some(other)) = (&caller.service.team, &called.service.team) else { continue };
            if own == other || called.service.callers.contains(name) {
                continue;
            }
            let mut agreed: Vec<&str> = called.service.callers.iter().map(crate::Name::as_str).collect();
            agreed.push(name.as_str());
            let message = format!("`{callee}` belongs to team `{other}`, which does not let `{name}` call it");
            errors.push(Diagnostic::user(message).help(format!("add `callers = {agreed:?}` to `[services.{callee}]`")));
        }
    }
    errors
}
