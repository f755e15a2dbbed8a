//! Packages in, the entries of a root filesystem out: what dpkg would unpack, without its scripts.
//!
//! No maintainer script runs, so what they would make is either made here (accounts, the bundle of certificates, the
//! folders of a Debian system) or absent, and that is meant: alternatives are not set (`/usr/bin/awk`, `/usr/bin/java`:
//! call `mawk`, `/usr/lib/jvm/…/bin/java`), there is no `/etc/ld.so.cache` (the loader looks in its own folders; for
//! others set `LD_LIBRARY_PATH`), and Python's modules are not compiled ahead.

mod keep;
mod merge;
mod synthesise;

use crate::deb::Deb;
use crate::lock::LockedBase;
use merge::Merge;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::tree::{Content, Entry, Tree};

/// What the tree is to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Manual pages, info files and all of `/usr/share/doc`; copyright files always stay.
    pub documentation: bool,
    /// Translations.
    pub locales: bool,
    /// `Origin`, such as `Debian`: the system's name in `/etc/os-release`, where no package has that file.
    pub origin: Option<String>,
    /// Its codename, such as `bookworm`.
    pub codename: Option<String>,
    /// Its version, such as `12.11`.
    pub version: Option<String>,
    /// Debian's name of the architecture.
    pub architecture: String,
}

impl Options {
    /// The least, for a base.
    #[must_use]
    pub fn of(base: &LockedBase) -> Self {
        Self {
            origin: base.origin.clone(),
            codename: base.codename.clone(),
            version: base.version.clone(),
            architecture: base.architecture.clone(),
            ..Self::default()
        }
    }
}

/// The root filesystem of these packages. Its files are in the cache that they were unpacked to; the order of the
/// packages does not matter.
///
/// # Errors
/// When two packages have the same file and neither replaces the other, or a file of theirs cannot be read.
pub fn rootfs(packages: &[Deb], options: &Options) -> Result<Tree, Diagnostic> {
    let mut sorted: Vec<&Deb> = packages.iter().collect();
    sorted.sort_by(|one, other| one.package.name.cmp(&other.package.name));
    let mut tree = Merge::new(&sorted, &synthesise::links())?.merged(options)?;
    for deb in &sorted {
        register(&mut tree, deb);
    }
    synthesise::add(&mut tree, options)?;
    Ok(tree)
}

/// Says in the way that images without dpkg do which packages are here: scanners look there.
fn register(tree: &mut Tree, deb: &Deb) {
    let folder = "var/lib/dpkg/status.d";
    let name = &deb.package.name;
    let mut add = |path: String, text: &str| {
        let content = Content::Bytes(format!("{}\n", text.trim_end()).into_bytes().into());
        tree.entries.insert(path, Entry::File { mode: 0o644, content });
    };
    add(format!("{folder}/{name}"), &deb.unpacked.control);
    if let Some(sums) = &deb.unpacked.md5sums {
        add(format!("{folder}/{name}.md5sums"), sums);
    }
}
