//! Services, routes and rollouts as named parts, each a text that two revisions can be compared by.

use crate::deployment::Rollout;
use crate::job::Job;
use crate::pool::PoolSpec;
use crate::release::{Answer, Check, Compare, RouteSpec, RouteTo};
use crate::service::{Health, Port, Protocol, Update};
use crate::units::{format_duration, format_size};
use std::time::Duration;

/// A part's name and its text.
pub(super) type Part = (String, String);

/// The parts of a pool whose change restarts nothing.
const TUNING: [&str; 8] =
    ["replicas", "healthy_for", "start_timeout", "grace", "drain", "hold", "reversible", "update"];

/// Whether a change of this part leaves the instances alone.
pub(super) fn is_tuning(part: &str) -> bool {
    TUNING.contains(&part) || part.starts_with("check ")
}

pub(super) fn pool_parts(pool: &PoolSpec) -> Vec<Part> {
    let calls: Vec<&str> = pool.calls.keys().map(crate::Name::as_str).collect();
    let before: Vec<String> = pool.before.iter().map(|list| arguments(list)).collect();
    let tuning = &pool.tuning;
    let mut parts = vec![
        part("image", pool.image.short()),
        part("run", arguments(&pool.run)),
        part("before", if before.is_empty() { "none".to_owned() } else { before.join(", then ") }),
        part("reversible", pool.reversible.to_string()),
        part("port", port(pool.port)),
        part("protocol", if pool.protocol == Protocol::Http { "http" } else { "tcp" }),
        part("health", health(&pool.health)),
        part("update", if pool.update == Update::Beside { "beside" } else { "replace" }),
        part("calls", if calls.is_empty() { "none".to_owned() } else { calls.join(", ") }),
    ];
    parts.extend(pool.volumes.iter().map(|(name, path)| part(&format!("volumes.{name}"), path.as_str())));
    // Nothing secret can be in a revision: a secret's place would hold its name.
    parts.extend(pool.env.iter().map(|(name, value)| part(&format!("env.{name}"), format!("{:?}", value.to_string()))));
    parts.push(part("replicas", tuning.replicas.to_string()));
    let times: [(&str, Duration); 5] = [
        ("healthy_for", tuning.healthy_for),
        ("start_timeout", tuning.start_timeout),
        ("grace", tuning.grace),
        ("drain", tuning.drain),
        ("hold", tuning.hold),
    ];
    parts.extend(times.iter().map(|(name, time)| part(name, format_duration(*time))));
    parts
}

pub(super) fn job_parts(job: &Job) -> Vec<Part> {
    vec![
        part("service", job.service.as_str()),
        part("run", arguments(&job.run)),
        part("schedule", job.schedule.as_str()),
        part("timezone", job.zone()),
        part("time_limit", format_duration(job.time_limit)),
    ]
}

pub(super) fn route_parts(route: &RouteSpec) -> Vec<Part> {
    let mut parts =
        vec![part("host", route.host.as_str()), part("path", route.path.as_str()), part("to", destination(&route.to))];
    if let RouteTo::Fanout(fanout) = &route.to {
        let answer = match fanout.answer {
            Answer::First => "first",
            Answer::Quorum => "quorum",
            Answer::All => "all",
        };
        let compare = match fanout.compare {
            Compare::Body => "body",
            Compare::Json => "json",
            Compare::Status => "status",
        };
        parts.push(part("answer", answer));
        parts.push(part("deadline", format_duration(fanout.deadline)));
        parts.push(part("compare", compare));
        parts.push(part("methods", fanout.methods.join(", ")));
    }
    parts.extend(route.sticky.iter().map(|cookie| part("sticky", cookie.as_str())));
    parts.extend(route.limits.body_bytes_max.map(|bytes| part("body_max", format_size(bytes))));
    parts.extend(route.limits.timeout.map(|timeout| part("timeout", format_duration(timeout))));
    parts.extend(check_parts(&route.checks));
    parts
}

pub(super) fn check_parts(checks: &[Check]) -> Vec<Part> {
    let text = |check: &Check| {
        let mut text = check.digest.short().to_owned();
        if let Some(runs) = &check.runs {
            let stages: Vec<String> = runs.iter().map(|stage| format!("{stage:?}").to_lowercase()).collect();
            text = format!("{text} in {}", stages.join(", "));
        }
        check.every.map_or(text.clone(), |every| format!("{text} every {}", format_duration(every)))
    };
    checks.iter().map(|check| part(&format!("check {}", check.file), text(check))).collect()
}

pub(super) fn rollout_parts(rollout: &Rollout) -> Vec<Part> {
    let shift: Vec<String> = rollout.shift.iter().map(|share| format!("{share}%")).collect();
    vec![
        part("shift", shift.join(", ")),
        part("shift_every", format_duration(rollout.shift_every)),
        part("bake", format_duration(rollout.bake)),
    ]
}

pub(super) fn destination(to: &RouteTo) -> String {
    match to {
        RouteTo::Service(name) => name.to_string(),
        RouteTo::Fanout(fanout) => fanout.services.iter().map(crate::Name::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn part(name: &str, text: impl Into<String>) -> Part {
    (name.to_owned(), text.into())
}

fn arguments(list: &[String]) -> String {
    format!("{list:?}")
}

fn port(port: Port) -> String {
    match port {
        Port::Given => "given".to_owned(),
        Port::Fixed(number) => number.to_string(),
        Port::None => "none".to_owned(),
    }
}

fn health(health: &Health) -> String {
    match health {
        Health::Path(path) => path.clone(),
        Health::Connect => "connects".to_owned(),
        Health::Alive => "alive".to_owned(),
    }
}
