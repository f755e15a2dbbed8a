//! Images that were not made of `files`: those that run as they are, and what is common to all that others made.

use crate::cache::Whole;
use crate::image::{Made, Stored};
use crate::progress::Event;
use crate::report::Record;
use crate::service::{Kept, ServiceBuild, ServiceBuilt};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::limits::DOCUMENT_BYTES_MAX;
use seaworthy_image::provenance::Build;
use seaworthy_image::sbom::{Package, debian};
use seaworthy_image::{Image, Limits, Source, oci};
use seaworthy_model::release::Origin;
use seaworthy_model::{Digest, ImageName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Instant;

impl ServiceBuild<'_> {
    /// An image that runs as it is.
    pub(crate) fn given(&self, name: &ImageName) -> Result<ServiceBuilt, Diagnostic> {
        let (blobs, started) = (self.request.blobs, Instant::now());
        let given = self.request.bases.image(self.name, name, &self.source.folder)?;
        let key = Digest::of_json(&("image", &given.image));
        let known = self.cache.whole(&key, blobs);
        let unchanged = known.is_some();
        let whole = match known {
            Some(whole) => {
                self.tell(Event::Unchanged { service: self.name.clone() });
                whole
            }
            None => {
                let whole = Whole { built: Record::new(started.elapsed()), ..self.look_into(&given.image)? };
                self.cache.put_whole(&key, &whole)?;
                whole
            }
        };
        let made = self.foreign(&whole, Origin::Image(given.name.clone()))?;
        let (folder, kept) = (self.source.folder.clone(), Kept::Whole(whole));
        let (toolchains, last_kept) = (BTreeMap::new(), Mutex::default());
        Ok(ServiceBuilt { made, unchanged, kept, folder, base: given.name, toolchains, key: None, last_kept })
    }

    /// What an image that is in the store consists of.
    pub(crate) fn look_into(&self, name: &Digest) -> Result<Whole, Diagnostic> {
        let blobs = Stored(self.request.blobs);
        let image = oci::image(&blobs, name)?;
        let mut packages: BTreeSet<Package> = BTreeSet::new();
        for layer in &image.layers {
            packages.extend(debian::packages(&blobs, layer, &Limits::default())?);
        }
        let layers = image.layers.iter().map(|layer| layer.digest.clone());
        let parts = std::iter::once(image.config.clone()).chain(layers).collect();
        let (tool, built) = (BTreeMap::new(), Record::default());
        Ok(Whole { image: image.digest, blobs: parts, packages, tool, built, tested: None })
    }

    /// What belongs to an image that others made is made here.
    pub(crate) fn foreign(&self, whole: &Whole, origin: Origin) -> Result<Made, Diagnostic> {
        let blobs = Stored(self.request.blobs);
        let image = oci::image(&blobs, &whole.image)?;
        let run = self.run_of(&image)?;
        let size_bytes = blobs.bytes(&whole.image, DOCUMENT_BYTES_MAX)?.len() as u64;
        let build = Build {
            run: run.clone(),
            made_by: Some(origin.clone()),
            reproducible: matches!(origin, Origin::Image(_)),
            isolated: false,
            environment: BTreeMap::new(),
            ..self.provenance(&whole.tool)
        };
        let attachments = self.attachments((&whole.image, size_bytes), &whole.packages, &build)?;
        Ok(Made { image: whole.image.clone(), attachments, run, origin: Some(origin) })
    }

    /// What the manifest says that it runs, else what the image says.
    fn run_of(&self, image: &Image) -> Result<Vec<String>, Diagnostic> {
        let declared = &self.service.service.run;
        let run = if declared.is_empty() { &image.run } else { declared };
        if run.is_empty() {
            let message = format!("`{}` has no `run`, and its image says nothing either", self.name);
            return Err(
                Diagnostic::user(message).help("add the program and its arguments, such as `run = [\"nginx\"]`")
            );
        }
        Ok(run.clone())
    }
}
