//! How much of anything is taken from outside.

/// Packages that one base may ask for.
pub(crate) const REQUESTED_MAX: usize = 200;
/// Packages that one base may consist of.
pub(crate) const PACKAGES_MAX: usize = 2_000;
/// Alternatives of all the dependencies of one package.
pub(crate) const RELATIONS_MAX: usize = 4_096;
/// Fields of one paragraph.
pub(crate) const FIELDS_MAX: usize = 1_000;
/// Suites that one archive may have.
pub(crate) const SUITES_MAX: usize = 64;
/// Bytes of an `InRelease` file.
pub(crate) const RELEASE_BYTES_MAX: u64 = 16 << 20;
/// Signatures in one `InRelease` file that are looked at.
pub(crate) const SIGNATURES_MAX: usize = 32;
/// Bytes of a keyring.
pub(crate) const KEYRING_BYTES_MAX: u64 = 8 << 20;
/// Keys of a keyring.
pub(crate) const KEYS_MAX: usize = 512;
/// Bytes of a list of packages as it travels.
pub(crate) const INDEX_BYTES_MAX: u64 = 256 << 20;
/// Bytes of a list of packages when it is unpacked.
pub(crate) const INDEX_TEXT_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a package file.
pub(crate) const PACKAGE_BYTES_MAX: u64 = 2 << 30;
/// Bytes of the control part of a package when it is unpacked.
pub(crate) const CONTROL_BYTES_MAX: u64 = 64 << 20;
/// Bytes of the data part of a package when it is unpacked.
pub(crate) const DATA_BYTES_MAX: u64 = 8 << 30;
/// Entries of one package.
pub(crate) const ENTRIES_MAX: usize = 200_000;
/// Bytes of a path in a package.
pub(crate) const PATH_BYTES_MAX: usize = 4_096;
/// Bytes of memory that a decompressor's dictionary may take, in KiB for xz.
pub(crate) const DICTIONARY_KIB_MAX: u32 = 256 << 10;
/// Packages that are fetched and unpacked at the same time.
pub(crate) const FETCHES_AT_ONCE: usize = 4;
/// How often a transfer is tried.
pub(crate) const TRIES: u32 = 4;
/// Bytes of a configuration file of apt.
pub(crate) const CONFIGURATION_BYTES_MAX: u64 = 4 << 20;
/// Bytes of `seaworthy.lock`.
pub(crate) const LOCK_BYTES_MAX: usize = 16 << 20;
