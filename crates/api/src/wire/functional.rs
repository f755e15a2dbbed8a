//! Functional checks.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use serde::{Deserialize, Serialize};

/// What became of a functional check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FunctionalCheck {
    /// Its name among the others: its file, where no other service has one of that name.
    pub name: String,
    /// Its file, as the user knows it.
    pub file: String,
    /// The service that it is about; `None`: it is about a route.
    pub service: Option<Name>,
    /// How long it took.
    pub took_ms: u64,
    /// What was not as expected, with request, expected and actual as evidence; empty: it passed.
    pub errors: Vec<Diagnostic>,
}
