//! Images from registries, and into them: a name is resolved to a digest once, and what has that digest comes into the
//! store, every blob checked on its way. TLS but for the loopback, by rustls with ring.

mod challenge;
mod connection;
mod credentials;
mod error;
mod locked;
mod pull;
mod push;

pub use credentials::Credentials;
pub use error::PullError;
pub use locked::LockedImages;
pub use pull::{Platform, Pulled, Puller};
pub use push::Pusher;
