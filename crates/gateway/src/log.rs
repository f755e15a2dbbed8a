//! What the gateway's own processes say of themselves: lines on standard error, which is a file.

use std::fmt::Arguments;
use std::io::Write as _;

/// Writes one line with the time and the role.
pub(crate) fn line(role: &str, message: Arguments<'_>) {
    let time = seaworthy_host::clock::rfc3339(seaworthy_host::clock::now());
    // Nowhere to complain if this fails.
    let _ = writeln!(std::io::stderr(), "{time} gateway {role}[{}]: {message}", std::process::id());
}
