//! Which images this user has built: a list for each app, beside the blobs.

use crate::exit::Ended;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::{create_directory, read_if_there, write_volatile};
use seaworthy_image::oci;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::{Digest, Name};
use seaworthy_store::Blobs;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How many images of one app are listed; the oldest go first.
const IMAGES_MAX: usize = 500;

/// An image that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuiltImage {
    /// The service.
    pub service: Name,
    /// The digest of the image's manifest.
    pub image: Digest,
    /// Its layers, compressed.
    pub size_bytes: u64,
    /// When it was built last, RFC 3339.
    pub built_at: String,
    /// The commit that it was built from then, if there was one.
    pub commit: Option<String>,
    /// Whether there were changes that no commit holds.
    pub dirty: bool,
    /// Whether something of that build stood on what no lock in the commit names.
    #[serde(default)]
    pub unlocked: bool,
    /// What belongs to it: the manifests of its bill of materials and of its provenance.
    pub attachments: Vec<Digest>,
}

/// Puts the images of a build at the top of the list.
pub(crate) fn remember(folder: &Path, blobs: &Blobs, bundle: &ReleaseBundle) -> Result<(), Ended> {
    let failed = |error: Diagnostic| Ended::failed(error);
    let before = list(folder, &bundle.release.app)?;
    let mut images = Vec::new();
    for (service, made) in &bundle.release.services {
        let image = oci::image(blobs, &made.image).map_err(|error| failed(error.into()))?;
        images.push(BuiltImage {
            service: service.clone(),
            image: made.image.clone(),
            size_bytes: image.layers.iter().map(|layer| layer.size_bytes).sum(),
            built_at: bundle.provenance.built_at.clone(),
            commit: bundle.provenance.commit.clone(),
            dirty: bundle.provenance.dirty,
            unlocked: bundle.provenance.unlocked,
            attachments: bundle.attachments.get(service).cloned().unwrap_or_default(),
        });
    }
    let is_new = |old: &BuiltImage| images.iter().any(|new| (&new.service, &new.image) == (&old.service, &old.image));
    let kept: Vec<BuiltImage> = before.into_iter().filter(|old| !is_new(old)).collect();
    images.extend(kept);
    images.truncate(IMAGES_MAX);
    let text = serde_json::to_vec(&images).map_err(|error| failed(Diagnostic::machine(error.to_string())))?;
    let path = path(folder, &bundle.release.app);
    let made = create_directory(&folder.join("images"), 0o700).and_then(|()| write_volatile(&path, &text, 0o600));
    made.map_err(|error| failed(error.into()))
}

/// The images of an app, the newest first. A list that cannot be read counts as none: the next build begins another.
pub(crate) fn list(folder: &Path, app: &Name) -> Result<Vec<BuiltImage>, Ended> {
    let bytes = read_if_there(&path(folder, app)).map_err(|error| Ended::failed(error.into()))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// The newest image of a service, or the one whose digest begins so.
pub(crate) fn find(folder: &Path, app: &Name, wanted: &str) -> Result<BuiltImage, Ended> {
    let images = list(folder, app)?;
    let by_service = images.iter().find(|image| image.service.as_str() == wanted);
    let hex = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let by_digest = || images.iter().find(|image| hex.len() >= 4 && image.image.hex().starts_with(hex));
    by_service.or_else(by_digest).cloned().ok_or_else(|| {
        let error = Diagnostic::user(format!("no image `{wanted}` of `{app}` was built here"));
        Ended::failed(error.help("`seaworthy build` builds them; `seaworthy image ls` shows those that there are"))
    })
}

fn path(folder: &Path, app: &Name) -> PathBuf {
    folder.join("images").join(format!("{app}.json"))
}
