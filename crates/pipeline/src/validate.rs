//! What can be wrong before anything is built: the manifest, and the checks that it names.

use crate::build::Request;
use crate::checks::{self, Checked};
use crate::source::Source;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::release::{Check, RouteSpec, Stage};
use std::collections::BTreeMap;
use std::path::Path;

/// What the manifest says of checks and routes, with their files in the store.
pub(crate) struct Validated {
    /// The checks of services.
    pub(crate) checks: BTreeMap<Name, Vec<Check>>,
    /// The routes with theirs.
    pub(crate) routes: BTreeMap<Name, RouteSpec>,
}

impl Validated {
    /// Whether any check runs at a stage.
    pub(crate) fn has_checks_of(&self, stage: Stage) -> bool {
        let of_routes = self.routes.values().flat_map(|route| &route.checks);
        self.checks.values().flatten().chain(of_routes).any(|check| check.runs_in(stage))
    }
}

/// Reads the checks. They cost little: what is wrong with them is told before anything is built.
pub(crate) fn validate(request: &Request<'_>, source: &Source) -> Result<Validated, Vec<Diagnostic>> {
    let mut all = BTreeMap::new();
    for (name, service) in &source.manifest.services {
        let checked = Checked { of: format!("service `{name}`"), path: &service.path, sources: &service.checks };
        if !service.checks.is_empty() {
            source.folder_of(name, service).map_err(|error| vec![error])?;
            all.insert(name.clone(), collected(request, source, &checked)?);
        }
    }
    let mut routes = BTreeMap::new();
    for (name, route) in &source.manifest.routes {
        let checked = Checked { of: format!("route `{name}`"), path: ".", sources: &route.checks };
        let checks = if route.checks.is_empty() { Vec::new() } else { collected(request, source, &checked)? };
        routes.insert(name.clone(), RouteSpec { checks, ..route.route.clone() });
    }
    Ok(Validated { checks: all, routes })
}

fn collected(request: &Request<'_>, source: &Source, checked: &Checked<'_>) -> Result<Vec<Check>, Vec<Diagnostic>> {
    checks::collect(&source.folder, checked, request.blobs, request.inspect).map_err(|mut errors| {
        // Messages name files as the user knows them, not as they lie in a checkout.
        for place in errors.iter_mut().filter_map(|error| error.place.as_mut()) {
            if let Ok(relative) = Path::new(&place.file).strip_prefix(&source.folder) {
                place.file = relative.display().to_string();
            }
        }
        errors
    })
}
