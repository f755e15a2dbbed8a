//! Images: files in, deterministic OCI images with their bill of materials and provenance out. The same input gives the
//! same bytes, whatever the clock, the locale, the user and the order of directories.

mod archive;
mod attachment;
mod decode;
pub mod difference;
mod docker_archive;
mod entry;
mod error;
mod gzip;
mod hashed;
pub mod inspect;
pub mod layer;
pub mod layout;
pub mod limits;
pub mod links;
pub mod oci;
mod pax;
pub mod provenance;
pub mod sbom;
pub mod source;
pub mod tree;
pub mod unpack;

pub use attachment::{Attachment, attach};
pub use decode::Compressed;
pub use error::ImageError;
pub use layer::Layer;
pub use limits::Limits;
pub use oci::{Description, Image, references};
pub use source::Source;
pub use tree::{Content, Entry, Tree};
