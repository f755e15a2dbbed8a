//! From a name to the blobs of one platform's image.

use crate::connection::{Connection, agent, read};
use crate::{Credentials, PullError};
use seaworthy_image::links::{DOCUMENT_BYTES_MAX, Descriptor, Links, diff_ids};
use seaworthy_image::oci::{LayerDescriptor, architecture};
use seaworthy_model::{Digest, ImageName};
use seaworthy_store::{Blobs, StoreError};
use serde::Deserialize;
use std::fmt;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The largest layer, in bytes.
const LAYER_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The most layers of an image.
const LAYERS_MAX: usize = 512;
/// How many layers come at once.
const AT_ONCE: usize = 3;
/// How often a layer is begun again when the connection breaks.
const TRIES: u32 = 3;

/// What an image is made for, in the words of OCI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `amd64`, `arm64` and so on.
    pub architecture: String,
    /// `linux`.
    pub os: String,
}

impl Platform {
    /// Linux on this machine's processor.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self { architecture: architecture().to_owned(), os: "linux".to_owned() }
    }

    fn fits(&self, descriptor: &Descriptor) -> bool {
        let platform = descriptor.platform.as_ref();
        platform.is_some_and(|platform| platform.architecture == self.architecture && platform.os == self.os)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// An image that is in the store now: its manifest, its configuration and its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The manifest (of the platform, where the name means an index).
    pub manifest: Digest,
    /// The configuration: user, command, environment.
    pub config: Digest,
    /// The layers, lowest first.
    pub layers: Vec<LayerDescriptor>,
}

/// Pulls images, with the credentials of a user.
#[derive(Debug)]
pub struct Puller {
    credentials: Credentials,
}

impl Puller {
    /// Pulls with these credentials.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials }
    }

    /// What a name means now: its own digest, or what its tag points at.
    ///
    /// # Errors
    /// [`PullError`].
    pub fn resolve(&self, image: &ImageName) -> Result<Digest, PullError> {
        if let Some(digest) = &image.digest {
            return Ok(digest.clone());
        }
        let agent = agent(image);
        let connection = Connection::new(&agent, image, self.credentials.login(image)?);
        let tag = image.tag.as_deref().unwrap_or("latest");
        // Not what the registry says that it is, but what it is.
        let bytes = document(&connection, tag)?;
        Links::read(&bytes).map_err(|error| connection.odd(error.to_string()))?;
        Ok(Digest::of(&bytes))
    }

    /// Brings the image with this digest, for this platform, into the store. What is there already is not sent again.
    /// The manifest comes last: when it is there, everything is.
    ///
    /// # Errors
    /// [`PullError`]; blobs that came whole stay and are not needed by anything.
    pub fn pull(
        &self,
        image: &ImageName,
        digest: &Digest,
        platform: &Platform,
        blobs: &Blobs,
    ) -> Result<Pulled, PullError> {
        let image = ImageName { digest: Some(digest.clone()), ..image.clone() };
        let agent = agent(&image);
        let connection = Connection::new(&agent, &image, self.credentials.login(&image)?);
        let pulling = Pulling { connection, image: &image, platform, blobs };
        let mut bytes = pulling.document(digest)?;
        let mut references = pulling.read(&bytes)?;
        if references.is_index() {
            let chosen = pulling.choose(&references)?;
            bytes = pulling.document(&chosen)?;
            references = pulling.read(&bytes)?;
        }
        pulling.image(&bytes, &references)
    }
}

/// One pull.
struct Pulling<'a> {
    connection: Connection<'a>,
    image: &'a ImageName,
    platform: &'a Platform,
    blobs: &'a Blobs,
}

