//! `[jobs.NAME]`.

use super::raw;
use super::reader::Reader;
use super::tree::Path;
use super::words::nearest;
use crate::Name;
use crate::job::{self, InvalidSchedule, Job};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a run may take that says nothing else.
const TIME_LIMIT: Duration = Duration::from_secs(3600);
/// The most jobs of one app.
const JOBS_MAX: usize = 100;

impl Reader<'_> {
    /// Every job whose name is one and that can run.
    pub(super) fn jobs(&mut self, raw: &BTreeMap<String, raw::Job>) -> BTreeMap<Name, Job> {
        let path = Path::default().key("jobs");
        if raw.len() > JOBS_MAX {
            self.report_key(&path, format!("there are more than {JOBS_MAX} jobs"), "let one job do more");
        }
        let mut jobs = BTreeMap::new();
        for (key, job) in raw.iter().take(JOBS_MAX) {
            let path = path.key(key);
            let name = self.key_name(&path, key, "job");
            let job = self.job(&path, job);
            jobs.extend(name.zip(job));
        }
        jobs
    }

    fn job(&mut self, path: &Path, raw: &raw::Job) -> Option<Job> {
        let service = raw.service.as_ref().and_then(|service| self.known_service(&path.key("service"), service));
        let run = raw.run.as_ref().map(|run| self.arguments(&path.key("run"), run));
        let schedule = raw.schedule.as_ref().and_then(|schedule| self.schedule(&path.key("schedule"), schedule));
        let timezone = raw.timezone.as_ref().map(|name| self.timezone(&path.key("timezone"), name));
        let time_limit = self.duration(&path.key("time_limit"), raw.time_limit.as_ref(), false);
        let environments = self.known_environments(&path.key("environments"), raw.environments.as_deref());
        Some(Job {
            service: service?,
            run: run?,
            schedule: schedule?,
            timezone,
            time_limit: time_limit.unwrap_or(TIME_LIMIT),
            environments,
        })
    }

    fn schedule(&mut self, path: &Path, text: &str) -> Option<String> {
        let Err(error) = job::schedule(text) else {
            return Some(text.split_whitespace().collect::<Vec<_>>().join(" "));
        };
        let help = match error {
            InvalidSchedule::Unknown => {
                "write minute, hour, day of the month, month and day of the week, such as `30 3 * * *` or \
                 `*/15 8-18 * * MON-FRI`; the time zone has a key of its own, `timezone`"
            }
            InvalidSchedule::Never => "no month has such a day; `L` is the last one of each month",
        };
        self.report(path, format!("`{}` {error}", text.escape_debug()), help);
        None
    }

    fn timezone(&mut self, path: &Path, name: &str) -> String {
        if job::time_zone(name).is_none() {
            // What looks like `EST` may be hours away from it.
            let zones = job::time_zones().into_iter().filter(|zone| zone.contains('/') && name.contains('/'));
            let zones: Vec<String> = zones.collect();
            let help = nearest(name, zones.iter().map(String::as_str)).map_or_else(
                || "write one of the tz database, such as `Europe/Zurich`, or leave it out for UTC".to_owned(),
                |zone| format!("did you mean `{zone}`?"),
            );
            self.report(path, format!("there is no time zone `{}`", name.escape_debug()), help);
        }
        name.to_owned()
    }

    /// The environments that a list names, each once.
    fn known_environments(&mut self, path: &Path, texts: Option<&[String]>) -> Vec<Name> {
        let Some(texts) = texts else { return Vec::new() };
        if texts.is_empty() {
            self.report(path, format!("`{path}` names none: the job would never run"), "name one, or leave it out");
        }
        let (mut seen, mut names) = (BTreeSet::new(), Vec::new());
        for (index, text) in texts.iter().enumerate() {
            let path = path.index(index);
            if !seen.insert(text) {
                self.report(&path, format!("`{}` is listed twice", text.escape_debug()), "leave one out");
            } else if self.facts.environments.contains(text) {
                // A bad name has been reported where it is declared.
                names.extend(Name::new(text).ok());
            } else {
                let known = self.facts.environments.iter().map(String::as_str);
                let help = nearest(text, known).map_or_else(
                    || format!("declare it: `[environments.{}]`", text.escape_debug()),
                    |name| format!("did you mean `{name}`?"),
                );
                self.report(&path, format!("there is no environment `{}`", text.escape_debug()), help);
            }
        }
        names
    }
}
