//! What can go wrong when an image is pulled or pushed, and what to do about it.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Digest;
use seaworthy_model::image_name::ImageNameError;
use seaworthy_store::StoreError;

/// What can go wrong when an image is pulled or pushed.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// A text that names no image.
    #[error("`{name}` is not the name of an image: {why}")]
    Name {
        /// The text.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The registry does not have it.
    #[error("`{image}` is not in its registry")]
    Missing {
        /// The image.
        image: String,
    },
    /// The registry wants to know who asks, or does not let them.
    #[error("the registry `{registry}` does not give out `{image}`: {status}")]
    Denied {
        /// The registry.
        registry: String,
        /// The image.
        image: String,
        /// What it answered.
        status: u16,
        /// Whether credentials for it were found.
        known: bool,
    },
    /// The registry does not take it from whoever this is.
    #[error("the registry `{registry}` does not take `{image}`: {status}")]
    NotTaken {
        /// The registry.
        registry: String,
        /// The image.
        image: String,
        /// What it answered.
        status: u16,
        /// Whether credentials for it were found.
        known: bool,
    },
    /// Credentials that only another program can give.
    #[error("the credentials for `{registry}` are kept by `docker-credential-{helper}`, which is not asked")]
    Helper {
        /// The registry.
        registry: String,
        /// The program's name.
        helper: String,
    },
    /// A file of credentials that cannot be read.
    #[error("the credentials in `{path}` cannot be read: {why}")]
    Credentials {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
    /// The registry cannot be reached, or broke off.
    #[error("the registry `{registry}` cannot be reached: {why}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// Why not.
        why: String,
    },
    /// The registry said something that does not fit.
    #[error("the registry `{registry}` gave something odd for `{image}`: {why}")]
    Odd {
        /// The registry.
        registry: String,
        /// The image.
        image: String,
        /// What.
        why: String,
    },
    /// What came is not what has the digest.
    #[error("what `{image}` names is `{expected}`, what came is `{actual}`")]
    WrongDigest {
        /// The image.
        image: String,
        /// What was wanted.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// Not made for this machine.
    #[error("`{image}` is not there for `{wanted}`, only for {there}")]
    Platform {
        /// The image.
        image: String,
        /// What was wanted.
        wanted: String,
        /// What there is.
        there: String,
    },
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ImageNameError> for PullError {
    fn from(ImageNameError { name, why }: ImageNameError) -> Self {
        Self::Name { name, why }
    }
}

impl From<PullError> for Diagnostic {
    fn from(error: PullError) -> Self {
        let text = error.to_string();
        match error {
            PullError::Name { .. } => {
                Self::user(text).help("write the registry, too: `docker.io/library/debian:12`, `ghcr.io/team/web@sha256:…`")
            }
            PullError::Missing { .. } => {
                Self::user(text).help("look at its name and its tag; where it was deleted, choose another")
            }
            PullError::Denied { registry, known: true, .. } | PullError::NotTaken { registry, known: true, .. } => {
                let again = format!("log in again, `podman login {registry}`");
                Self::user(text).help(format!("the credentials for it may not, or are out of date: {again}"))
            }
            PullError::Denied { registry, .. } | PullError::NotTaken { registry, .. } => {
                let podman = format!("`podman login --authfile ~/.docker/config.json {registry}`");
                Self::user(text).help(format!("log in: {podman} or `docker login {registry}`"))
            }
            PullError::Helper { registry, .. } => Self::user(text).help(format!(
                "log in without it: `podman login --authfile auth.json {registry}`, and set REGISTRY_AUTH_FILE=auth.json"
            )),
            PullError::Credentials { .. } => Self::user(text).help("repair the file, or log in again"),
            PullError::Unreachable { .. } => {
                Self::machine(text).help("is the network there, and HTTPS_PROXY right?").later()
            }
            PullError::Odd { .. } => Self::machine(text).help("is it a registry, and the image an OCI or Docker image?"),
            PullError::WrongDigest { .. } => {
                Self::machine(text).help("it was changed on the way or in the registry: do not use it").later()
            }
            PullError::Platform { .. } => Self::user(text).help("choose an image that is made for this machine"),
            PullError::Store(error) => error.into(),
        }
    }
}
