//! From a release and an environment's values to a revision: every default filled in, nothing left open but what only
//! the target knows (addresses and paths).

use crate::Name;
use crate::deployment::Revision;
use crate::release::{EnvironmentSpec, Provenance, Release};
use seaworthy_diagnostics::Diagnostic;
use std::collections::BTreeMap;

/// What [`resolve`] needs.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The release.
    pub release: &'a Release,
    /// The environments that came with it. `dev` exists even if it is not among them.
    pub environments: &'a BTreeMap<Name, EnvironmentSpec>,
    /// Where the release comes from.
    pub provenance: &'a Provenance,
    /// The environment that is to run it.
    pub environment: &'a Name,
    /// The revision's number.
    pub number: u64,
    /// Whether instances get a network of their own, so that fixed ports do not collide.
    pub sandbox: bool,
}

/// The revision that an environment would run.
///
/// # Errors
/// Everything that stands in its way: missing values, parts that are not built yet, services that cannot run so.
pub fn resolve(wanted: &Wanted<'_>) -> Result<Revision, Vec<Diagnostic>> {
    let _ = wanted;
    Err(Vec::new())
}
