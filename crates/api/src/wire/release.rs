//! Sending releases.

use seaworthy_model::Digest;
use serde::{Deserialize, Serialize};

/// `POST /v1/blobs/missing`: asks which of these are missing; the answer has the same shape.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DigestList {
    /// The digests.
    pub digests: Vec<Digest>,
}

/// The answer to `POST /v1/releases` (whose body is a [`seaworthy_model::release::ReleaseBundle`]).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseAccepted {
    /// The release's name.
    pub release: Digest,
}
