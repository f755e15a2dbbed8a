//! `compose.yaml`: names, ports, environment and who depends on whom.

use super::found::{Found, Listens};
use super::tree::Folder;
use seaworthy_model::template::{GIVEN, is_setting_name};
use serde_yaml_ng::{Mapping, Value};
use std::collections::BTreeSet;

const FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

/// Adds what a compose file says of the services that were found; what it names and we cannot run becomes a note.
pub(super) fn merge(root: &Folder, found: &mut [Found], notes: &mut Vec<String>) {
    let Some(text) = FILES.iter().find_map(|file| root.read(file)) else { return };
    let Ok(document) = serde_yaml_ng::from_str::<Value>(&text) else {
        notes.push("the compose file here is no valid YAML, and was left aside".to_owned());
        return;
    };
    let Some(services) = document.get("services").and_then(Value::as_mapping) else { return };
    let mut used = BTreeSet::new();
    for (name, service) in services {
        let (Some(name), Some(service)) = (name.as_str(), service.as_mapping()) else { continue };
        let context = context(service);
        let index = (0..found.len())
            .find(|index| context.as_deref() == Some(found[*index].path.as_str()) && !used.contains(index));
        let Some(index) = index else {
            notes.push(not_taken(name, service, context.as_deref()));
            continue;
        };
        used.insert(index);
        apply(name, service, &mut found[index]);
    }
}

/// The folder that a service is built from, as discovery writes it.
fn context(service: &Mapping) -> Option<String> {
    let build = service.get("build")?;
    let context = build.as_str().or_else(|| build.get("context")?.as_str())?;
    let parts: Vec<&str> = context.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

fn not_taken(name: &str, service: &Mapping, context: Option<&str>) -> String {
    let image = service.get("image").and_then(Value::as_str);
    match (image, context) {
        (Some(image), None) => format!(
            "`{name}` of the compose file runs the image `{image}`: run it beside, and name it in the `egress` of who needs it"
        ),
        (_, Some(context)) => {
            format!("`{name}` of the compose file is built from `{context}`: no service was found there")
        }
        (None, None) => format!("`{name}` of the compose file has neither `build` nor `image`"),
    }
}

fn apply(name: &str, service: &Mapping, found: &mut Found) {
    name.clone_into(&mut found.wanted_name);
    match service.get("command") {
        Some(Value::String(line)) if !line.trim().is_empty() => found.start_by(line),
        Some(Value::Sequence(words)) if !words.is_empty() => {
            let words: Option<Vec<String>> = words.iter().map(scalar).collect();
            if let Some(mut words) = words.filter(|words| !words[0].is_empty()) {
                let program = found.as_installed(&words[0]);
                if program != words[0] {
                    words.splice(..1, program.split(' ').map(str::to_owned));
                }
                found.run = words;
            }
        }
        _ => {}
    }
    for (key, value) in environment(service) {
        match value {
            _ if key == "PORT" => found.port = Listens::Given,
            _ if GIVEN.contains(&key.as_str()) || !is_setting_name(&key) => {
                found.comments.push(format!("env: the compose file sets {key}, which cannot be set"));
            }
            Some(value) if !value.contains('$') => drop(found.env.insert(key, value)),
            _ => found.comments.push(format!("env: the compose file takes {key} from elsewhere: add a value")),
        }
    }
    let port = service.get("ports").or_else(|| service.get("expose")).and_then(Value::as_sequence);
    let port = port.into_iter().flatten().find_map(container_port);
    if let (Some(port), Listens::Given, false) =
        (port, found.port, environment(service).iter().any(|(k, _)| k == "PORT"))
    {
        found.port = Listens::Fixed(port);
        found.comments.retain(|comment| !comment.starts_with("port:"));
        found.comments.push(format!("port: {port} comes from the compose file; leave it out if it listens on PORT"));
    }
    found.calls.extend(depends_on(service));
}

/// `environment` as a list of `NAME=value` or as a mapping; `None`: taken from the shell.
fn environment(service: &Mapping) -> Vec<(String, Option<String>)> {
    match service.get("environment") {
        Some(Value::Sequence(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(|item| match item.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (item.to_owned(), None),
            })
            .collect(),
        Some(Value::Mapping(entries)) => {
            entries.iter().filter_map(|(name, value)| Some((name.as_str()?.to_owned(), scalar(value)))).collect()
        }
        _ => Vec::new(),
    }
}

fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    (!text.contains('\0')).then_some(text)
}

/// The port inside: of `"8080:80"`, `"127.0.0.1:8080:80/tcp"`, `80` or `{ target = 80 }`.
fn container_port(entry: &Value) -> Option<u16> {
    let text = match entry {
        Value::Mapping(entry) => scalar(entry.get("target")?)?,
        other => scalar(other)?,
    };
    let inner = text.rsplit(':').next()?.split('/').next()?;
    inner.parse().ok().filter(|port| *port > 0)
}

fn depends_on(service: &Mapping) -> Vec<String> {
    match service.get("depends_on") {
        Some(Value::Sequence(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::Mapping(names)) => names.keys().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
