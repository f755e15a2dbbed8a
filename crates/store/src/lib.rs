//! What Seaworthy remembers: blobs by content on the file system, and everything else in one SQLite database.

mod apps;
pub mod blobs;
mod builds;
mod database;
mod deployments;
mod environments;
mod error;
mod garbage;
mod images;
mod jobs;
mod journal;
mod json;
pub mod layers;
mod manifests;
mod reach;
mod releases;
mod revisions;
pub mod routes;
mod runs;
mod sweep;
pub mod uploads;

pub use blobs::Blobs;
pub use database::Store;
pub use deployments::{Deployment, NewDeployment};
pub use environments::Environment;
pub use error::StoreError;
pub use garbage::{Collected, Keep};
pub use jobs::{JobPlace, JobRecord, JobRun, JobRunSelection};
pub use journal::StoredEvent;
pub use manifests::{ReleaseImage, StoredManifest};
pub use uploads::{UploadError, Uploads};
