//! What can go wrong between a name and a root filesystem.

use crate::format::ar::ArError;
use crate::format::deb822::Deb822Error;
use crate::format::relation::RelationError;
use crate::format::version::VersionError;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use std::error::Error as _;
use std::io;
use std::path::PathBuf;

/// Why something could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No configuration of apt is here, or it names no source of packages.
    #[error("this machine names no source of Debian packages")]
    NoSources,
    /// The machine's architecture is not one that Debian has.
    #[error("Debian has no packages for the architecture `{0}`")]
    Architecture(String),
    /// A source that cannot be used.
    #[error("the source `{source_line}` cannot be used: {what}")]
    Source {
        /// The source, without passwords.
        source_line: String,
        /// Why not.
        what: String,
    },
    /// A mirror that cannot be used.
    #[error("the mirror `{address}` cannot be used: {what}")]
    Mirror {
        /// Its address, without passwords.
        address: String,
        /// Why not.
        what: String,
    },
    /// A file of apt's configuration.
    #[error("`{}` is not valid: {what}", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Nothing to check a signature with.
    #[error("no key is known that `{archive}` could be checked with")]
    NoKeys {
        /// The suite.
        archive: String,
    },
    /// No good signature of a trusted key.
    #[error("the release file of `{archive}` is not signed by a key that is trusted")]
    Untrusted {
        /// The suite.
        archive: String,
        /// What became of each signature.
        signatures: Vec<String>,
    },
    /// Signed, but not what was asked for, or not now.
    #[error("the release file of `{archive}` is refused: {what}")]
    Refused {
        /// The suite.
        archive: String,
        /// Why.
        what: String,
        /// What to do.
        help: &'static str,
    },
    /// A file that came from the archive.
    #[error("`{what}` cannot be read")]
    Malformed {
        /// The file.
        what: String,
        /// Why not.
        source: Malformed,
    },
    /// Something else came than the archive promised.
    #[error("`{what}` is not what the archive promised: {detail}")]
    Mismatch {
        /// The file.
        what: String,
        /// Bytes or hashes: what was promised, what came.
        detail: String,
    },
    /// Something else came than the lock names.
    #[error("`{name}` {version} is not what `seaworthy.lock` names: {detail}")]
    NotAsLocked {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// Bytes or hashes: what came, what is locked.
        detail: String,
        /// Where it came from, without passwords.
        url: String,
    },
    /// No answer, or a bad one.
    #[error("`{url}` could not be fetched: {what}")]
    Fetch {
        /// Where it should have come from, without passwords.
        url: String,
        /// Why not.
        what: String,
        /// Whether the answer was that it is not there.
        missing: bool,
    },
    /// A name that no suite has.
    #[error("there is no package `{name}` in {suites}")]
    UnknownPackage {
        /// The name.
        name: String,
        /// Where it was looked for.
        suites: String,
        /// Known names that look like it.
        nearest: Vec<String>,
    },
    /// A dependency that no package fulfils.
    #[error("`{package}` needs `{relation}`, which cannot be had")]
    Unresolvable {
        /// Who needs.
        package: String,
        /// What.
        relation: String,
        /// Why each alternative is out, and who asked for the package.
        reasons: Vec<String>,
    },
    /// A locked package is no longer there.
    #[error("`{name}` {version} is locked, but no mirror has it any more")]
    Vanished {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// Where it was looked for.
        tried: Vec<String>,
    },
    /// The lock file.
    #[error("`seaworthy.lock` is not valid: {0}")]
    Lock(String),
    /// Two packages have the same file.
    #[error("`{one}` and `{other}` both have the file `/{path}`")]
    Overlap {
        /// The one that was there.
        one: String,
        /// The one that came.
        other: String,
        /// The file.
        path: String,
    },
    /// Libraries that no package is known for.
    #[error("no Debian package is known for {}", quoted(.0))]
    UnknownLibraries(Vec<String>),
    /// Too much of something.
    #[error("{what}: more than {most}")]
    Limit {
        /// Of what.
        what: String,
        /// How much is allowed.
        most: u64,
    },
    /// A file of this machine.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why bytes from the archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not the fields of a control file.
    #[error(transparent)]
    Fields(#[from] Deb822Error),
    /// Not the form of a package.
    #[error(transparent)]
    Archive(#[from] ArError),
    /// Not a dependency.
    #[error(transparent)]
    Relation(#[from] RelationError),
    /// Not a version.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// Truncated, or damaged.
    #[error("it is truncated or damaged: {0}")]
    Stream(#[from] io::Error),
    /// Something that must be there, or must not.
    #[error("{0}")]
    Content(String),
}

/// What helps where the machine knows no archive.
const MIRROR: &str = "name one in seaworthy.toml: `[debian]` with `mirror`, `suite` and `keys`";

/// Names in backticks, with commas between them.
pub(crate) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// Makes a file from the archive unreadable.
    pub(crate) fn malformed(what: impl Into<String>, source: impl Into<Malformed>) -> Self {
        Self::Malformed { what: what.into(), source: source.into() }
    }

    /// Makes a file from the archive unreadable, in words.
    pub(crate) fn content(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::malformed(what, Malformed::Content(detail.into()))
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoSources => MIRROR.to_owned(),
            Self::Architecture(_) => "use `base = \"scratch\"` or an image of a registry here".to_owned(),
            Self::Source { .. } => format!("correct it in /etc/apt, or {MIRROR}"),
            Self::Mirror { .. } => "correct `[debian]` in seaworthy.toml: `mirror`, `suite` and `keys`".to_owned(),
            Self::Configuration { path, .. } => format!("correct `{}`, or {MIRROR}", path.display()),
            Self::NoKeys { .. } => "install the package `debian-archive-keyring`, or name a file with the archive's \
                                    key: `keys` of `[debian]` in seaworthy.toml"
                .to_owned(),
            Self::Untrusted { .. } => "check that the mirror is the right one, and update the package \
                                       `debian-archive-keyring`, or the file `keys` of `[debian]` in seaworthy.toml"
                .to_owned(),
            Self::NotAsLocked { .. } => "take the file from version control again if somebody changed it; \
                                         `seaworthy build --update` locks what the archive has today"
                .to_owned(),
            Self::Refused { help, .. } => (*help).to_owned(),
            Self::Malformed { .. } | Self::Mismatch { .. } => {
                "try again later: a mirror may be in the middle of an update; else use another mirror".to_owned()
            }
            Self::Fetch { missing: true, .. } => "check the mirror's address, suite and components".to_owned(),
            Self::Fetch { .. } => "check the network and the proxy settings, then try again".to_owned(),
            Self::UnknownPackage { nearest, .. } if nearest.is_empty() => {
                "`apt-cache search WORD` and https://packages.debian.org know the names".to_owned()
            }
            Self::UnknownPackage { nearest, .. } => format!("the nearest names are {}", quoted(nearest)),
            Self::Unresolvable { .. } => "choose other packages, or add the suite that has it to the mirror".to_owned(),
            Self::Vanished { .. } => "`seaworthy build --update` locks the newest versions".to_owned(),
            Self::Lock(_) => "take the file from version control again, or remove it: then the newest versions are \
                              locked"
                .to_owned(),
            Self::Overlap { .. } => "leave one of the two out of `base`".to_owned(),
            Self::UnknownLibraries(_) => {
                "name the packages that have them in `base`, or link the program statically".to_owned()
            }
            Self::Limit { .. } => "ask for less".to_owned(),
            Self::File(_) => return None,
        })
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let evidence = match &error {
            Error::Untrusted { signatures: lines, .. }
            | Error::Unresolvable { reasons: lines, .. }
            | Error::Vanished { tried: lines, .. } => lines.clone(),
            Error::NotAsLocked { url, .. } => vec![format!("it came from {url}")],
            _ => Vec::new(),
        };
        if let Error::File(error) = error {
            return error.into();
        }
        let message = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        let diagnostic = match &error {
            Error::Fetch { missing: false, .. } | Error::Malformed { .. } | Error::Mismatch { .. } => {
                Self::machine(message).later()
            }
            Error::NoSources
            | Error::UnknownPackage { .. }
            | Error::Unresolvable { .. }
            | Error::Vanished { .. }
            | Error::Lock(_)
            | Error::NotAsLocked { .. }
            | Error::Mirror { .. }
            | Error::Overlap { .. }
            | Error::UnknownLibraries(_)
            | Error::Limit { .. } => Self::user(message),
            _ => Self::machine(message),
        };
        let diagnostic = diagnostic.evidence(evidence);
        match error.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}
