//! From a service's files to its image, and what belongs to it: layers, documents, a bill of materials, a provenance.

use crate::cache::Entry;
use crate::report::Record;
use crate::seams::{BaseLayer, BlobSink, Foundation};
use crate::service::ServiceBuild;
use crate::{fingerprint, git, surroundings};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::oci::{Description, assemble};
use seaworthy_image::provenance::{self, Build};
use seaworthy_image::sbom::{self, Package, debian, lockfiles};
use seaworthy_image::{Attachment, Content, ImageError, Limits, Tree, attach, layer};
use seaworthy_model::Digest;
use seaworthy_model::manifest::{BuildNetwork, LOCK_FILE};
use seaworthy_model::release::Origin;
use seaworthy_model::service::Base;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// An image that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// The digest of its manifest.
    pub(crate) image: Digest,
    /// The manifests of what belongs to it.
    pub(crate) attachments: Vec<Digest>,
    /// What starts it.
    pub(crate) run: Vec<String>,
    /// Where it comes from, if it was not made of `files`.
    pub(crate) origin: Option<Origin>,
    /// Its commit does not say what it stands on.
    pub(crate) unlocked: bool,
}

/// What a result is found by that depends on nothing but what the files hold.
pub(crate) fn key_of_content(tree: &Tree, base: &str, packages: &BTreeSet<Package>) -> Result<Digest, Diagnostic> {
    let mut entries = BTreeMap::new();
    for (path, entry) in &tree.entries {
        let text = match entry {
            seaworthy_image::Entry::Directory { mode } => format!("folder {mode:o}"),
            seaworthy_image::Entry::Link { to } => format!("link {to}"),
            seaworthy_image::Entry::File { mode, content: Content::Path(from) } => {
                format!("file {mode:o} {}", fingerprint::content(from)?)
            }
            seaworthy_image::Entry::File { mode, content: Content::Bytes(bytes) } => {
                format!("file {mode:o} {}", Digest::of(bytes).hex())
            }
        };
        entries.insert(path, text);
    }
    Ok(Digest::of_json(&("files", entries, base, packages)))
}

/// What the lockfiles of a service name: those of its folder, and each kind that is not there in the nearest folder
/// above, where a workspace has it.
pub(crate) fn lockfile_packages(folder: &Path, scope: &Path) -> Result<BTreeSet<Package>, Diagnostic> {
    let mut packages = BTreeSet::new();
    let mut read: BTreeSet<String> = BTreeSet::new();
    for above in folder.ancestors().take_while(|above| above.starts_with(scope)) {
        let Ok(entries) = std::fs::read_dir(above) else { continue };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| lockfiles::is_one(name) && !read.contains(name));
        for name in names {
            let path = above.join(&name);
            if path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= lockfiles::BYTES_MAX) {
                let text = String::from_utf8_lossy(&seaworthy_host::files::read(&path)?).into_owned();
                packages.extend(lockfiles::packages(&name, &text)?);
                read.insert(name);
            }
        }
        if above == scope {
            break;
        }
    }
    Ok(packages)
}

