//! What this process may use at most.

use nix::sys::resource::{Resource, setrlimit};

/// The address space, in bytes: answers are limited one by one, but a file may repeat a request without end.
const ADDRESS_SPACE_BYTES_MAX: u64 = 1 << 30;

/// Bounds memory, and leaves no core file behind, which would hold what the checks sent and received.
pub(crate) fn apply() -> Result<(), String> {
    let bounds = [(Resource::RLIMIT_AS, ADDRESS_SPACE_BYTES_MAX), (Resource::RLIMIT_CORE, 0)];
    for (resource, bound) in bounds {
        setrlimit(resource, bound, bound).map_err(|error| format!("cannot limit {resource:?} to {bound}: {error}"))?;
    }
    Ok(())
}
