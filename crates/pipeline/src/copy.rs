//! Copies of a working tree: what somebody wrote, not what builds have made of it.

use crate::fingerprint::sources;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::{FileError, create_directory};
use std::path::Path;

/// Copies the source files below a folder into another one.
pub(crate) fn files(from: &Path, to: &Path) -> Result<(), Diagnostic> {
    for name in sources(from)? {
        let (source, copy) = (from.join(&name), to.join(&name));
        let wrong = |error| FileError::new("copy", &source, error);
        create_directory(copy.parent().unwrap_or(to), 0o755)?;
        if source.symlink_metadata().map_err(wrong)?.is_symlink() {
            let target = std::fs::read_link(&source).map_err(wrong)?;
            std::os::unix::fs::symlink(target, &copy).map_err(wrong)?;
        } else {
            std::fs::copy(&source, &copy).map_err(wrong)?;
        }
    }
    Ok(())
}
