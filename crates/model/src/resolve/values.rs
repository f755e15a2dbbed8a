//! The settings of one service in one environment.

use crate::Name;
use crate::service::{Setting, SettingType};
use crate::template::{GIVEN, Part, Template, dependency_order};
use seaworthy_diagnostics::Diagnostic;
use std::collections::BTreeMap;

/// The longest `NAME=value` that Linux passes to a program (MAX_ARG_STRLEN), without the NUL.
const SETTING_BYTES_MAX: usize = 128 * 1024 - 1;

/// What `${release}` and `${environment}` are.
pub(super) struct Context<'a> {
    pub(super) release: String,
    pub(super) environment: &'a Name,
}

/// Every setting with its value; only what the target knows is left in the templates.
pub(super) fn values(
    context: &Context<'_>,
    service: &Name,
    declared: &BTreeMap<String, Setting>,
    own: &BTreeMap<String, Setting>,
    errors: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Template> {
    let mut merged = declared.clone();
    merged.extend(own.iter().map(|(name, setting)| (name.clone(), setting.clone())));
    let order = match dependency_order(&merged) {
        Ok(order) => order,
        Err(cycle) => {
            let message = format!("the settings {} of `{service}` refer to each other", cycle.join(", "));
            errors.push(Diagnostic::user(message).help("give one of them a value of its own"));
            return BTreeMap::new();
        }
    };
    let mut values = BTreeMap::new();
    for name in order {
        let value = match merged.get(&name) {
            Some(Setting::Value(template)) => substituted(context, service, &name, template, &merged, &values),
            Some(Setting::Required(_)) => Err(Some(missing(context.environment, service, &name))),
            Some(Setting::Secret(secret)) => Err(Some(no_secrets(service, &name, secret))),
            None => continue,
        };
        let kind = if let Some(Setting::Required(kind)) = declared.get(&name) { *kind } else { SettingType::String };
        match value {
            Ok(value) if value.as_literal().is_none_or(|text| kind.accepts(&text)) => {
                values.insert(name, value);
            }
            Ok(_) => {
                let message =
                    format!("`{name}` of `{service}` is not {} in `{}`", kind.with_article(), context.environment);
                errors.push(Diagnostic::user(message).help(help_for(context.environment, service, &name)));
            }
            Err(error) => errors.extend(error),
        }
    }
    values
}

/// The template with everything known put in. `Err(None)`: it depends on a setting whose error is known.
fn substituted(
    context: &Context<'_>,
    service: &Name,
    name: &str,
    template: &Template,
    settings: &BTreeMap<String, Setting>,
    done: &BTreeMap<String, Template>,
) -> Result<Template, Option<Diagnostic>> {
    let mut value = Template { parts: Vec::new() };
    for part in &template.parts {
        match part {
            Part::Release => value.push(Part::Literal(context.release.clone())),
            Part::Environment => value.push(Part::Literal(context.environment.to_string())),
            Part::Setting(other) if settings.contains_key(other) => {
                let other = done.get(other).ok_or(None)?;
                other.parts.iter().cloned().for_each(|part| value.push(part));
            }
            Part::Setting(other) if !GIVEN.contains(&other.as_str()) => {
                let message = format!("`{name}` of `{service}` refers to `{other}`, which is not set");
                return Err(Some(Diagnostic::user(message).help(help_for(context.environment, service, other))));
            }
            other => value.push(other.clone()),
        }
        let literal = |part: &Part| if let Part::Literal(text) = part { text.len() } else { 1 };
        if name.len() + 1 + value.parts.iter().map(literal).sum::<usize>() > SETTING_BYTES_MAX {
            let message = format!("`{name}` of `{service}` is longer than {SETTING_BYTES_MAX} bytes");
            return Err(Some(Diagnostic::user(message).help("no program can be given it: put it in a file")));
        }
    }
    Ok(value)
}

fn missing(environment: &Name, service: &Name, name: &str) -> Diagnostic {
    Diagnostic::user(format!("`{environment}` has no value for `{name}` of `{service}`")).help(help_for(
        environment,
        service,
        name,
    ))
}

fn help_for(environment: &Name, service: &Name, name: &str) -> String {
    format!("add `{name} = \"…\"` to `[environments.{environment}.services.{service}.env]`")
}

fn no_secrets(service: &Name, name: &str, secret: &str) -> Diagnostic {
    Diagnostic::user(format!("`{name}` of `{service}` is the secret `{secret}`, and there is no secret store yet"))
        .help("write a value that is no secret, or leave the setting out")
}
