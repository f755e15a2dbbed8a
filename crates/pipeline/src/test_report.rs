//! The report that a service's tests write, where `junit` says that they do.

use crate::collect::matching;
use crate::service::ServiceBuild;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::verdict::TestCase;
use seaworthy_reports::junit::{Problem, Report, read, relocate};
use seaworthy_reports::limits::REPORT_BYTES_MAX;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The most files that are read.
const FILES_MAX: usize = 1000;
/// The most evidence of a test that is shown with it, in lines.
const LINES_MAX: usize = 40;

/// A file's identity: another one means that it was written anew.
type Stamp = (u64, u64, i64, i64);

/// The reports that were there before the tests ran: they say nothing about this run. They are not removed, because a
/// pattern that is written wrong would remove what nobody can bring back.
pub(crate) struct Before<'a> {
    folder: &'a Path,
    pattern: &'a str,
    stamps: BTreeMap<String, Option<Stamp>>,
}

/// What the reports of one run say.
#[derive(Debug, Default)]
pub(crate) struct TestReport {
    /// The tests.
    pub(crate) cases: Vec<TestCase>,
    /// What is wrong with the report itself.
    pub(crate) problem: Option<String>,
}

impl<'a> Before<'a> {
    /// Looks at what is there; `None` where no report is declared.
    pub(crate) fn look(of: &ServiceBuild<'a>, folder: &'a Path) -> Result<Option<Self>, Diagnostic> {
        let Some(pattern) = of.service.junit.as_deref() else { return Ok(None) };
        let stamps = matching(folder, pattern)?.into_iter().map(|name| {
            let stamp = stamp(&folder.join(&name));
            (name, stamp)
        });
        Ok(Some(Self { folder, pattern, stamps: stamps.collect() }))
    }

    /// Reads what was written since.
    pub(crate) fn read(&self, of: &ServiceBuild<'_>) -> Result<TestReport, Diagnostic> {
        let (mut report, mut problem, mut bytes_left) = (Report::default(), None, REPORT_BYTES_MAX);
        let names = matching(self.folder, self.pattern)?;
        let is_old = |name: &String| {
            let before = self.stamps.get(name);
            before.is_some_and(|before| before.is_some() && *before == stamp(&self.folder.join(name)))
        };
        let (old, new): (Vec<String>, Vec<String>) = names.into_iter().partition(is_old);
        for name in new.iter().take(FILES_MAX) {
            let said = self.file(name, &mut bytes_left);
            let wrong = said.problem.as_ref().map(|what| format!("`{name}`: {what}"));
            problem = problem.or(wrong);
            report.merge(said);
        }
        if new.len() > FILES_MAX {
            problem = problem.or_else(|| Some(format!("`{}` names more than {FILES_MAX} files", self.pattern)));
        }
        if problem.is_none() && new.is_empty() {
            let pattern = self.pattern;
            problem = Some(match old.len() {
                0 => format!("the tests wrote no `{pattern}`"),
                _ => format!("the tests did not write `{pattern}`: what lies there is older"),
            });
        } else if problem.is_none() && report.cases.is_empty() {
            problem = Some(format!("`{}` names no test", self.pattern));
        }
        let source = &of.source;
        let within = source.folder.strip_prefix(&source.scope).unwrap_or(Path::new(""));
        let seen = of.isolation.place().map(|place| place.join(within));
        let roots = [Some(source.folder.clone()), seen];
        let roots: Vec<String> = roots.into_iter().flatten().map(|root| root.to_string_lossy().into_owned()).collect();
        let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
        relocate(&mut report.cases, &roots, &of.service.path);
        Ok(TestReport { cases: report.cases, problem })
    }

    /// One file. Tests may have left anything there: a pipe that nobody writes to, a link to another place.
    fn file(&self, name: &str, bytes_left: &mut usize) -> Report {
        let path = self.folder.join(name);
        let outside = path.canonicalize().map_or(true, |real| !real.starts_with(self.folder));
        // Looked at before it is opened: opening a pipe waits for somebody who writes to it.
        let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
        let Some(file) = (is_file && !outside).then(|| File::open(&path).ok()).flatten() else {
            return Report { cases: Vec::new(), problem: Some(Problem::NoFile) };
        };
        let mut bytes = Vec::new();
        let room = u64::try_from(*bytes_left).unwrap_or(u64::MAX);
        if file.take(room.saturating_add(1)).read_to_end(&mut bytes).is_err() {
            return Report { cases: Vec::new(), problem: Some(Problem::NoFile) };
        }
        if bytes.len() > *bytes_left {
            return Report { cases: Vec::new(), problem: Some(Problem::TooLarge) };
        }
        *bytes_left -= bytes.len();
        read(&bytes)
    }
}

impl TestReport {
    /// The first test that did not pass, as a person reads it.
    pub(crate) fn first_failure(&self, by_hand: &str) -> Option<Diagnostic> {
        let case = self.cases.iter().find(|case| case.is_bad())?;
        let bad = self.cases.iter().filter(|case| case.is_bad()).count();
        let others = match bad {
            1 => String::new(),
            2 => ", and one other".to_owned(),
            _ => format!(", and {} others", bad - 1),
        };
        let place = case.file.as_ref().map(|file| match case.line {
            Some(line) => format!(" ({file}:{line})"),
            None => format!(" ({file})"),
        });
        let place = place.unwrap_or_default();
        let why = case.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        let error = Diagnostic::user(format!("the test `{}`{place} failed{others}{why}", case.title()));
        let lines = case.details.iter().flat_map(|details| details.lines()).map(str::to_owned);
        let lines: Vec<String> = lines.take(LINES_MAX).collect();
        Some(error.evidence(lines).help(format!("run it by hand: `{by_hand}`")))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = path.metadata().ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}
