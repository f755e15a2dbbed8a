//! What every part of the file may refer to, known before any part is checked.

use super::raw;
use super::tree::{Node, Path};
use super::words::nearest;
use std::collections::{BTreeMap, BTreeSet};

/// The names in a file, and of each service what others depend on.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) services: BTreeMap<String, ServiceFacts>,
    /// A key at the top stands where `services` was meant: it is reported by itself.
    pub(super) services_are_misspelt: bool,
    pub(super) routes: BTreeSet<String>,
    pub(super) environments: BTreeSet<String>,
    /// Whether what the file says of its repository is understood.
    pub(super) repositories_are_right: bool,
}

/// What others depend on.
#[derive(Debug, Default)]
pub(super) struct ServiceFacts {
    /// It listens nowhere.
    pub(super) worker: bool,
    /// Its connections carry something else than HTTP.
    pub(super) tcp: bool,
    pub(super) team: Option<String>,
    pub(super) calls: BTreeSet<String>,
    pub(super) callers: BTreeSet<String>,
    pub(super) volumes: BTreeSet<String>,
    pub(super) settings: BTreeSet<String>,
}

impl Facts {
    /// The names come from the document as it was written: what is wrong with a service does not make its name unknown.
    pub(super) fn new(written: &Node, raw: &raw::Manifest) -> Self {
        let keys = |table: &str| written.entries(&Path::default().key(table)).iter().map(|(key, _)| key.clone());
        let mut services: BTreeMap<_, _> = keys("services").map(|name| (name, ServiceFacts::default())).collect();
        for (name, service) in &raw.services {
            let mut facts = ServiceFacts::new(service);
            for (table, names) in [("volumes", &mut facts.volumes), ("env", &mut facts.settings)] {
                let path = Path::default().key("services").key(name).key(table);
                names.extend(written.entries(&path).iter().map(|(key, _)| key.clone()));
            }
            services.insert(name.clone(), facts);
        }
        let environments = keys("environments").chain(["dev".to_owned()]).collect();
        let mut top = written.entries(&Path::default()).iter().map(|(key, _)| key.as_str());
        let services_are_misspelt = top.any(|key| key != "services" && nearest(key, ["services"]).is_some());
        let routes = keys("routes").collect();
        Self { services, services_are_misspelt, routes, environments, repositories_are_right: true }
    }
}

impl ServiceFacts {
    fn new(raw: &raw::Service) -> Self {
        Self {
            worker: matches!(raw.port, Some(raw::Port::Worker(_))),
            tcp: matches!(raw.protocol, Some(raw::Protocol::Tcp)),
            team: raw.team.clone(),
            calls: raw.calls.iter().cloned().collect(),
            callers: raw.callers.iter().cloned().collect(),
            ..Self::default()
        }
    }
}
