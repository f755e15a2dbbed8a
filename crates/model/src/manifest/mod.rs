//! `seaworthy.toml`: from text to typed values, with all of its errors at once.

mod typed;

pub use typed::{CheckSource, FileSource, Manifest, RouteSource, ServiceSource};

use seaworthy_diagnostics::Diagnostic;

/// The file's usual name.
pub const MANIFEST_FILE: &str = "seaworthy.toml";

/// Reads a manifest. `file` is its path as the user would type it, for messages.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file, each with its place.
pub fn parse(file: &str, text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    let _ = (file, text);
    Err(Vec::new())
}

/// The JSON Schema (2020-12) of the file, generated from the types that read it.
#[must_use]
pub fn schema() -> serde_json::Value {
    serde_json::Value::Null
}
