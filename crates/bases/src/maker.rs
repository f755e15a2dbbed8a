//! The maker of bases.

use crate::lock_file::LockFile;
use crate::made::Made;
use crate::{images, libraries, packages};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::Tree;
use seaworthy_model::service::Base;
use seaworthy_model::{ImageName, Name};
use seaworthy_pipeline::{BaseLayer, Bases, BlobSink, Foundation, GivenImage, Sources};
use seaworthy_pull::PullError;
use seaworthy_store::Blobs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Where things are kept.
#[derive(Debug, Clone)]
pub struct Places {
    /// The folder of the user's manifest: a lock that is not in the sources that are built is read and written there.
    pub manifest_folder: PathBuf,
    /// What is fetched, for every app of this user.
    pub downloads: PathBuf,
    /// What was made, beside the store that has the layers.
    pub cache: PathBuf,
}

/// What a maker tells while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseEvent {
    /// Packages, or what the tag of an image means, are looked up: the lock does not name them.
    Resolving {
        /// What was asked for.
        what: Vec<String>,
    },
    /// An image comes from its registry.
    Pulling {
        /// Its name, with its digest.
        image: String,
    },
    /// The lock was written.
    Locked {
        /// The file.
        file: PathBuf,
    },
    /// Packages are fetched, where they are not here, and made into a layer.
    Making {
        /// What the layer will hold: `python3 and 23 more packages, 14 MB`.
        what: String,
    },
    /// Something that the user should know.
    Notice(String),
}

/// Makes bases; services may ask at the same time.
pub struct BaseMaker<'a> {
    places: Places,
    blobs: &'a dyn BlobSink,
    /// The same store, for what comes from registries.
    store: &'a Blobs,
    /// Look everything up anew, and lock what is there today.
    update: bool,
    now: SystemTime,
    tell: &'a (dyn Fn(BaseEvent) + Sync),
    /// One base at a time: two services on the same one make it once.
    making: Mutex<Made>,
}

impl<'a> BaseMaker<'a> {
    /// A maker that puts layers into `blobs`, which is `store`. With `update` nothing that is locked counts.
    #[must_use]
    pub fn new(
        places: Places,
        blobs: &'a dyn BlobSink,
        store: &'a Blobs,
        update: bool,
        now: SystemTime,
        tell: &'a (dyn Fn(BaseEvent) + Sync),
    ) -> Self {
        let making = Mutex::new(Made::new(&places.cache));
        Self { places, blobs, store, update, now, tell, making }
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    pub(crate) fn blobs(&self) -> &dyn BlobSink {
        self.blobs
    }

    pub(crate) fn store(&self) -> &Blobs {
        self.store
    }

    pub(crate) fn update(&self) -> bool {
        self.update
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.now
    }

    pub(crate) fn tell(&self, event: BaseEvent) {
        (self.tell)(event);
    }

    /// A machine without an archive of packages still builds what its own libraries can run; only no sandbox can.
    fn library_packages(&self, service: &Name, files: &Tree, sources: Sources<'_>) -> Result<Vec<String>, Diagnostic> {
        let packages = libraries::packages_for(service, files, packages::suite(sources))?;
        if packages.is_empty() || packages::has_archive(self, sources)? {
            return Ok(packages);
        }
        let what = "no archive of Debian packages is known on this machine";
        self.tell(BaseEvent::Notice(format!("`{service}` gets no base: {what}; it cannot run in a sandbox")));
        Ok(Vec::new())
    }

    fn making(&self) -> MutexGuard<'_, Made> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The locks that count: that of the sources that are built, then the user's.
    pub(crate) fn locks(&self, sources: &Path) -> Result<Vec<LockFile>, Diagnostic> {
        let mut folders = vec![sources];
        if sources != self.places.manifest_folder {
            folders.push(&self.places.manifest_folder);
        }
        folders.into_iter().map(LockFile::read).collect()
    }
}

impl Bases for BaseMaker<'_> {
    fn stands_for(&self, _: &Name, base: Option<&Base>, sources: Sources<'_>) -> Result<String, Diagnostic> {
        match base {
            Some(Base::Scratch) => Ok("scratch".to_owned()),
            None | Some(Base::Packages(_)) => Ok(packages::stands_for(base, &self.locks(sources.folder)?, sources)),
            Some(Base::Image(name)) => images::stands_for(self, &parse(name)?, sources.folder),
        }
    }

    fn stands_for_made(
        &self,
        base: Option<&Base>,
        layers: &[BaseLayer],
        sources: Sources<'_>,
    ) -> Result<Option<String>, Diagnostic> {
        // What others make meanwhile is not waited for.
        let made = Made::new(&self.places.cache);
        match base {
            Some(Base::Scratch) => Ok(Some("scratch".to_owned())),
            Some(Base::Image(name)) => images::stands_for_made(self, &made, &parse(name)?, layers, sources.folder),
            None | Some(Base::Packages(_)) => {
                let locks = self.locks(sources.folder)?;
                let is_same = layers.iter().all(|layer| packages::is_locked(&made, layer, &locks, sources));
                Ok(is_same.then(|| packages::stands_for(base, &locks, sources)))
            }
        }
    }

    fn is_locked(&self, base: Option<&Base>, layers: &[BaseLayer], sources: Sources<'_>) -> Result<bool, Diagnostic> {
        match base {
            Some(Base::Scratch) => Ok(true),
            Some(Base::Image(name)) => {
                let name = parse(name)?;
                Ok(name.digest.is_some() || LockFile::read(sources.folder)?.images()?.digest(&name).is_some())
            }
            None | Some(Base::Packages(_)) if layers.is_empty() => Ok(true),
            None | Some(Base::Packages(_)) => {
                let (made, own) = (Made::new(&self.places.cache), [LockFile::read(sources.folder)?]);
                Ok(layers.iter().all(|layer| packages::is_locked(&made, layer, &own, sources)))
            }
        }
    }

    fn layers(
        &self,
        service: &Name,
        base: Option<&Base>,
        files: &Tree,
        sources: Sources<'_>,
    ) -> Result<Foundation, Diagnostic> {
        let wanted = match base {
            Some(Base::Packages(packages)) => packages.clone(),
            Some(Base::Scratch) => {
                libraries::refuse_needs(service, files)?;
                return Ok(Foundation::default());
            }
            None => self.library_packages(service, files, sources)?,
            Some(Base::Image(name)) => {
                return images::foundation(self, &mut self.making(), service, &parse(name)?, sources.folder);
            }
        };
        if wanted.is_empty() {
            return Ok(Foundation::default());
        }
        let mut made = self.making();
        let layer = packages::layer(self, &mut made, service, &wanted, sources)?;
        Ok(Foundation { layers: vec![layer], environment: Vec::new() })
    }

    fn image(&self, service: &Name, image: &ImageName, sources: Sources<'_>) -> Result<GivenImage, Diagnostic> {
        images::given(self, &mut self.making(), service, image, sources.folder)
    }
}

fn parse(name: &str) -> Result<ImageName, PullError> {
    Ok(ImageName::parse(name)?)
}
