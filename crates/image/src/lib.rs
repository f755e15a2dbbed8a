//! Images: files in, deterministic OCI images with their bill of materials and provenance out. The same input gives the
//! same bytes, whatever the clock, the locale, the user and the order of directories.

pub mod tree;
