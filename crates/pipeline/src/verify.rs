//! Is what is built the same every time? Builds twice, from nothing, in two folders, and compares.

use crate::build::{self, Request};
use crate::cache::Cache;
use crate::image::Made;
use crate::source::Source;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_image::difference::{Side, first};
use seaworthy_image::{Limits, oci};
use seaworthy_model::{Digest, Name};
use serde::Serialize;
use std::collections::BTreeMap;

/// What two builds of one service made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The image of the first.
    pub first: Digest,
    /// The image of the second.
    pub second: Digest,
    /// The first difference, in words; `None` when there is none.
    pub difference: Option<String>,
}

/// Builds every service twice: each time a copy of the sources in a folder of its own, nothing of earlier builds at
/// hand but what toolchains keep for themselves. Tests do not run.
///
/// # Errors
/// As for [`build::build`].
pub fn verify(request: &Request<'_>) -> Result<BTreeMap<Name, Verified>, Vec<Diagnostic>> {
    let one = |error: Diagnostic| vec![error];
    let once = |number: u32| -> Result<BTreeMap<Name, Made>, Vec<Diagnostic>> {
        let place = request.cache.join("verify").join(format!("{}-{number}", std::process::id()));
        let _gone = Gone(&place);
        let mut source = Source::copy(request.manifest_file, request.of, &place)?;
        let cache = Cache::open(request.cache, false).map_err(one)?;
        source.manifest.services.retain(|_, service| service.dockerfile.is_none());
        let request = Request { test: false, ..*request };
        build::images(&request, &source, &cache)
    };
    let (first_images, second_images) = (once(1)?, once(2)?);
    let mut verified = BTreeMap::new();
    for (name, made) in first_images {
        let Some(second) = second_images.get(&name) else { continue };
        let difference = difference(request, &made.image, &second.image).map_err(one)?;
        verified.insert(name, Verified { first: made.image, second: second.image.clone(), difference });
    }
    Ok(verified)
}

fn difference(request: &Request<'_>, left: &Digest, right: &Digest) -> Result<Option<String>, Diagnostic> {
    if left == right {
        return Ok(None);
    }
    let (left, right) = (oci::image(request.blobs, left)?, oci::image(request.blobs, right)?);
    let side = |image| Side { source: request.blobs, image };
    Ok(first(side(&left), side(&right), &Limits::default())?)
}

/// A folder that is removed in the end.
pub(crate) struct Gone<'a>(pub(crate) &'a std::path::Path);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let _ = files::remove_tree(self.0);
    }
}
