//! The text of the manifest.

use super::Networks;
use super::found::{Found, Listens};
use super::names::{name_from, unique};
use seaworthy_model::template::Template;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Parts of names that front doors have.
const FRONT_WORDS: [&str; 9] = ["web", "www", "front", "frontend", "site", "website", "ui", "gateway", "portal"];

/// The whole text. Names are settled here.
pub(super) fn manifest(app: &str, found: &mut [Found], notes: &[String], networks: Networks) -> String {
    let names = settle_names(found);
    settle_calls(found, &names);
    if networks == Networks::Own {
        settle_ports(found, &names);
    }
    let called: BTreeSet<String> = found.iter().flat_map(|service| service.calls.clone()).collect();
    let mut text = String::from(
        "# Written by `seaworthy init` from what lies here. Read it once: what it could not know is in the comments.\n\n",
    );
    let _ = writeln!(text, "app = {}", quoted(app));
    for note in notes {
        let _ = writeln!(text, "\n# {}", one_line(note));
    }
    for (service, name) in found.iter().zip(&names) {
        text.push_str(&service_text(service, name, networks));
    }
    let listening: Vec<(&Found, &String)> = found
        .iter()
        .zip(&names)
        .filter(|(service, name)| service.port != Listens::Nowhere && !called.contains(*name))
        .collect();
    text.push_str(&routes(app, &listening));
    text.push_str("\n[environments.dev]\n\n[environments.prod]\n");
    text
}

/// The front door has a route; the others too, where nothing says which it is.
fn routes(app: &str, listening: &[(&Found, &String)]) -> String {
    if listening.is_empty() {
        return String::new();
    }
    let mut text = "\n# Hosts are as written in production; in dev they begin with `dev.`.\n".to_owned();
    let front = front_door(app, listening);
    if front.is_none() {
        text.push_str(
            "# Whoever has a route can be reached from outside: take out those of services that nobody should.\n",
        );
    }
    if let Some(name) = front {
        text.push_str(&route(name, app));
    }
    let others: Vec<&String> = listening.iter().map(|(_, name)| *name).filter(|name| Some(*name) != front).collect();
    if front.is_some() && !others.is_empty() {
        text.push_str("\n# Nobody outside reaches these. Take the marks away from those that somebody should.\n");
    }
    for (index, name) in others.into_iter().enumerate() {
        let route = route(name, name);
        let gap = if index == 0 { "" } else { "\n" };
        let commented = || route.lines().map(|line| format!("# {line}\n")).collect::<String>();
        text.push_str(&if front.is_some() { commented() } else { format!("{gap}{route}") });
    }
    text
}

fn route(name: &str, host: &str) -> String {
    let host = quoted(&format!("{host}.localhost"));
    format!("[routes.{name}]\nhost    = {host}\nservice = {}\n", quoted(name))
}

/// The service that people are meant to meet first: the only one, else the only one with such a name, else the only one
/// that calls others.
fn front_door<'a>(app: &str, listening: &[(&Found, &'a String)]) -> Option<&'a String> {
    let is_named_so = |name: &str| name == app || name.split('-').any(|word| FRONT_WORDS.contains(&word));
    let only = |wanted: &dyn Fn(&Found, &str) -> bool| {
        let mut fitting = listening.iter().filter(|(service, name)| wanted(service, name));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first.1)
    };
    let by_name = || only(&|_, name| is_named_so(name));
    only(&|_, _| true).or_else(by_name).or_else(|| only(&|service, _| !service.calls.is_empty()))
}

fn settle_names(found: &[Found]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    found.iter().map(|service| unique(&service.wanted_name, &mut taken)).collect()
}

