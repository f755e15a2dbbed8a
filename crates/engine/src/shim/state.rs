//! What the shim leaves on disk for a node that finds it dead.

use crate::wire::{Exit, ExitRecord, ShimSpec, ShimState, VERSION};
use seaworthy_host::files::{self, FileError};

/// Writes `state.json`. Process ids mean nothing after a reboot, so it need not outlive one. On a full disk the old one
/// stays: the node then finds the program by other traces.
pub(super) fn write_state(spec: &ShimSpec, state: &ShimState) -> Result<(), FileError> {
    let bytes = serde_json::to_vec(state).unwrap_or_default();
    files::write_volatile(&spec.directory.join(crate::folders::STATE_FILE), &bytes, 0o600)
}

/// Writes `exit.json`.
pub(super) fn write_exit(spec: &ShimSpec, exit: &Exit) -> Result<(), FileError> {
    let record = ExitRecord { version: VERSION, token: spec.token.clone(), exit: exit.clone() };
    let bytes = serde_json::to_vec(&record).unwrap_or_default();
    files::write_atomic(&spec.directory.join(crate::folders::EXIT_FILE), &bytes, 0o600)
}
