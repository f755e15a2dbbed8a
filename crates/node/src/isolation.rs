//! What keeps instances apart on this machine.

use crate::supervise;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::LocalTarget;

/// Asks for nothing but users and folders, where it says `none`.
const VARIABLE: &str = "SEAWORTHY_ISOLATION";

/// What keeps instances apart here.
#[derive(Debug, Clone)]
pub(crate) enum Isolation {
    /// Users and folders.
    Process,
    /// Sandboxes.
    Sandbox,
    /// Users and folders, because this machine does not give what was asked for.
    Missing(Box<Diagnostic>),
}

impl Isolation {
    /// Finds out what the machine gives, and says so when that is less than a sandbox.
    pub(crate) fn find(engine: &LocalTarget) -> Self {
        if std::env::var_os(VARIABLE).is_some_and(|value| value == "none") {
            return Self::Process;
        }
        match engine.capabilities().sandbox() {
            Ok(()) => Self::Sandbox,
            Err(problem) => {
                supervise::complain(&problem);
                Self::Missing(Box::new(problem))
            }
        }
    }

    pub(crate) fn is_sandbox(&self) -> bool {
        matches!(self, Self::Sandbox)
    }

    /// As the node's own description has it.
    pub(crate) fn name(&self) -> &'static str {
        if self.is_sandbox() { "sandbox" } else { "none" }
    }

    /// What whoever looks at the node must know.
    pub(crate) fn warning(&self) -> Option<String> {
        let Self::Missing(problem) = self else { return None };
        Some(format!("nothing keeps services apart: {}; `seaworthy doctor` says how to get it", problem.message))
    }
}