impl Pulling<'_> {
    /// A manifest or an index by its digest, from the store if it is there.
    fn document(&self, digest: &Digest) -> Result<Vec<u8>, PullError> {
        if self.blobs.renew(digest) {
            let (_, size_bytes) = self.blobs.open_blob(digest)?;
            if size_bytes <= DOCUMENT_BYTES_MAX {
                return Ok(self.blobs.read(digest)?);
            }
        }
        let bytes = document(&self.connection, &digest.to_string())?;
        self.check(digest, Digest::of(&bytes))?;
        Ok(bytes)
    }

    fn check(&self, expected: &Digest, actual: Digest) -> Result<(), PullError> {
        if *expected == actual {
            return Ok(());
        }
        Err(PullError::WrongDigest { image: self.image.to_string(), expected: expected.clone(), actual })
    }

    fn read(&self, bytes: &[u8]) -> Result<Links, PullError> {
        Links::read(bytes).map_err(|error| self.connection.odd(error.to_string()))
    }

    fn choose(&self, index: &Links) -> Result<Digest, PullError> {
        let found = index.manifests.iter().find(|descriptor| self.platform.fits(descriptor));
        found.map(|descriptor| descriptor.digest.clone()).ok_or_else(|| {
            let platforms = index.manifests.iter().filter_map(|descriptor| descriptor.platform.as_ref());
            let names: Vec<String> = platforms.map(|p| format!("`{}/{}`", p.os, p.architecture)).take(20).collect();
            self.wrong_platform(names.join(", "))
        })
    }

    fn wrong_platform(&self, there: String) -> PullError {
        PullError::Platform { image: self.image.to_string(), wanted: self.platform.to_string(), there }
    }

    fn image(&self, manifest: &[u8], references: &Links) -> Result<Pulled, PullError> {
        let odd = |why: &str| self.connection.odd(why.to_owned());
        let config = references.config.as_ref().ok_or_else(|| odd("its index points at an index"))?;
        if references.layers.len() > LAYERS_MAX {
            return Err(odd("it has too many layers"));
        }
        if config.size_bytes > DOCUMENT_BYTES_MAX {
            return Err(odd("its configuration is too large"));
        }
        self.blob(config, DOCUMENT_BYTES_MAX)?;
        let described = self.blobs.read(&config.digest)?;
        self.check_platform(&described)?;
        let diff_ids = diff_ids(&described);
        if diff_ids.len() != references.layers.len() {
            return Err(odd("its configuration does not name its layers"));
        }
        self.layers(&references.layers)?;
        let manifest = self.blobs.put_bytes(manifest)?;
        let layers = references.layers.iter().zip(diff_ids).map(|(layer, diff_id)| LayerDescriptor {
            digest: layer.digest.clone(),
            media_type: layer.media_type.clone(),
            size_bytes: layer.size_bytes,
            diff_id,
        });
        Ok(Pulled { manifest, config: config.digest.clone(), layers: layers.collect() })
    }

    /// A manifest without an index says only in its configuration what it is made for.
    fn check_platform(&self, config: &[u8]) -> Result<(), PullError> {
        #[derive(Deserialize)]
        struct Config {
            architecture: String,
            os: String,
        }
        let config: Config = serde_json::from_slice(config)
            .map_err(|error| self.connection.odd(format!("its configuration: {error}")))?;
        if config.architecture == self.platform.architecture && config.os == self.platform.os {
            return Ok(());
        }
        let there: String = format!("`{}/{}`", config.os, config.architecture).chars().take(80).collect();
        Err(self.wrong_platform(there))
    }

    /// All layers, some at once, until one fails.
    fn layers(&self, layers: &[Descriptor]) -> Result<(), PullError> {
        let waiting = Mutex::new(layers.iter());
        let failed = AtomicBool::new(false);
        let one_after_the_other = || {
            let next = || waiting.lock().ok()?.next();
            while let Some(layer) = next() {
                if failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                if let Err(error) = self.blob(layer, LAYER_BYTES_MAX) {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE.min(layers.len())).map(|_| scope.spawn(one_after_the_other)).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(self.connection.odd("its layers could not be taken".to_owned())))
            })
        })
    }

    /// One blob, which goes from the connection to the disk and is checked on the way.
    fn blob(&self, descriptor: &Descriptor, bytes_max: u64) -> Result<(), PullError> {
        let Descriptor { digest, size_bytes, .. } = descriptor;
        if self.blobs.renew(digest) {
            return Ok(());
        }
        if *size_bytes > bytes_max {
            return Err(self.connection.odd(format!("`{digest}` has {size_bytes} bytes, more than {bytes_max}")));
        }
        let mut tries = 1;
        loop {
            let response = self.connection.get(&format!("blobs/{digest}"))?;
            let broken = AtomicBool::new(false);
            let body = response.into_body().into_with_config().limit(u64::MAX).reader();
            let stored = self.blobs.put_stream(digest, *size_bytes, Watched { body, broken: &broken });
            match stored {
                Ok(_) => return Ok(()),
                Err(StoreError::WrongDigest { expected, actual }) => return self.check(&expected, actual),
                Err(StoreError::TooLarge { .. }) => {
                    return Err(self.connection.odd(format!("`{digest}` is longer than it says")));
                }
                Err(_) if broken.load(Ordering::Relaxed) && tries < TRIES => tries += 1,
                Err(_) if broken.load(Ordering::Relaxed) => {
                    return Err(self.connection.unreachable("the connection breaks again and again".to_owned()));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn document(connection: &Connection<'_>, reference: &str) -> Result<Vec<u8>, PullError> {
    let response = connection.get(&format!("manifests/{reference}"))?;
    read(response, DOCUMENT_BYTES_MAX).map_err(|why| connection.odd(why))
}

/// A body that remembers whether it was the connection that failed, and not the disk.
struct Watched<'a, R> {
    body: R,
    broken: &'a AtomicBool,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer);
        if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.broken.store(true, Ordering::Relaxed);
        }
        read
    }
}
