//! Fixed ports: without networks of their own, no two instances of a node can listen on one number.

use crate::Node;
use crate::failure::Failures;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::PoolStatus;
use seaworthy_model::deployment::Revision;
use seaworthy_model::pool::PoolSpec;
use seaworthy_model::service::Port;

impl Node {
    /// Refuses a revision of which a service listens on a number that another environment's does already.
    pub(super) fn check_fixed_ports(&self, to: &Revision) -> Result<(), Failures> {
        let wanted: Vec<(&PoolSpec, u16)> = to.pools.values().filter_map(|pool| Some((pool, fixed(pool)?))).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let clashes = clashes(&wanted, &self.engine.status()?);
        if clashes.is_empty() { Ok(()) } else { Err(clashes.into()) }
    }
}

/// The number on which a pool's instances listen on the machine itself.
fn fixed(pool: &PoolSpec) -> Option<u16> {
    match pool.port {
        Port::Fixed(number) if pool.sandbox.is_none() => Some(number),
        Port::Fixed(_) | Port::Given | Port::None => None,
    }
}

fn clashes(wanted: &[(&PoolSpec, u16)], others: &[PoolStatus]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (pool, number) in wanted {
        let elsewhere = |other: &&PoolStatus| {
            let owner = &other.spec;
            other.wanted
                && fixed(owner) == Some(*number)
                && (&owner.app, &owner.environment) != (&pool.app, &pool.environment)
        };
        if let Some(owner) = others.iter().find(elsewhere).map(|other| &other.spec) {
            let (service, by) = (&pool.service, &owner.service);
            let (app, environment) = (&owner.app, &owner.environment);
            let message =
                format!("`{service}` cannot listen on port {number}: `{by}` of `{app}` in `{environment}` does");
            found.push(Diagnostic::user(message).help(format!(
                "without a sandbox each number can be had once: let `{service}` listen on the number in `PORT`, or end \
                 the other with `seaworthy down {environment} --app {app}`"
            )));
        }
    }
    found
}
