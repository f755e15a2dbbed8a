//! Images from registries: a name is resolved to a digest once, and what has that digest comes into the store, every
//! blob checked on its way. TLS but for the loopback, by rustls with ring.

mod challenge;
mod connection;
mod credentials;
mod error;
mod locked;
mod name;
mod pull;

pub use credentials::Credentials;
pub use error::PullError;
pub use locked::LockedImages;
pub use name::ImageName;
pub use pull::{Platform, Pulled, Puller};
