//! What can go wrong with an image, and what to do about it.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use seaworthy_model::Digest;
use std::io;
use std::path::PathBuf;

/// What can go wrong with an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file system of this machine said no.
    #[error(transparent)]
    File(#[from] FileError),
    /// A stream broke off, or nothing can be written to it.
    #[error("cannot {action}")]
    Stream {
        /// What was tried, an infinitive.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A file was another one when its bytes were written than when it was looked at.
    #[error("`{}` changed while it was put into an image", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// An entry that no image may have.
    #[error("`{path}` cannot be in an image: {why}")]
    Entry {
        /// Its path in the image.
        path: String,
        /// Why not.
        why: &'static str,
    },
    /// A document that is not what the OCI image specification says.
    #[error("the {document} is not usable: {why}")]
    Document {
        /// `image manifest` and the like.
        document: &'static str,
        /// Why not.
        why: String,
    },
    /// An archive that is damaged, or holds what cannot be unpacked.
    #[error("a layer is not usable: {why}")]
    Archive {
        /// Why not, with the path where there is one.
        why: String,
    },
    /// A limit of [`crate::Limits`].
    #[error("a layer has {what}; the limit is {limit}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Content that is not what its name says.
    #[error("what is named `{expected}` is `{actual}`")]
    WrongDigest {
        /// The name.
        expected: Digest,
        /// What the bytes are.
        actual: Digest,
    },
    /// Content that is not here.
    #[error("`{digest}` is not here")]
    Missing {
        /// Its name.
        digest: Digest,
    },
    /// No image of an index is for this machine.
    #[error("none of the images is for `{wanted}`, only for {there}")]
    Platform {
        /// `linux/amd64` and the like.
        wanted: String,
        /// Those that there are.
        there: String,
    },
    /// A lockfile that is not what its name says.
    #[error("`{file}` cannot be read: {why}")]
    Lockfile {
        /// Its name.
        file: String,
        /// Why not.
        why: String,
    },
}

impl ImageError {
    /// Wraps an error of a stream.
    pub(crate) fn stream(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.downcast::<Self>() {
            // What a reader of ours refused came through somebody else's reader.
            Ok(own) => own,
            Err(source) => Self::Stream { action, source },
        }
    }

    /// The next thing to do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.help(),
            Self::Stream { .. } => "repeat the command; if it stays so, look at the disk with `df -h`".to_owned(),
            Self::Changed { .. } => "build again when nothing writes there any more".to_owned(),
            Self::Entry { .. } => "rename it, or leave it out of `files`".to_owned(),
            Self::Document { .. } | Self::Archive { .. } => {
                "build or pull the image again; if it stays so, whoever made it has to".to_owned()
            }
            Self::TooMuch { .. } => "put less into the image".to_owned(),
            Self::WrongDigest { .. } | Self::Missing { .. } => {
                "build it again: what is damaged or missing is made or sent again".to_owned()
            }
            Self::Platform { .. } => "choose an image that is made for this kind of machine, too".to_owned(),
            Self::Lockfile { .. } => "let its own tool write it again".to_owned(),
        };
        Some(text)
    }
}

impl From<ImageError> for Diagnostic {
    fn from(error: ImageError) -> Self {
        let help = error.help();
        let text = error.to_string();
        let diagnostic = match error {
            ImageError::File(error) => return error.into(),
            ImageError::Stream { source, .. } => Self::machine(format!("{text}: {source}")),
            ImageError::Changed { .. } | ImageError::Entry { .. } | ImageError::Lockfile { .. } => Self::user(text),
            _ => Self::machine(text),
        };
        match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}
