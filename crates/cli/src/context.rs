//! What a verb works on: the manifest, the app, the node.

use crate::arguments::Common;
use crate::exit::Ended;
use crate::output::Output;
use seaworthy_api::wire::NodeStopped;
use seaworthy_api::{Client, Transport};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::manifest::{MANIFEST_FILE, Manifest, parse};
use seaworthy_model::resolve::unknown_environment;
use std::path::{Path, PathBuf};

/// What a verb works on.
pub(crate) struct Context {
    /// The options of every verb.
    pub common: Common,
    /// Where it prints.
    pub output: Output,
}

impl Context {
    /// From the options.
    pub(crate) fn new(common: Common) -> Self {
        let output = Output { json: common.json };
        Self { common, output }
    }

    /// The manifest's path: `--file`, else the nearest one, from this folder upwards.
    pub(crate) fn manifest_file(&self) -> Result<PathBuf, Ended> {
        if let Some(file) = &self.common.file {
            return Ok(file.clone());
        }
        let here = std::env::current_dir().map_err(|e| Ended::failed(Diagnostic::machine(e.to_string())))?;
        let found = here.ancestors().map(|folder| folder.join(MANIFEST_FILE)).find(|file| file.is_file());
        found.map(|file| file.strip_prefix(&here).map(Path::to_path_buf).unwrap_or(file)).ok_or_else(|| {
            Ended::refused(
                Diagnostic::user(format!("no `{MANIFEST_FILE}` in this folder or above it"))
                    .help("`seaworthy init` writes one for what is in this folder"),
            )
        })
    }

    /// The manifest as it stands in the working tree.
    pub(crate) fn manifest(&self) -> Result<Manifest, Ended> {
        let file = self.manifest_file()?;
        let shown = file.display().to_string();
        let text = seaworthy_host::files::read(&file).map_err(|e| {
            let missing = e.is_not_found();
            let error = Diagnostic::from(e);
            let help = "`seaworthy init` writes one for what is in its folder";
            Ended::refused(if missing && error.help.is_none() { error.help(help) } else { error })
        })?;
        let text =
            String::from_utf8(text).map_err(|_| Ended::refused(Diagnostic::user(format!("`{shown}` is not UTF-8"))))?;
        parse(&shown, &text).map_err(Ended::Refused)
    }

