//! Two routes cannot have one address, in one environment or in two that share a node.

use super::reader::Reader;
use super::tree::Path;
use super::typed::RouteSource;
use crate::Name;
use crate::release::EnvironmentSpec;
use std::collections::BTreeMap;

impl Reader<'_> {
    /// Reports every route whose host and path another one has already.
    pub(super) fn collisions(
        &mut self,
        routes: &BTreeMap<Name, RouteSource>,
        environments: &BTreeMap<Name, EnvironmentSpec>,
    ) {
        let mut taken: BTreeMap<(Option<&str>, String, &str), (&Name, &Name)> = BTreeMap::new();
        let mut reported = std::collections::BTreeSet::new();
        for (environment, spec) in environments {
            for (name, source) in routes {
                let host = spec.host(environment, name, &source.route);
                let key = (spec.node.as_deref(), host.clone(), source.route.path.as_str());
                let Some((other_environment, other)) = taken.get(&key).copied() else {
                    taken.insert(key, (environment, name));
                    continue;
                };
                // Routes that collide as they are written do so in every environment: once is enough.
                if other_environment == environment && !reported.insert((other, name)) {
                    continue;
                }
                let shown = if spec.hosts.contains_key(name) { &host } else { &source.route.host };
                let shown = if other_environment == environment { shown } else { &host };
                let address = format!("{shown}{}", source.route.path);
                let (message, help) = if other_environment == environment {
                    let help = "give one of them another `host` or `path`".to_owned();
                    (format!("the routes `{other}` and `{name}` have the same address `{address}`"), help)
                } else {
                    let message = format!(
                        "`{address}` belongs to `{other}` in `{other_environment}` and to `{name}` in `{environment}`"
                    );
                    (message, "give one of the environments another host, or a `node` of its own".to_owned())
                };
                let path = written_at(environment, spec, other_environment, environments, name, other);
                self.report(&path, message, help);
            }
        }
    }
}

/// Where the host that is too much is written: in an environment, if one of the two is, else in the route.
fn written_at(
    environment: &Name,
    spec: &EnvironmentSpec,
    other_environment: &Name,
    environments: &BTreeMap<Name, EnvironmentSpec>,
    name: &Name,
    other: &Name,
) -> Path {
    let own_host = |environment: &Name, route: &Name| {
        let path = Path::default().key("environments").key(environment.as_str());
        path.key("routes").key(route.as_str()).key("host")
    };
    if spec.hosts.contains_key(name) {
        own_host(environment, name)
    } else if environments.get(other_environment).is_some_and(|spec| spec.hosts.contains_key(other)) {
        own_host(other_environment, other)
    } else {
        Path::default().key("routes").key(name.as_str()).key("host")
    }
}
