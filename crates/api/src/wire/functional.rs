//! Functional checks.

use seaworthy_diagnostics::Diagnostic;
use serde::{Deserialize, Serialize};

/// What became of a functional check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FunctionalCheck {
    /// Its file, as the user knows it.
    pub name: String,
    /// How long it took.
    pub took_ms: u64,
    /// What was not as expected, with request, expected and actual as evidence; empty: it passed.
    pub errors: Vec<Diagnostic>,
}
