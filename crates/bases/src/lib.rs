//! What images stand on: each base of a manifest is locked once, fetched once, and one layer from then on.
//!
//! The lock is `seaworthy.lock` beside the manifest. What it names gives the same bytes on every machine; what it does
//! not name yet is resolved now and written there, to be committed.

mod images;
mod libraries;
mod lock_file;
mod made;
mod maker;
mod packages;

pub use maker::{BaseEvent, BaseMaker, Places};
