//! The shell lines of a service's build or test, one after the other, and why they did not end well.

use crate::confinement::Excess;
use crate::progress::{Event, Step};
use crate::report::StepFailure;
use crate::service::{ServiceBuild, Stopped};
use crate::shell::{Failure, ShellLine};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::manifest::BuildNetwork;
use seaworthy_model::units::{format_duration, format_size};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Instant;

/// Lines to run in a service's folder.
pub(crate) struct Lines<'a> {
    pub(crate) of: &'a ServiceBuild<'a>,
    pub(crate) step: Step,
    pub(crate) folder: &'a Path,
    pub(crate) lines: &'a [String],
}

impl Lines<'_> {
    /// Runs them until one does not end well.
    pub(crate) fn run(&self) -> Result<(), Stopped> {
        if self.of.confinements.has_to_be_told() {
            self.of.tell(Event::NotLimited);
        }
        self.can_be_kept_off()?;
        let deadline = Instant::now() + self.of.request.limits.time_max;
        self.lines.iter().try_for_each(|line| self.line(line, deadline))
    }

    /// What shall reach nothing is not run where it would reach everything.
    fn can_be_kept_off(&self) -> Result<(), Diagnostic> {
        let of = self.of;
        let Some(why) = of.isolation.why_not.as_deref().filter(|_| of.service.build_network == BuildNetwork::None)
        else {
            return Ok(());
        };
        let message = format!("nothing keeps the build of `{}` off the network here: {why}", of.name);
        Err(Diagnostic::machine(message).help("build where there are namespaces, or leave `build_network` out"))
    }

    fn line(&self, line: &str, deadline: Instant) -> Result<(), Stopped> {
        let (of, step) = (self.of, self.step);
        let shell = ShellLine {
            line,
            folder: self.folder,
            isolation: of.isolation,
            network: of.service.build_network,
            confinements: of.confinements,
            limits: &of.request.limits,
            deadline,
            cancelled: &|| (of.stop)(),
            told: &|text| of.tell(Event::Line { service: of.name.clone(), step, text }),
        };
        shell.run().map_err(|failure| self.why(line, failure))
    }

    fn why(&self, line: &str, failure: Failure) -> Stopped {
        let limits = &self.of.request.limits;
        let (what, last) = match failure {
            Failure::Cancelled => return Stopped::Cancelled,
            Failure::Machine(error) => return error.into(),
            Failure::Status(status, last) => (format!("failed: {}", ending(status)), last),
            Failure::TooLong(last) => (format!("took longer than {}", format_duration(limits.time_max)), last),
            Failure::TooMuch(excess, last) => (too_much(excess, limits), last),
        };
        let word = if self.step == Step::Test { "test" } else { "build" };
        let path = &self.of.service.path;
        let command = if path == "." { line.to_owned() } else { format!("cd {path} && {line}") };
        let error = Diagnostic::user(format!("the {word} of `{}` {what}", self.of.name));
        let errors = vec![error.evidence(last).help(format!("run it by hand: `{command}`"))];
        Stopped::Failed(StepFailure::new(errors))
    }
}

/// What a step that took too much did.
pub(crate) fn too_much(excess: Excess, limits: &crate::StepLimits) -> String {
    match excess {
        Excess::Memory => {
            format!("wanted more than {} of memory and was stopped", format_size(limits.memory_bytes_max))
        }
        Excess::Processes => format!("wanted more than {} processes and was stopped", limits.processes_max),
        Excess::Output => format!("printed more than {} and was stopped", format_size(limits.output_bytes_max)),
    }
}

/// How a program ended.
pub(crate) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "it ended".to_owned(),
    }
}
