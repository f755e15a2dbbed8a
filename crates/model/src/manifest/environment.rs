//! `[environments.NAME]`.

use super::raw;
use super::reader::Reader;
use super::settings::keys;
use super::tree::Path;
use super::typed::ServiceSource;
use super::words::nearest;
use crate::Name;
use crate::release::{EnvironmentSpec, ServiceOverride};
use crate::service::{Setting, Tuning};
use std::collections::BTreeMap;

impl Reader<'_> {
    /// Every environment whose name is one, and `dev`.
    pub(super) fn environments(
        &mut self,
        file: &raw::Manifest,
        production: &str,
        services: &BTreeMap<Name, ServiceSource>,
    ) -> BTreeMap<Name, EnvironmentSpec> {
        let repository = self.repository(&Path::default().key("repository"), file.repository.as_ref());
        let path = Path::default().key("environments");
        let mut environments = BTreeMap::new();
        for (key, environment) in &file.environments {
            let path = path.key(key);
            let name = self.key_name(&path, key, "environment");
            let mut spec = self.environment(&path, environment, services);
            spec.production = key == production;
            spec.follows = self.follow(&path, key, environment);
            spec.repository = spec.repository.or_else(|| repository.clone());
            spec.forge = file.forge.map(Into::into);
            environments.extend(name.map(|name| (name, spec)));
        }
        if let Ok(dev) = Name::new("dev") {
            let spec = EnvironmentSpec { production: production == "dev", ..EnvironmentSpec::default() };
            environments.entry(dev).or_insert(spec);
        }
        self.facts.repositories_are_right = file.repository.is_none() || repository.is_some();
        self.followers(&environments);
        environments
    }

    fn environment(
        &mut self,
        path: &Path,
        raw: &raw::Environment,
        services: &BTreeMap<Name, ServiceSource>,
    ) -> EnvironmentSpec {
        EnvironmentSpec {
            production: false,
            replicas: raw.replicas,
            shift: self.shift(&path.key("shift"), raw.shift.as_ref()),
            shift_every: self.duration(&path.key("shift_every"), raw.shift_every.as_ref(), true),
            bake: self.duration(&path.key("bake"), raw.bake.as_ref(), true),
            isolation: raw.isolation.map(Into::into),
            target: raw.target.map(Into::into),
            node: raw.node.as_ref().and_then(|node| self.node_address(&path.key("node"), node)),
            repository: self.repository(&path.key("repository"), raw.repository.as_ref()),
            follows: None,
            notify: self.notify(&path.key("notify"), raw.notify.as_ref()),
            forge: None,
            gate: raw.gate.as_ref().map(|gate| self.gate(&path.key("gate"), gate)),
            services: self.overrides(&path.key("services"), &raw.services, services),
            hosts: self.hosts(&path.key("routes"), &raw.routes),
        }
    }

    fn overrides(
        &mut self,
        path: &Path,
        raw: &BTreeMap<String, raw::Override>,
        services: &BTreeMap<Name, ServiceSource>,
    ) -> BTreeMap<Name, ServiceOverride> {
        let mut overrides = BTreeMap::new();
        for (key, raw) in raw {
            let path = path.key(key);
            if !self.facts.services.contains_key(key) {
                let help = nearest(key, self.facts.services.keys().map(String::as_str)).map_or_else(
                    || format!("declare it: `[services.{}]`", key.escape_debug()),
                    |name| format!("did you mean `{name}`?"),
                );
                self.report_key(&path, format!("there is no service `{}`", key.escape_debug()), help);
                continue;
            }
            let Ok(name) = Name::new(key.as_str()) else { continue };
            let env = self.override_settings(&path.key("env"), key, raw, services.get(&name));
            let tuning = self.override_tuning(&path, raw);
            overrides.insert(name, ServiceOverride { env, tuning });
        }
        overrides
    }

    fn override_settings(
        &mut self,
        path: &Path,
        service: &str,
        raw: &raw::Override,
        source: Option<&ServiceSource>,
    ) -> BTreeMap<String, Setting> {
        let settings = self.settings(path, service, &raw.env);
        let declared = source.map(|source| &source.service.env);
        for (name, setting) in &settings {
            let path = path.key(name);
            match (declared.and_then(|declared| declared.get(name)), setting) {
                (_, Setting::Required(_)) => {
                    let help = "write the value here; `required` stands in `[services.…]`";
                    self.report(&path, format!("`{path}` is no value"), help);
                }
                (None, _) => self.undeclared_setting(&path, service, name),
                (Some(Setting::Required(kind)), Setting::Value(template)) => {
                    let literal = template.as_literal();
                    if let Some(text) = literal.filter(|text| !kind.accepts(text)) {
                        let message = format!("`{}` is not {}", text.escape_debug(), kind.with_article());
                        let help = format!("`{service}` declares `{name}` with `type = \"{}\"`", kind.word());
                        self.report(&path, message, help);
                    }
                }
                _ => {}
            }
        }
        if let Some(declared) = declared {
            let mut merged = declared.clone();
            merged.extend(settings.clone());
            let own = keys(self.root.get(path));
            let places = own.into_iter().map(|name| (name, path.key(name))).collect();
            self.value_cycle(&merged, &places);
        }
        settings
    }

    fn undeclared_setting(&mut self, path: &Path, service: &str, name: &str) {
        let Some(facts) = self.facts.services.get(service) else { return };
        if facts.settings.contains(name) {
            return;
        }
        let help = nearest(name, facts.settings.iter().map(String::as_str)).map_or_else(
            || {
                format!(
                    "declare it in `[services.{service}]`: `env.{name} = \"…\"` or `env.{name} = {{ required = true }}`"
                )
            },
            |name| format!("did you mean `{name}`?"),
        );
        self.report_key(path, format!("`{service}` has no setting `{name}`"), help);
    }

    fn hosts(&mut self, path: &Path, raw: &BTreeMap<String, raw::RouteOverride>) -> BTreeMap<Name, String> {
        let mut hosts = BTreeMap::new();
        for (key, raw) in raw {
            let path = path.key(key);
            if !self.facts.routes.contains(key) {
                let help = nearest(key, self.facts.routes.iter().map(String::as_str)).map_or_else(
                    || format!("declare it: `[routes.{}]`", key.escape_debug()),
                    |name| format!("did you mean `{name}`?"),
                );
                self.report_key(&path, format!("there is no route `{}`", key.escape_debug()), help);
                continue;
            }
            let host = raw.host.as_ref().and_then(|host| self.host(&path.key("host"), host));
            hosts.extend(Name::new(key.as_str()).ok().zip(host));
        }
        hosts
    }

    fn override_tuning(&mut self, path: &Path, raw: &raw::Override) -> Tuning {
        Tuning {
            healthy_for: self.duration(&path.key("healthy_for"), raw.healthy_for.as_ref(), true),
            start_timeout: self.duration(&path.key("start_timeout"), raw.start_timeout.as_ref(), false),
            grace: self.duration(&path.key("grace"), raw.grace.as_ref(), true),
            drain: self.duration(&path.key("drain"), raw.drain.as_ref(), true),
            hold: self.duration(&path.key("hold"), raw.hold.as_ref(), true),
            replicas: raw.replicas,
            memory_bytes: self.size(&path.key("memory"), raw.memory.as_ref()),
            cpu_millis: self.cpu(&path.key("cpu"), raw.cpu),
        }
    }
}
