//! What a person's deployment says about what an environment follows.

use crate::Node;
use crate::failure::Failures;
use seaworthy_api::wire::{DeploymentStarted, Intent};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::deployment::Actor;
use seaworthy_model::follow::Follow;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::run::Follower;
use std::sync::Arc;

impl Node {
    /// What a person asks for. Only a person's deployment makes an environment follow something, or something else.
    pub(crate) async fn deploy_for(
        self: &Arc<Self>,
        app: &Name,
        environment: &Name,
        intent: &Intent,
        actor: Actor,
    ) -> Result<DeploymentStarted, Failures> {
        let by = actor.user.clone();
        let bundle = match intent {
            Intent::Deploy { release, .. } => self.store.release(release)?,
            _ => None,
        };
        let follower = bundle.as_ref().map(|bundle| self.follower(bundle, environment, by)).transpose()?.flatten();
        let mut started = self.deploy(app, environment, intent, actor).await?;
        match (intent, follower) {
            (Intent::Deploy { .. }, Some(follower)) => {
                self.store.set_follower(&follower)?;
                self.watch(app);
                started.follows = Some(words(&follower));
            }
            // Whoever takes an environment down does not want the next commit to bring it back.
            (Intent::Deploy { .. } | Intent::Down, None) if self.store.remove_follower(app, environment)? => {
                self.delivery.wake(app);
                started.follows = Some("follows nothing any more".to_owned());
            }
            _ => {}
        }
        if let Some(manifest) = bundle.as_ref().and_then(manifest) {
            let moved = self.follow_manifest(app, manifest)?;
            if !moved.is_empty() {
                let also = format!("`{manifest}` counts for {} from now on, too", moved.join(", "));
                let own = started.follows.take().unwrap_or_else(|| "follows nothing".to_owned());
                started.follows = Some(format!("{own}; {also}"));
            }
        }
        Ok(started)
    }

    /// An app has one manifest, which this deployment was built by: nothing that another one makes would be let into
    /// its environments. Tells for which that is new.
    fn follow_manifest(self: &Arc<Self>, app: &Name, manifest: &str) -> Result<Vec<String>, Diagnostic> {
        let mut moved = Vec::new();
        for follower in self.store.followers()? {
            if follower.app == *app && follower.manifest != manifest {
                self.store.set_follower(&Follower { manifest: manifest.to_owned(), ..follower.clone() })?;
                moved.push(format!("`{}`", follower.environment));
            }
        }
        Ok(moved)
    }

    fn follower(&self, bundle: &ReleaseBundle, environment: &Name, by: String) -> Result<Option<Follower>, Diagnostic> {
        let Some(spec) = bundle.environments.get(environment) else { return Ok(None) };
        let Some(follows) = spec.follows.clone() else { return Ok(None) };
        // What is thrown away follows nothing.
        if self.options.throwaway {
            return Ok(None);
        }
        if !cfg!(target_os = "linux") {
            let error =
                Diagnostic::machine(format!("`{environment}` follows `{follows}`: a node builds on Linux alone"));
            return Err(error.help("leave `follow` out, or deploy to a node on Linux"));
        }
        let Some(manifest) = manifest(bundle) else {
            let message = format!("`{environment}` follows `{follows}`, and this was not built in a git repository");
            return Err(Diagnostic::user(message).help("commit it first: what is followed are commits"));
        };
        Ok(Some(Follower {
            app: bundle.release.app.clone(),
            environment: environment.clone(),
            repository: spec.repository.clone().filter(|_| matches!(follows, Follow::Branch(_))),
            follows,
            manifest: manifest.to_owned(),
            notify: spec.notify.clone(),
            forge: spec.forge,
            by,
        }))
    }
}

/// The path of the manifest that a release was built by: of `git:FIRST-COMMIT:PATH` the last.
fn manifest(bundle: &ReleaseBundle) -> Option<&str> {
    let (_, path) = bundle.provenance.source.strip_prefix("git:")?.split_once(':')?;
    Some(path)
}

/// What an environment follows, in words.
pub(super) fn words(follower: &Follower) -> String {
    use seaworthy_model::units::format_duration;
    match (&follower.follows, &follower.repository) {
        (Follow::Branch(branch), Some(repository)) => format!("follows {branch} of {repository}"),
        (Follow::Branch(branch), None) => format!("follows {branch}"),
        (Follow::Environment { name, soak }, _) => format!("follows {name}, after {}", format_duration(*soak)),
    }
}
