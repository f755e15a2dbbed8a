//! From what somebody wants to the revision that shall serve.

use crate::Node;
use crate::failure::Failures;
use seaworthy_api::wire::Intent;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::{Revision, Verb};
use seaworthy_model::release::{Checked, RELEASE_FORMAT, ReleaseBundle};
use seaworthy_model::resolve::{Wanted, only as mix, resolve};
use seaworthy_model::{Digest, Name};

/// An intent, resolved.
pub(super) struct Aim {
    /// What was asked.
    pub verb: Verb,
    /// What shall serve; `None`: nothing.
    pub to: Option<Revision>,
    /// Whether it is a revision that the environment does not have yet.
    pub is_new: bool,
}

impl Node {
    /// Resolves an intent; changes nothing.
    pub(super) fn aim(
        &self,
        app: &Name,
        environment: &Name,
        intent: &Intent,
        running: Option<&Revision>,
    ) -> Result<Aim, Failures> {
        match intent {
            Intent::Deploy { release, only, take_over } => {
                let mut bundle = self.bundle(release)?;
                if bundle.release.app != *app {
                    let other = &bundle.release.app;
                    return Err(Diagnostic::user(format!(
                        "release {} is of `{other}`, not of `{app}`",
                        release.short()
                    ))
                    .into());
                }
                self.store.check_app(app, &bundle.provenance, *take_over)?;
                if !only.is_empty() {
                    bundle = self.only(&bundle, only, running)?;
                }
                self.new_revision(Verb::Deploy, &bundle, environment)
            }
            Intent::Promote { from } => {
                let source = self.running(app, from)?.ok_or_else(|| {
                    let error = Diagnostic::user(format!("nothing of `{app}` runs in `{from}`"));
                    error.help(format!("`seaworthy up {from}` first"))
                })?;
                let bundle = self.bundle(&source.release)?;
                self.new_revision(Verb::Promote, &bundle, environment)
            }
            Intent::Rollback { to } => self.rollback(app, environment, *to, running),
            Intent::Down => Ok(Aim { verb: Verb::Down, to: None, is_new: false }),
        }
    }

    /// The revision that serves an environment.
    pub(crate) fn running(&self, app: &Name, environment: &Name) -> Result<Option<Revision>, Failures> {
        let Some(number) = self.store.environment(app, environment)?.and_then(|e| e.running) else {
            return Ok(None);
        };
        Ok(self.store.revision(app, environment, number)?)
    }

    fn bundle(&self, release: &Digest) -> Result<ReleaseBundle, Failures> {
        let found = self.store.release(release)?;
        let bundle = found.ok_or_else(|| {
            let error = Diagnostic::user(format!("release {} is not on this node", release.short()));
            error.help("`seaworthy deploy` from its source sends it")
        })?;
        if bundle.release.format != RELEASE_FORMAT {
            let message = format!("release {} was built by an older Seaworthy and runs no more", release.short());
            return Err(Diagnostic::user(message).help("`seaworthy deploy` from its source builds it again").into());
        }
        Ok(bundle)
    }

    fn rollback(
        &self,
        app: &Name,
        environment: &Name,
        to: Option<u64>,
        running: Option<&Revision>,
    ) -> Result<Aim, Failures> {
        let before = running.map_or(u64::MAX >> 1, |revision| revision.number);
        let number = match to {
            Some(number) => Some(number),
            None => self.store.good_revision_before(app, environment, before)?,
        };
        let missing = || {
            let what = number.map_or("an earlier good revision".to_owned(), |number| format!("a revision {number}"));
            let error = Diagnostic::user(format!("`{app}` does not have {what} in `{environment}`"));
            error.help("`seaworthy history` shows what ran")
        };
        let revision = self.store.revision(app, environment, number.ok_or_else(missing)?)?;
        let revision = revision.ok_or_else(missing)?;
        // Revisions are remembered for longer than what they ran.
        self.bundle(&revision.release)?;
        Ok(Aim { verb: Verb::Rollback, to: Some(revision), is_new: false })
    }

    /// The running release with some services, and nothing else, taken from another one.
    fn only(&self, new: &ReleaseBundle, only: &[Name], running: Option<&Revision>) -> Result<ReleaseBundle, Failures> {
        let Some(running) = running else {
            let error = Diagnostic::user("`--only` needs something that runs: nothing does");
            return Err(error.help("deploy the whole app first").into());
        };
        let old = self.bundle(&running.release)?;
        let mut attachments = old.attachments.clone();
        attachments.extend(new.attachments.clone().into_iter().filter(|(service, _)| only.contains(service)));
        let checked = Checked::mixed(new.checked.as_ref(), old.checked.as_ref(), only);
        let release = mix(&new.release, &old.release, only)?;
        let mixed = ReleaseBundle { release, attachments, checked, ..new.clone() };
        self.store.put_release(&mixed)?;
        Ok(mixed)
    }

    fn new_revision(&self, verb: Verb, bundle: &ReleaseBundle, environment: &Name) -> Result<Aim, Failures> {
        let number = self.store.next_revision_number(&bundle.release.app, environment)?;
        let revision = resolve(&Wanted {
            release: &bundle.release,
            environments: &bundle.environments,
            provenance: &bundle.provenance,
            environment,
            number,
            sandbox: self.isolation.is_sandbox(),
        })?;
        crate::gate::check(bundle, environment, seaworthy_host::clock::now())?;
        for pool in revision.pools.values() {
            seaworthy_engine::loopback::check(pool, || self.engine.capabilities().redirects)?;
        }
        for job in revision.jobs.values() {
            seaworthy_jobs::Schedule::of(job)?;
        }
        let places: Vec<_> = revision.routes.values().map(|route| (route.host.clone(), route.path.clone())).collect();
        self.store.check_routes(&bundle.release.app, environment, &places)?;
        Ok(Aim { verb, to: Some(revision), is_new: true })
    }
}
