//! `env.NAME`: values, what they refer to, and where they must not come back to themselves.

use super::raw;
use super::reader::Reader;
use super::tree::{Node, Path, Value};
use super::words::{nearest, quoted_list};
use crate::service::Setting;
use crate::template::{GIVEN, Part, Template, TemplateProblem, dependency_order, is_setting_name};
use std::collections::BTreeMap;

impl Reader<'_> {
    /// The settings of a service, or an environment's own for it.
    pub(super) fn settings(
        &mut self,
        path: &Path,
        service: &str,
        raw: &BTreeMap<String, raw::Setting>,
    ) -> BTreeMap<String, Setting> {
        let mut settings = BTreeMap::new();
        for (name, raw) in raw {
            let path = path.key(name);
            self.setting_name(&path, name);
            let setting = self.setting(&path, service, raw);
            settings.extend(setting.map(|setting| (name.clone(), setting)));
        }
        settings
    }

    fn setting_name(&mut self, path: &Path, name: &str) {
        if !is_setting_name(name) {
            let message = format!("`{}` is no name of an environment variable", name.escape_debug());
            self.report_key(path, message, "use letters, digits and `_`, not beginning with a digit");
        } else if GIVEN.contains(&name) {
            let help = match name {
                "PORT" => {
                    "leave it out: it is given; a program that listens on a number of its own has `port = NUMBER`"
                }
                _ => "leave it out: every instance is given it",
            };
            self.report_key(path, format!("`{name}` cannot be set"), help);
        }
    }

    fn setting(&mut self, path: &Path, service: &str, raw: &raw::Setting) -> Option<Setting> {
        let text = match raw {
            raw::Setting::Text(text) => return self.template(path, service, text).map(Setting::Value),
            raw::Setting::Integer(number) => number.to_string(),
            raw::Setting::Float(number) => format!("{number:?}"),
            raw::Setting::Boolean(truth) => truth.to_string(),
            raw::Setting::Source(source) => return self.setting_source(path, source),
        };
        Some(Setting::Value(Template::literal(text)))
    }

    fn setting_source(&mut self, path: &Path, source: &raw::SettingSource) -> Option<Setting> {
        let kind = source.r#type.map_or(crate::service::SettingType::String, Into::into);
        match source {
            raw::SettingSource { secret: Some(secret), required: None, r#type: None } => {
                if secret.is_empty() || secret.contains(|c: char| c.is_whitespace() || c.is_control()) {
                    let message = format!("`{}` is no name of a secret", secret.escape_debug());
                    self.report(&path.key("secret"), message, "write a name without spaces");
                }
                Some(Setting::Secret(secret.clone()))
            }
            raw::SettingSource { secret: None, required: Some(true), .. } => Some(Setting::Required(kind)),
            _ if ["required", "type", "secret"].iter().any(|key| self.findings.is_broken(&path.key(key))) => None,
            _ => {
                let help = "write a value, `{ required = true, type = \"string\" }` or `{ secret = \"name\" }`";
                self.report(path, format!("`{path}` says not where its value comes from"), help);
                None
            }
        }
    }

    fn template(&mut self, path: &Path, service: &str, text: &str) -> Option<Template> {
        self.no_null(path, text);
        match Template::parse(text) {
            Ok(template) => {
                template.parts.iter().for_each(|part| self.reference(path, service, part));
                Some(template)
            }
            Err(error) => {
                let help = match &error.problem {
                    TemplateProblem::Unclosed => "close it, or write `$${` for the characters themselves".to_owned(),
                    TemplateProblem::Unknown(inner) => help_for_reference(inner),
                };
                let span = self.span_within(path, &text[error.span.clone()]);
                let message = error.problem.to_string().escape_debug().to_string();
                self.findings.report(span, message, help);
                None
            }
        }
    }

    /// The bytes of a part of a string, if it stands in the file as it is (without escapes), else the whole string.
    fn span_within(&self, path: &Path, part: &str) -> std::ops::Range<usize> {
        let span = super::findings::span_of(self.root, path);
        let Some(written) = self.text.get(span.clone()) else { return span };
        written.find(part).map_or(span.clone(), |at| span.start + at..span.start + at + part.len())
    }

    fn reference(&mut self, path: &Path, service: &str, part: &Part) {
        let facts = self.facts.services.get(service);
        match part {
            Part::Url(callee) | Part::Host(callee) | Part::Port(callee) => {
                let called = facts.is_some_and(|facts| facts.calls.contains(callee.as_str()));
                let exists = self.facts.services.contains_key(callee.as_str());
                if exists && !called {
                    let mut calls: Vec<&str> =
                        facts.into_iter().flat_map(|facts| &facts.calls).map(String::as_str).collect();
                    calls.push(callee.as_str());
                    let help = format!("add `calls = {calls:?}` to `[services.{service}]`");
                    self.report(path, format!("`{service}` does not call `{callee}`"), help);
                } else {
                    self.known_service(path, callee.as_str());
                }
            }
            Part::Volume(volume) => {
                let volumes = facts.map(|facts| &facts.volumes);
                if volumes.is_some_and(|volumes| !volumes.contains(volume.as_str())) {
                    let help = nearest(volume.as_str(), volumes.into_iter().flatten().map(String::as_str)).map_or_else(
                        || format!("add `volumes.{volume} = \"/{volume}\"` to `[services.{service}]`"),
                        |name| format!("did you mean `{name}`?"),
                    );
                    self.report(path, format!("`{service}` has no volume `{volume}`"), help);
                }
            }
            Part::Setting(name) => self.setting_reference(path, service, name),
            Part::Literal(_) | Part::Release | Part::Environment => {}
        }
    }

    fn setting_reference(&mut self, path: &Path, service: &str, name: &str) {
        let Some(facts) = self.facts.services.get(service) else { return };
        if facts.settings.contains(name) {
            return;
        }
        if GIVEN.contains(&name) {
            if facts.worker && name == "PORT" {
                self.report(path, "a worker is given no `PORT`", "take the reference out, or leave out `port = false`");
            }
            return;
        }
        let help = nearest(name, facts.settings.iter().map(String::as_str)).map_or_else(
            || format!("add `env.{name} = \"…\"` to `[services.{service}]`"),
            |name| format!("did you mean `{name}`?"),
        );
        self.report(path, format!("`{service}` has no setting `{name}`"), help);
    }

    /// Reports settings that refer to each other in a circle. `places` says where each value is written.
    pub(super) fn value_cycle(&mut self, settings: &BTreeMap<String, Setting>, places: &BTreeMap<&str, Path>) {
        let Err(cycle) = dependency_order(settings) else { return };
        let written = cycle.iter().filter_map(|name| places.get(name.as_str()));
        let first = written.min_by_key(|path| self.root.get(path).map_or(0, |node: &Node| node.span.start)).cloned();
        let Some(first) = first else { return };
        let way: Vec<String> = cycle.iter().chain(cycle.first()).map(|name| format!("`{name}`")).collect();
        let message = format!("the settings {} refer to each other", quoted_list(&cycle, "and"));
        let message = if cycle.len() == 1 { format!("the setting {} refers to itself", way[0]) } else { message };
        self.report(&first, message, format!("{}: give one of them a value of its own", way.join(" → ")));
    }
}

fn help_for_reference(inner: &str) -> String {
    let known = "`${S.url}`, `${S.host}`, `${S.port}`, `${volumes.V}`, `${env.NAME}`, `${release}`, `${environment}`";
    if is_setting_name(inner) && inner.bytes().any(|b| b.is_ascii_uppercase()) {
        return format!("another setting is `${{env.{inner}}}`");
    }
    format!("known are {known}; write `$${{` for the characters themselves")
}

/// The keys of a table, if it is one.
pub(super) fn keys(node: Option<&Node>) -> Vec<&str> {
    match node.map(|node| &node.value) {
        Some(Value::Table(entries)) => entries.iter().map(|(key, _)| key.as_str()).collect(),
        _ => Vec::new(),
    }
}
