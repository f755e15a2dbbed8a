//! What environments follow, and where the source comes from.

use super::raw;
use super::reader::Reader;
use super::tree::Path;
use super::words::nearest;
use crate::Name;
use crate::follow::{Follow, Notify, Repository, SOAK, is_branch, is_loopback};
use crate::release::EnvironmentSpec;
use std::collections::{BTreeMap, BTreeSet};

impl Reader<'_> {
    /// The address of a repository.
    pub(super) fn repository(&mut self, path: &Path, text: Option<&String>) -> Option<Repository> {
        let text = text?;
        match Repository::new(text.as_str()) {
            Ok(repository) => Some(repository),
            Err(error) => {
                // What may be a password is not repeated.
                let shown = text.rsplit_once('@').map_or(text.as_str(), |(_, rest)| rest).escape_debug();
                self.report(path, format!("`{shown}` {error}"), error.help());
                None
            }
        }
    }

    /// What the environment `own` follows: a name of another environment means that one, every other name a branch.
    pub(super) fn follow(&mut self, path: &Path, own: &str, raw: &raw::Environment) -> Option<Follow> {
        let soak_path = path.key("soak");
        let path = path.key("follow");
        let soak = raw.soak.as_ref();
        let Some(follow) = &raw.follow else {
            if soak.is_some() {
                self.report_key(&soak_path, "`soak` without `follow`", "name the environment: `follow = \"qa\"`");
            }
            return None;
        };
        let (environment, branch, (soak, soak_path)) = match follow {
            raw::Follow::Name(name) if self.facts.environments.contains(name) && name != own => {
                (Some(name), None, (soak, soak_path))
            }
            raw::Follow::Name(name) => (None, Some(name), (soak, soak_path)),
            raw::Follow::Full(full) => {
                let inner = full.soak.as_ref().map(|soak| (Some(soak), path.key("soak")));
                (full.environment.as_ref(), full.branch.as_ref(), inner.unwrap_or((soak, soak_path)))
            }
        };
        match (environment, branch) {
            (Some(name), None) => {
                let soak = self.duration(&soak_path, soak, true).unwrap_or(SOAK);
                self.other_environment(&path, own, name).map(|name| Follow::Environment { name, soak })
            }
            (None, Some(branch)) if is_branch(branch) => {
                if soak.is_some() {
                    let help = "`soak` is for an environment that follows another environment";
                    self.report_key(&soak_path, format!("`{branch}` is a branch: it does not soak"), help);
                }
                Some(Follow::Branch(branch.clone()))
            }
            (None, Some(branch)) => {
                let message = format!("`{}` is not the name of a branch", branch.escape_debug());
                self.report(&path, message, "name a branch, such as `main`, or another environment");
                None
            }
            (Some(_), Some(_)) | (None, None) => {
                let help = "write `follow = { branch = \"main\" }` or `follow = { environment = \"qa\" }`";
                self.report(&path, "`follow` names one branch or one environment", help);
                None
            }
        }
    }

    fn other_environment(&mut self, path: &Path, own: &str, name: &str) -> Option<Name> {
        let shown = name.escape_debug();
        if name == own {
            self.report(path, format!("`{shown}` follows itself"), "name a branch, or another environment");
            return None;
        }
        if self.facts.environments.contains(name) {
            return Name::new(name).ok();
        }
        let help = nearest(name, self.facts.environments.iter().map(String::as_str))
            .map_or_else(|| format!("declare it: `[environments.{shown}]`"), |name| format!("did you mean `{name}`?"));
        self.report(path, format!("there is no environment `{shown}`"), help);
        None
    }

    /// Who is told.
    pub(super) fn notify(&mut self, path: &Path, raw: Option<&raw::Notify>) -> Notify {
        let Some(raw) = raw else { return Notify::default() };
        let command = raw.command.as_ref().map(|command| self.arguments(&path.key("command"), command));
        let webhook = raw.webhook.as_ref().filter(|url| {
            let right = match url.split_once("://") {
                Some(("https", rest)) => !rest.is_empty(),
                Some(("http", rest)) => is_loopback(rest.split('/').next().unwrap_or_default()),
                _ => false,
            };
            let right = right && !url.contains(|c: char| c.is_control() || c.is_whitespace());
            if !right {
                let help = "write `https://…`; `http://` is for this machine alone";
                self.report(&path.key("webhook"), format!("`{}` is no address of a webhook", url.escape_debug()), help);
            }
            right
        });
        Notify { command: command.unwrap_or_default(), webhook: webhook.cloned() }
    }

    /// What follows a branch needs a repository, and nothing follows itself through others.
    pub(super) fn followers(&mut self, environments: &BTreeMap<Name, EnvironmentSpec>) {
        let all = Path::default().key("environments");
        for (name, spec) in environments {
            let path = all.key(name.as_str()).key("follow");
            match &spec.follows {
                Some(Follow::Branch(branch)) if spec.repository.is_none() => {
                    let repository = all.key(name.as_str()).key("repository");
                    if !self.findings.is_broken(&repository) && self.facts.repositories_are_right {
                        let help = "say where it is: `repository = \"https://…\"`, at the top of the file";
                        self.report(&path, format!("`{branch}` of which repository?"), help);
                    }
                }
                Some(Follow::Environment { .. }) if leads_back(environments, name) => {
                    let message = format!("`{name}` follows itself, through others");
                    self.report(&path, message, "let one of them follow a branch, or nothing");
                }
                _ => {}
            }
        }
    }
}

fn leads_back(environments: &BTreeMap<Name, EnvironmentSpec>, start: &Name) -> bool {
    let mut seen = BTreeSet::new();
    let mut at = start;
    while let Some(Follow::Environment { name, .. }) = environments.get(at).and_then(|spec| spec.follows.as_ref()) {
        if name == start {
            return true;
        }
        if !seen.insert(name) {
            return false;
        }
        at = name;
    }
    false
}