/// Calls are what compose says and what the source says: an address with another service's name in it.
fn settle_calls(found: &mut [Found], names: &[String]) {
    let callable: BTreeMap<String, bool> =
        found.iter().zip(names).map(|(service, name)| (name.clone(), service.port != Listens::Nowhere)).collect();
    for (index, service) in found.iter_mut().enumerate() {
        let wanted: BTreeSet<String> = service.calls.iter().map(|name| name_from(name)).collect();
        service.calls.clear();
        for (name, listens) in &callable {
            let address = format!("http://{name}:");
            let in_source = service.text.contains(&address) || service.text.contains(&format!("http://{name}/"));
            let in_values = service.env.values().any(|value| value.contains(&format!("http://{name}")));
            if *listens && *name != names[index] && (wanted.contains(name) || in_source || in_values) {
                service.calls.insert(name.clone());
            }
        }
    }
}

/// A number that is written into a caller's source is the one by which the callee must be found.
fn settle_ports(found: &mut [Found], names: &[String]) {
    for (index, name) in names.iter().enumerate() {
        let callers = found.iter().filter(|service| service.calls.contains(name));
        let Some(number) = callers.filter_map(|caller| called_number(&caller.text, name)).next() else { continue };
        if found[index].port == Listens::Given {
            found[index].port = Listens::Fixed(number);
            found[index].comments.retain(|comment| !comment.starts_with("port:"));
            found[index].comments.push(format!("port: it is called at {number}, and is told so in PORT"));
        }
    }
}

/// The number in the first `http://NAME:NUMBER` of a text.
fn called_number(text: &str, name: &str) -> Option<u16> {
    let address = format!("http://{name}:");
    text.match_indices(&address).find_map(|(at, _)| {
        let rest = &text[at + address.len()..];
        rest[..rest.bytes().take_while(u8::is_ascii_digit).count()].parse().ok().filter(|number| *number > 0)
    })
}

fn service_text(service: &Found, name: &str, networks: Networks) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "{key} = {value}");
    };
    if service.path != name {
        line("path", quoted(&service.path));
    }
    let has_shell = [&service.run, &service.before].iter().any(|words| words.first().is_some_and(|word| word == "sh"));
    let base: Vec<String> = service.base.iter().cloned().chain(has_shell.then(|| "dash".to_owned())).collect();
    if !base.is_empty() {
        line("base", list(&base));
    }
    match service.build.as_slice() {
        [] => {}
        [single] => line("build", quoted(single)),
        several => line("build", list(several)),
    }
    if let [single] = service.test.as_slice() {
        line("test", quoted(single));
    }
    if !service.files.is_empty() {
        line("files", list(&service.files));
    }
    line("run", list(&service.run));
    if !service.before.is_empty() {
        line("before", list(&service.before));
    }
    match service.port {
        Listens::Given => {}
        Listens::Fixed(number) => {
            line("port", number.to_string());
            if networks == Networks::Shared {
                line("update", quoted("replace"));
            }
        }
        Listens::Nowhere => line("port", "false".to_owned()),
    }
    if let (Some(health), false) = (&service.health, service.port == Listens::Nowhere) {
        line("health", quoted(health));
    }
    if !service.calls.is_empty() {
        line("calls", list(&service.calls.iter().cloned().collect::<Vec<_>>()));
    }
    if !service.checks.is_empty() {
        line("checks", list(&service.checks));
    }
    for (key, value) in &service.env {
        line(&format!("env.{key}"), quoted(&setting(value, &service.calls)));
    }
    let comments: String = service.comments.iter().map(|comment| format!("# {}\n", one_line(comment))).collect();
    format!("\n[services.{name}]\n{comments}{text}")
}

/// A value in which the addresses of called services have become references.
fn setting(value: &str, calls: &BTreeSet<String>) -> String {
    for callee in calls {
        let Some(rest) = value.strip_prefix(&format!("http://{callee}")) else { continue };
        let rest = rest.strip_prefix(':').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        if rest.is_empty() || rest.starts_with('/') {
            return format!("${{{callee}.url}}{}", Template::literal(rest));
        }
    }
    Template::literal(value).to_string()
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

/// A comment ends with its line, and holds no control characters.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