    /// The manifest, if there is one: none is no error, one that cannot be read is.
    pub(crate) fn manifest_if_there(&self) -> Result<Option<Manifest>, Ended> {
        match self.manifest_file() {
            Ok(_) => self.manifest().map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The app: `--app`, else what the manifest says.
    pub(crate) fn app(&self) -> Result<Name, Ended> {
        match &self.common.app {
            Some(app) => Ok(app.clone()),
            None => Ok(self.manifest()?.app),
        }
    }

    /// Refuses a service's name where an environment's is wanted: the likeliest slip where both may be given.
    pub(crate) fn check_environment(&self, verb: &str, name: &Name) -> Result<(), Ended> {
        let manifest = if self.common.app.is_some() { None } else { self.manifest_if_there().ok().flatten() };
        let is_service =
            |manifest: &Manifest| manifest.services.contains_key(name) && !manifest.environments.contains_key(name);
        match manifest.filter(is_service) {
            None => Ok(()),
            Some(manifest) => {
                let error =
                    Diagnostic::user(format!("`{name}` is a service of `{}`, not an environment", manifest.app));
                Err(Ended::refused(error.help(format!("`seaworthy {verb} dev {name}`"))))
            }
        }
    }

    /// Refuses an environment that the manifest does not declare: nothing can be deployed there.
    pub(crate) fn check_declared(&self, environment: &Name) -> Result<(), Ended> {
        let manifest = self.manifest()?;
        if is_declared(&manifest, environment) {
            return Ok(());
        }
        Err(Ended::refused(unknown_environment(&manifest.app, environment, manifest.environments.keys())))
    }

    /// Refuses an environment that neither the manifest declares nor the node knows: one that is not declared any more
    /// may still run.
    pub(crate) async fn check_known(&self, client: &mut Client, app: &Name, environment: &Name) -> Result<(), Ended> {
        // A manifest with errors, or another app's, says nothing of this one.
        let manifest = if self.common.app.is_some() { None } else { self.manifest_if_there().ok().flatten() };
        if environment.as_str() == "dev" || manifest.as_ref().is_some_and(|one| is_declared(one, environment)) {
            return Ok(());
        }
        let there = client.status(Some(app), None).await?.environments;
        let known: Vec<&Name> = there.iter().map(|one| &one.environment).collect();
        if known.contains(&environment) {
            return Ok(());
        }
        let declared = manifest.iter().flat_map(|manifest| manifest.environments.keys());
        Err(Ended::refused(unknown_environment(app, environment, declared.chain(known))))
    }

    /// Where the environment's node is: `--node`, else what the manifest says, else this machine.
    pub(crate) fn transport(&self, environment: Option<&Name>) -> Result<Transport, Ended> {
        if let Some(url) = &self.common.node {
            return ssh_transport(url);
        }
        // Without a manifest (`--app`), the node is this machine's.
        let manifest = match (&self.common.app, environment) {
            (None, Some(_)) => self.manifest_if_there()?,
            _ => None,
        };
        let declared = manifest.and_then(|m| m.environments.get(environment?)?.node.clone());
        match declared {
            Some(url) => ssh_transport(&url),
            None => local_transport(),
        }
    }

    /// Refuses what would need two nodes to talk to each other.
    pub(crate) fn check_same_node(&self, a: &Name, b: &Name) -> Result<(), Ended> {
        let (of_a, of_b) = (self.transport(Some(a))?, self.transport(Some(b))?);
        if of_a == of_b {
            return Ok(());
        }
        let place = |transport: &Transport| match transport {
            Transport::Unix(_) => "this machine".to_owned(),
            Transport::Ssh { .. } => transport.place(),
        };
        let message = format!("`{a}` is on {}, `{b}` on {}: each node knows only its own", place(&of_a), place(&of_b));
        Err(Ended::refused(Diagnostic::user(message).help(format!("`seaworthy deploy {b}` from the same commit"))))
    }

    /// A client of the environment's node; on this machine, the node is started if it does not run.
    pub(crate) async fn client(&self, environment: Option<&Name>) -> Result<Client, Ended> {
        let transport = self.transport(environment)?;
        if let Transport::Unix(_) = transport {
            seaworthy_node::start::ensure_running().await.map_err(Ended::failed)?;
        }
        Ok(Client::new(transport))
    }

    /// A client of the environment's node for what only reads: one that somebody stopped stays so. One that died is
    /// started.
    pub(crate) async fn reader(&self, environment: Option<&Name>) -> Result<Client, Ended> {
        if let Some(stopped) = self.stopped(environment).await? {
            return Err(Ended::refused(stopped.diagnostic()));
        }
        let client = self.client(environment).await?;
        Ok(match client.transport().clone() {
            Transport::Ssh { program, destination, port, home, .. } => {
                Client::new(Transport::Ssh { program, destination, port, home, only_reads: true })
            }
            Transport::Unix(_) => client,
        })
    }

    /// Connects anew, for who follows what goes on: on this machine a node that died is started again. One that
    /// somebody stopped is not, and ends the verb; whatever else is in the way may be gone the next time.
    pub(crate) async fn connect_again(&self, client: &mut Client, environment: &Name) -> Result<(), Ended> {
        match self.reader(Some(environment)).await {
            Ok(again) => *client = again,
            Err(Ended::Refused(errors)) => return Err(Ended::Failed(errors)),
            Err(_) => {}
        }
        Ok(())
    }

    /// Whether somebody stopped the environment's node, if it is on this machine; of another's, `reader` is told.
    pub(crate) async fn stopped(&self, environment: Option<&Name>) -> Result<Option<NodeStopped>, Ended> {
        match self.transport(environment)? {
            Transport::Unix(_) => seaworthy_node::start::is_stopped().await.map_err(Ended::refused),
            Transport::Ssh { .. } => Ok(None),
        }
    }
}

/// `dev` needs no declaring.
fn is_declared(manifest: &Manifest, environment: &Name) -> bool {
    environment.as_str() == "dev" || manifest.environments.contains_key(environment)
}

/// The socket of this machine's node.
pub(crate) fn local_transport() -> Result<Transport, Ended> {
    seaworthy_node::place::socket().map(Transport::Unix).map_err(Ended::refused)
}

/// `ssh://user@host:port`, by the program that `$SEAWORTHY_SSH` names (with options), else `ssh`.
pub(crate) fn ssh_transport(url: &str) -> Result<Transport, Ended> {
    let wrong = || {
        let error = Diagnostic::user(format!("`{url}` is not the address of a node"));
        Ended::refused(error.help("write `ssh://user@host` or `ssh://user@host:port`"))
    };
    let rest = url.strip_prefix("ssh://").ok_or_else(wrong)?.trim_end_matches('/');
    let (destination, port) = match rest.rsplit_once(':') {
        Some((destination, port)) => (destination, Some(port.parse().map_err(|_| wrong())?)),
        None => (rest, None),
    };
    // A destination that starts with a hyphen would be an option of ssh.
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "@.-_[]:%".contains(c));
    if destination.is_empty() || destination.starts_with('-') || destination.contains(odd) {
        return Err(wrong());
    }
    let program = std::env::var("SEAWORTHY_SSH").unwrap_or_else(|_| "ssh".to_owned());
    let program = program.split_whitespace().map(str::to_owned).collect();
    let home = std::env::var("SEAWORTHY_REMOTE_HOME").ok();
    Ok(Transport::Ssh { program, destination: destination.to_owned(), port, home, only_reads: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_of_nodes_and_nothing_that_ssh_would_misread() {
        for good in ["ssh://host", "ssh://me@host", "ssh://me@host:2222", "ssh://10.0.0.1/"] {
            assert!(ssh_transport(good).is_ok(), "{good}");
        }
        for bad in ["host", "ssh://", "ssh://-oProxyCommand=x", "ssh://me@host:x", "ssh://a b", "http://host"] {
            assert!(ssh_transport(bad).is_err(), "{bad}");
        }
    }
}
