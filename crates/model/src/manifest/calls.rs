//! Who may call whom, inside and outside.

use super::raw;
use super::reader::Reader;
use super::tree::Path;
use crate::Name;
use crate::service::Egress;

impl Reader<'_> {
    /// `calls` of a service: each exists, listens, and agrees if it belongs to another team.
    pub(super) fn calls(&mut self, service: &Path, caller: &str, raw: &[String]) -> Vec<Name> {
        let path = service.key("calls");
        let names = self.known_services(&path, raw);
        for (index, callee) in raw.iter().enumerate() {
            let path = path.index(index);
            let Some(facts) = self.facts.services.get(callee) else { continue };
            if facts.worker {
                let help = format!("give `{callee}` a port, or take it out of `calls`");
                self.report(&path, format!("`{callee}` is a worker: nobody can call it"), help);
                continue;
            }
            let own = self.facts.services.get(caller).and_then(|caller| caller.team.as_ref());
            let (Some(own), Some(other)) = (own, facts.team.as_ref()) else { continue };
            if own != other && !facts.callers.contains(caller) {
                let message = format!("`{callee}` belongs to team `{other}`, which does not let `{caller}` call it");
                let mut agreed: Vec<&str> = facts.callers.iter().map(String::as_str).collect();
                agreed.push(caller);
                let help = format!("add `callers = {agreed:?}` to `[services.{callee}]`");
                self.report(&path, message, help);
            }
        }
        names
    }

    /// `egress` of a service.
    pub(super) fn egress(&mut self, path: &Path, raw: &[raw::EgressEntry]) -> Vec<Egress> {
        let mut egress = Vec::new();
        for (index, entry) in raw.iter().enumerate() {
            let path = path.index(index);
            let destination = match entry {
                raw::EgressEntry::To(to) => {
                    self.destination(&path, to).map(|to| Egress { to, private: false, node: false })
                }
                raw::EgressEntry::Full(raw) => {
                    let to = raw.to.as_ref().and_then(|to| self.destination(&path.key("to"), to));
                    let (private, node) = (raw.private.unwrap_or(false), raw.node.unwrap_or(false));
                    to.map(|to| Egress { to, private, node })
                }
            };
            egress.extend(destination);
        }
        egress
    }
}