impl ServiceBuild<'_> {
    /// Writes the layer of the files, and asks for those below it.
    pub(crate) fn layers(&self, tree: &Tree, mut packages: BTreeSet<Package>) -> Result<Entry, Diagnostic> {
        let blobs = self.request.blobs;
        let base = self.service.service.base.as_ref();
        let Foundation { layers: base, environment } =
            self.request.bases.layers(self.name, base, tree, self.source.for_bases())?;
        for base in &base {
            packages.extend(debian::packages(&Stored(blobs), &base.layer, &Limits::default())?);
        }
        let mut written = None;
        blobs.put_written(&mut |out| {
            written = Some(layer::write(tree, out)?);
            Ok(())
        })?;
        let files = written.ok_or_else(|| Diagnostic::machine("nothing was written"))?.into();
        Ok(Entry { base, environment, files, packages, built: Record::default(), tested: None })
    }

    /// Puts the documents of an image, and what belongs to it, into the store.
    pub(crate) fn make(&self, entry: &Entry, toolchains: &BTreeMap<String, String>) -> Result<Made, Diagnostic> {
        let blobs = self.request.blobs;
        let app = self.source.manifest.app.as_str();
        let environment = entry.environment.clone();
        let run = &self.service.service.run;
        let description = Description { environment, ..Description::new(app, self.name.as_str(), run) };
        let layers: Vec<_> = entry.base.iter().map(|base| base.layer.clone()).chain([entry.files.clone()]).collect();
        let written = assemble(&description, &layers)?;
        blobs.put_bytes(&written.config)?;
        let image = blobs.put_bytes(&written.manifest)?;
        let subject = (&image, written.manifest.len() as u64);
        let base = entry.base.iter().map(|base| (base.what.clone(), base.layer.digest.clone())).collect();
        let unlocked = self.is_unlocked(self.service.service.base.as_ref(), &entry.base)?;
        let build = Build { base, unlocked, ..self.provenance(toolchains) };
        let attachments = self.attachments(subject, &entry.packages, &build)?;
        Ok(Made { attachments, image, run: run.clone(), origin: None, unlocked })
    }

    /// Whether there is a commit, and what it stands on is not what the lock in that commit says.
    pub(crate) fn is_unlocked(&self, base: Option<&Base>, layers: &[BaseLayer]) -> Result<bool, Diagnostic> {
        let sources = self.source.for_bases();
        if self.source.provenance.commit.is_none() {
            return Ok(false);
        }
        let is_locked = self.request.bases.is_locked(base, layers, sources)?;
        // What stands on nothing needs no lock; a lock that git ignores is not in the commit.
        let needs_one = !layers.is_empty() || matches!(base, Some(Base::Image(name)) if !name.contains('@'));
        Ok(!is_locked || (needs_one && !git::knows(sources.folder, LOCK_FILE)))
    }

    /// Puts what belongs to an image into the store; the image is named by its manifest's digest and size.
    pub(crate) fn attachments(
        &self,
        (image, size_bytes): (&Digest, u64),
        packages: &BTreeSet<Package>,
        build: &Build,
    ) -> Result<Vec<Digest>, Diagnostic> {
        let blobs = self.request.blobs;
        let materials = sbom::write(self.name.as_str(), image, packages)?;
        let statement = provenance::write(image, build)?;
        let attachments = [(sbom::MEDIA_TYPE, materials), (provenance::MEDIA_TYPE, statement)];
        let keep = |(kind, content)| keep(blobs, &attach((image, size_bytes), kind, content)?);
        attachments.into_iter().map(keep).collect()
    }

    /// What is known of every build.
    pub(crate) fn provenance(&self, toolchains: &BTreeMap<String, String>) -> Build {
        let origin = &self.source.provenance;
        let fixed = surroundings::fixed().map(|(name, value)| (name.to_owned(), value));
        let shown = |source: &seaworthy_model::manifest::FileSource| match &source.to {
            Some(to) => format!("{} to {to}", source.from),
            None => source.from.clone(),
        };
        Build {
            app: self.source.manifest.app.to_string(),
            service: self.name.to_string(),
            build: self.service.build.clone(),
            files: self.service.files.iter().map(shown).collect(),
            run: self.service.service.run.clone(),
            commit: origin.commit.clone(),
            dirty: origin.dirty,
            unlocked: false,
            isolated: self.isolation.place().is_some(),
            offline: self.service.build_network == BuildNetwork::None,
            environment: fixed.into(),
            toolchains: toolchains.clone(),
            base: Vec::new(),
            made_by: None,
            reproducible: true,
            times: None,
        }
    }
}

fn keep(blobs: &dyn BlobSink, attachment: &Attachment) -> Result<Digest, Diagnostic> {
    for blob in attachment.blobs() {
        blobs.put_bytes(blob)?;
    }
    Ok(attachment.digest())
}

/// The store, as a source alone.
pub(crate) struct Stored<'a>(pub(crate) &'a dyn BlobSink);

impl seaworthy_image::Source for Stored<'_> {
    fn open(&self, digest: &Digest) -> Result<Box<dyn std::io::Read + '_>, ImageError> {
        self.0.open(digest)
    }
}
