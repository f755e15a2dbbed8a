//! Who says that these are the archive's packages: signatures, dates and hashes.

pub mod cleartext;
mod keyring;
pub mod release;

pub use keyring::Keyring;
