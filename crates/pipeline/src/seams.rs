//! What the caller lends to a build.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::oci::LayerDescriptor;
use seaworthy_image::{Source, Tree};
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::service::Base;
use seaworthy_model::verdict::TestCase;
use seaworthy_model::{Digest, ImageName, Name};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where content goes, and comes from again: the store of the user who builds.
pub trait BlobSink: Source + Sync {
    /// Keeps some bytes.
    ///
    /// # Errors
    /// When they cannot be kept.
    fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, Diagnostic>;

    /// Keeps what `write` writes, which may be large.
    ///
    /// # Errors
    /// Those of `write`, or when it cannot be kept.
    fn put_written(
        &self,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), Diagnostic>,
    ) -> Result<Digest, Diagnostic>;

    /// Whether this content is there already.
    fn contains(&self, digest: &Digest) -> bool;
}

/// Who knows what a Hurl file does.
pub trait Inspect: Sync {
    /// The HTTP methods that each file uses, in upper case, sorted, in the order of the files.
    ///
    /// # Errors
    /// When a file is no valid Hurl file: all of the errors.
    fn methods(&self, files: &[PathBuf]) -> Result<Vec<Vec<String>>, Vec<Diagnostic>>;
}

/// Who runs a release's functional checks, somewhere where nothing else depends on it.
pub trait Functional: Sync {
    /// What the answer depends on beside the release itself, as a text that changes when the answer might.
    ///
    /// # Errors
    /// When the checks cannot run at all.
    fn stands_for(&self, bundle: &ReleaseBundle) -> Result<String, Vec<Diagnostic>>;

    /// Runs them, and says what became of each; nothing is left behind, however it ends. It ends early when `stop` says
    /// so.
    ///
    /// # Errors
    /// [`FunctionalFailure`].
    fn run(
        &self,
        bundle: &ReleaseBundle,
        time_max: Duration,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<TestCase>, FunctionalFailure>;
}

/// Why functional checks did not pass.
#[derive(Debug)]
pub enum FunctionalFailure {
    /// The release did not do what they expect.
    Failed {
        /// What is wrong.
        errors: Vec<Diagnostic>,
        /// What became of each check.
        cases: Vec<TestCase>,
    },
    /// They could not run.
    Refused(Vec<Diagnostic>),
    /// Somebody asked to stop.
    Cancelled,
}

/// A layer that the files of a service are put on top of; its bytes are in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseLayer {
    /// The layer.
    pub layer: LayerDescriptor,
    /// What it is, for people and for the provenance: `python3 3.11.2-1 and 12 more from Debian bookworm`.
    pub what: String,
}

/// What the files of a service are put on top of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foundation {
    /// Its layers, the lowest first.
    pub layers: Vec<BaseLayer>,
    /// Variables that its programs expect, as `NAME=value`.
    pub environment: Vec<String>,
}

/// An image that runs as it is; it is whole in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenImage {
    /// The digest of its manifest, for this machine.
    pub image: Digest,
    /// What was asked for, with the digest that it has: `registry/name:tag@sha256:…`.
    pub name: String,
}

/// Who makes the bases of services, and has images.
pub trait Bases: Sync {
    /// What a base (`None`: the manifest names none) stands for now (versions that are locked, say), as a text that
    /// changes when its layers would: a build whose base still says the same is not repeated. Costs next to nothing.
    ///
    /// # Errors
    /// When the base cannot be had.
    fn stands_for(&self, service: &Name, base: Option<&Base>, sources: &Path) -> Result<String, Diagnostic>;

    /// The same once these layers were made of it: making them may have locked what they are. `None`: they are not what
    /// would be made now.
    ///
    /// # Errors
    /// When it cannot be found out.
    fn stands_for_made(
        &self,
        base: Option<&Base>,
        layers: &[BaseLayer],
        sources: &Path,
    ) -> Result<Option<String>, Diagnostic>;

    /// The layers of a base, put into the store, and what its programs expect; `files` are those of the service as they
    /// will lie in the image (`app/…`), for what they need of the base: a program's libraries, its interpreter.
    ///
    /// # Errors
    /// When the base cannot be had, or lacks what the files need.
    fn layers(
        &self,
        service: &Name,
        base: Option<&Base>,
        files: &Tree,
        sources: &Path,
    ) -> Result<Foundation, Diagnostic>;

    /// The image of this name, put into the store; what a tag means is looked up once.
    ///
    /// # Errors
    /// When it cannot be had, or is made for another machine.
    fn image(&self, service: &Name, image: &ImageName, sources: &Path) -> Result<GivenImage, Diagnostic>;
}

/// No bases at all: every image holds the service's own files and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBases;

impl Bases for NoBases {
    fn stands_for(&self, _service: &Name, _base: Option<&Base>, _sources: &Path) -> Result<String, Diagnostic> {
        Ok(String::new())
    }

    fn stands_for_made(
        &self,
        _base: Option<&Base>,
        _layers: &[BaseLayer],
        _sources: &Path,
    ) -> Result<Option<String>, Diagnostic> {
        Ok(None)
    }

    fn layers(
        &self,
        _service: &Name,
        _base: Option<&Base>,
        _files: &Tree,
        _sources: &Path,
    ) -> Result<Foundation, Diagnostic> {
        Ok(Foundation::default())
    }

    fn image(&self, service: &Name, _image: &ImageName, _sources: &Path) -> Result<GivenImage, Diagnostic> {
        let message = format!("`{service}` has `image`: only Linux runs images");
        Err(Diagnostic::user(message).help("deploy it to a node on Linux"))
    }
}
