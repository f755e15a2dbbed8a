//! What differs between two revisions, of one environment or of two.

mod parts;

use crate::Name;
use crate::deployment::{Revision, Rollout};
use crate::job::Job;
use crate::pool::PoolSpec;
use crate::release::{Check, RouteSpec};
use parts::{Part, check_parts, job_parts, pool_parts, rollout_parts, route_parts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Everything that differs, in a fixed order. Empty: the two run the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// One by one.
    pub changes: Vec<Change>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Of what.
    pub subject: Subject,
    /// Which part of it: `image`, `env.NAME`, `replicas`, `host`; `instances` when new ones start only because of what
    /// the service calls; empty for the whole.
    pub part: String,
    /// On the left, as text; `None`: not there.
    pub before: Option<String>,
    /// On the right, as text; `None`: not there.
    pub after: Option<String>,
}

/// What a [`Change`] is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The release as a whole.
    Release,
    /// A service.
    Service(Name),
    /// A route.
    Route(Name),
    /// A job.
    Job(Name),
    /// How traffic moves.
    Rollout,
}

impl Difference {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// One line for each change, such as `service echo-go: replicas 1 -> 2`; stable, for `plan` and `diff`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.changes.iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |side: &Option<String>| side.clone().unwrap_or_else(|| "(none)".to_owned());
        let (before, after) = (text(&self.before), text(&self.after));
        match (&self.before, &self.after) {
            _ if self.subject == Subject::Release => write!(f, "release {before} -> {after}"),
            _ if self.part == "instances" => write!(f, "{}: new instances, because {after}", self.subject),
            (None, Some(after)) if self.part.is_empty() => write!(f, "{}: added, {after}", self.subject),
            (Some(_), None) if self.part.is_empty() => write!(f, "{}: removed", self.subject),
            _ => write!(f, "{}: {} {before} -> {after}", self.subject, self.part),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release => f.write_str("release"),
            Self::Service(name) => write!(f, "service {name}"),
            Self::Route(name) => write!(f, "route {name}"),
            Self::Job(name) => write!(f, "job {name}"),
            Self::Rollout => f.write_str("traffic"),
        }
    }
}

/// What differs between what runs (`None`: nothing) and what would run; or between two environments.
#[must_use]
pub fn difference(before: Option<&Revision>, after: &Revision) -> Difference {
    let mut changes = Vec::new();
    if before.is_none_or(|before| before.release != after.release) {
        let release = |revision: &Revision| revision.release.short().to_owned();
        changes.push(Change {
            subject: Subject::Release,
            part: String::new(),
            before: before.map(release),
            after: Some(release(after)),
        });
    }
    let none = BTreeMap::new();
    for name in names(before.map(|before| &before.pools), &after.pools) {
        let old = before.and_then(|before| Service::of(before, name));
        let new = Service::of(after, name);
        let same_environment = before.is_some_and(|before| before.environment == after.environment);
        changes.extend(service_changes(name, old, new, same_environment));
    }
    for name in names(before.map(|before| &before.routes), &after.routes) {
        let old = before.map_or(&none, |before| &before.routes).get(name);
        changes.extend(route_changes(name, old, after.routes.get(name)));
    }
    for name in names(before.map(|before| &before.jobs), &after.jobs) {
        let old = before.and_then(|before| before.jobs.get(name));
        changes.extend(job_changes(name, old, after.jobs.get(name)));
    }
    let rollout = |rollout: &Rollout| rollout_parts(rollout);
    // Nothing runs: how traffic moves to it is no change.
    if let Some(before) = before {
        changes.extend(part_changes(&Subject::Rollout, rollout(&before.rollout), rollout(&after.rollout)));
    }
    Difference { changes }
}

/// A service of a revision, with its checks.
#[derive(Clone, Copy)]
struct Service<'a> {
    pool: &'a PoolSpec,
    checks: &'a [Check],
}

impl<'a> Service<'a> {
    fn of(revision: &'a Revision, name: &Name) -> Option<Self> {
        let checks = revision.checks.get(name).map_or(&[][..], Vec::as_slice);
        revision.pools.get(name).map(|pool| Self { pool, checks })
    }

    fn parts(self) -> Vec<Part> {
        let mut parts = pool_parts(self.pool);
        parts.extend(check_parts(self.checks));
        parts
    }
}

fn service_changes(
    name: &Name,
    old: Option<Service<'_>>,
    new: Option<Service<'_>>,
    same_environment: bool,
) -> Vec<Change> {
    let subject = Subject::Service(name.clone());
    let whole = |service: Service<'_>| format!("image {}", service.pool.image.short());
    let (Some(old), Some(new)) = (old, new) else {
        return vec![Change { subject, part: String::new(), before: old.map(whole), after: new.map(whole) }];
    };
    let mut changes = part_changes(&subject, old.parts(), new.parts());
    let identity = |change: &Change| !parts::is_tuning(&change.part);
    if same_environment && old.pool.id != new.pool.id && !changes.iter().any(identity) {
        let changed = new.pool.calls.iter().filter(|(callee, pool)| old.pool.calls.get(*callee) != Some(pool));
        let callees: Vec<String> = changed.map(|(callee, _)| format!("`{callee}`")).collect();
        let reason = match callees.as_slice() {
            [] => "what it runs in changed".to_owned(),
            callees => format!("it calls {}", callees.join(", ")),
        };
        changes.push(Change { subject, part: "instances".to_owned(), before: None, after: Some(reason) });
    }
    changes
}

fn route_changes(name: &Name, old: Option<&RouteSpec>, new: Option<&RouteSpec>) -> Vec<Change> {
    let subject = Subject::Route(name.clone());
    let whole = |route: &RouteSpec| format!("{}{} to {}", route.host, route.path, parts::destination(&route.to));
    let (Some(old), Some(new)) = (old, new) else {
        return vec![Change { subject, part: String::new(), before: old.map(whole), after: new.map(whole) }];
    };
    part_changes(&subject, route_parts(old), route_parts(new))
}

fn job_changes(name: &Name, old: Option<&Job>, new: Option<&Job>) -> Vec<Change> {
    let subject = Subject::Job(name.clone());
    let whole = |job: &Job| format!("`{}` in {}", job.schedule, job.service);
    let (Some(old), Some(new)) = (old, new) else {
        return vec![Change { subject, part: String::new(), before: old.map(whole), after: new.map(whole) }];
    };
    part_changes(&subject, job_parts(old), job_parts(new))
}

/// Compares two lists of parts by name; each name's place is that of the right list, then of the left.
fn part_changes(subject: &Subject, old: Vec<Part>, new: Vec<Part>) -> Vec<Change> {
    let mut before: BTreeMap<String, String> = old.iter().cloned().collect();
    let mut changes = Vec::new();
    let mut change = |part: String, before: Option<String>, after: Option<String>| {
        if before != after {
            changes.push(Change { subject: subject.clone(), part, before, after });
        }
    };
    for (part, after) in new {
        let before = before.remove(&part);
        change(part, before, Some(after));
    }
    for (part, _) in old {
        if let Some(text) = before.remove(&part) {
            change(part, Some(text), None);
        }
    }
    changes
}

fn names<'a, T>(before: Option<&'a BTreeMap<Name, T>>, after: &'a BTreeMap<Name, T>) -> BTreeSet<&'a Name> {
    before.into_iter().flat_map(|before| before.keys()).chain(after.keys()).collect()
}
