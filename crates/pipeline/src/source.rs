//! Where the source of a build lies, and where it comes from.

use crate::copy;
use crate::git::Repository;
use crate::progress::Event;
use crate::seams::Sources;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use seaworthy_host::lock::Lock;
use seaworthy_host::{clock, files, peer};
use seaworthy_model::manifest::{Manifest, ServiceSource, parse, place_of};
use seaworthy_model::release::Provenance;
use seaworthy_model::{Digest, Name};
use std::path::{Path, PathBuf};

/// Which state of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceOf {
    /// As it lies there.
    WorkingTree,
    /// A checkout of a commit, by any name that git knows: `HEAD`, a branch, an id.
    Commit(String),
}

impl SourceOf {
    /// The commit of HEAD.
    #[must_use]
    pub fn head() -> Self {
        Self::Commit("HEAD".to_owned())
    }

    /// The commit that everything is told by.
    fn revision(&self) -> &str {
        match self {
            Self::WorkingTree => "HEAD",
            Self::Commit(revision) => revision,
        }
    }
}

/// The source of one build.
pub(crate) struct Source {
    /// The folder of the manifest; every path of it lies below.
    pub(crate) folder: PathBuf,
    /// The whole tree that a build may read: the repository's, else the manifest's folder.
    pub(crate) scope: PathBuf,
    /// The manifest that was read there.
    pub(crate) manifest: Manifest,
    written: Written,
    /// Where it comes from.
    pub(crate) provenance: Provenance,
    /// Keeps others from changing the checkout meanwhile.
    lock: Option<Lock>,
}

/// A manifest as it is written: its file as the user knows it, and its text.
struct Written {
    file: String,
    text: String,
}

/// A source whose manifest is not read yet.
pub(crate) struct Found {
    folder: PathBuf,
    scope: PathBuf,
    manifest_file: PathBuf,
    file_name: String,
    lock: Option<Lock>,
    /// Where it comes from.
    pub(crate) provenance: Provenance,
}

impl Found {
    /// Reads its manifest.
    pub(crate) fn read(self) -> Result<Source, Vec<Diagnostic>> {
        let Self { folder, scope, manifest_file, file_name, lock, provenance } = self;
        let (manifest, written) = read(&manifest_file, &folder.join(&file_name))?;
        Ok(Source { folder, scope, manifest, written, provenance, lock })
    }
}

impl Source {
    /// The working tree that the manifest lies in, or (where there is a commit) a checkout of a commit; as far as it
    /// can be known without the manifest. Tells of changes that are in the working tree and not in the commit of HEAD.
    pub(crate) fn find(
        manifest_file: &Path,
        of: &SourceOf,
        cache: &Path,
        progress: &dyn Fn(Event),
    ) -> Result<Found, Vec<Diagnostic>> {
        let one = |error: Diagnostic| vec![error];
        let (folder, file_name) = locate(manifest_file).map_err(one)?;
        let shown = manifest_file.to_owned();
        let Some(repository) = Repository::of(&folder, of.revision()).map_err(one)? else {
            if let SourceOf::Commit(revision) = of
                && revision != "HEAD"
            {
                let error = Diagnostic::user(format!("there is no commit `{revision}`: no git repository is here"));
                return Err(one(error.help("`git init` makes one")));
            }
            there(&shown, &folder.join(&file_name)).map_err(one)?;
            let source = by_path(&folder.join(&file_name));
            let (scope, provenance) = (folder.clone(), provenance(None, false, source));
            return Ok(Found { scope, folder, manifest_file: shown, file_name, provenance, lock: None });
        };
        let top = repository.top.canonicalize().unwrap_or_else(|_| repository.top.clone());
        let within = folder.strip_prefix(&top).unwrap_or(Path::new("")).to_owned();
        let source = format!("git:{}:{}", repository.first_commit, within.join(&file_name).display());
        let before = Some(by_path(&folder.join(&file_name)));
        if *of == SourceOf::WorkingTree {
            there(&shown, &folder.join(&file_name)).map_err(one)?;
            let dirty = repository.is_dirty(&folder).map_err(one)?;
            let provenance = Provenance { folder: before, ..provenance(Some(repository.commit), dirty, source) };
            return Ok(Found { folder, scope: top, manifest_file: shown, file_name, provenance, lock: None });
        }
        let (checkout, lock) = checkout(&repository, &top, cache).map_err(one)?;
        let (working_tree, folder) = (folder, checkout.join(within));
        if !folder.join(&file_name).is_file() {
            let short = &repository.commit[..repository.commit.len().min(12)];
            let message = format!("`{}` is not in the commit {short}", manifest_file.display());
            let help = "commit it; `seaworthy up dev` builds the working tree as it is";
            return Err(vec![Diagnostic::user(message).help(help)]);
        }
        // What cannot be known is no reason not to build the commit.
        if *of == SourceOf::head() && repository.is_dirty(&working_tree).unwrap_or(false) {
            progress(Event::ChangesLeftOut);
        }
        let provenance = Provenance { folder: before, ..provenance(Some(repository.commit), false, source) };
        Ok(Found { folder, scope: checkout, manifest_file: shown, file_name, provenance, lock: Some(lock) })
    }

    /// What bases are made for.
    pub(crate) fn for_bases(&self) -> Sources<'_> {
        Sources { folder: &self.folder, debian: &self.manifest.debian }
    }

    /// Whether it is a checkout of our own, in which nobody edits.
    pub(crate) fn is_own(&self) -> bool {
        self.lock.is_some()
    }

    /// A copy of the source in a new folder: of a commit, or of the files of the working tree that no build has made.
    pub(crate) fn copy(manifest_file: &Path, of: &SourceOf, to: &Path) -> Result<Self, Vec<Diagnostic>> {
        let one = |error: Diagnostic| vec![error];
        let (folder, file_name) = locate(manifest_file).map_err(one)?;
        let repository = Repository::of(&folder, of.revision()).map_err(one)?;
        let top = repository.as_ref().map_or_else(|| folder.clone(), |repository| repository.top.clone());
        let top = top.canonicalize().unwrap_or(top);
        let within = folder.strip_prefix(&top).unwrap_or(Path::new("")).to_owned();
        files::create_directory(to, 0o700).map_err(|error| one(error.into()))?;
        match &repository {
            Some(repository) if *of != SourceOf::WorkingTree => repository.export(to).map_err(one)?,
            _ => copy::files(&top, to).map_err(one)?,
        }
        let scope = to.canonicalize().unwrap_or_else(|_| to.to_owned());
        let folder = scope.join(within);
        let (manifest, written) = read(manifest_file, &folder.join(&file_name))?;
        let commit = repository.map(|repository| repository.commit);
        let provenance = provenance(commit, false, String::new());
        Ok(Self { folder, scope, manifest, written, provenance, lock: None })
    }

    /// The folder of a service, without symbolic links, in the manifest's.
    pub(crate) fn folder_of(&self, name: &Name, service: &ServiceSource) -> Result<PathBuf, Diagnostic> {
        let wrong = |message: String, help: &str| Err(self.wrong(name, "path", message).help(help));
        let set = "set `path` to the folder where its source lies";
        let path = self.folder.join(&service.path);
        let folder = match path.canonicalize() {
            Ok(folder) => folder,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return wrong(format!("the folder `{}` of `{name}` is not there", service.path), set);
            }
            Err(error) => return Err(FileError::new("read", &path, error).into()),
        };
        if !folder.is_dir() {
            return wrong(format!("`{}` of `{name}` is no folder", service.path), set);
        }
        if !folder.starts_with(&self.folder) {
            let message = format!("the folder of `{name}` leads out to `{}`", folder.display());
            return wrong(message, "keep its source below the manifest's folder");
        }
        Ok(folder)
    }

    /// What the manifest says of a service, and what is not so.
    pub(crate) fn wrong(&self, service: &Name, key: &str, message: String) -> Diagnostic {
        let Written { file, text } = &self.written;
        Diagnostic::user(message).at(place_of(file, text, &["services", service.as_str(), key]))
    }
}

fn missing(shown: &Path) -> Diagnostic {
    let message = format!("there is no `{}`", shown.display());
    Diagnostic::user(message).help("`seaworthy init` writes one for what is here")
}

fn there(shown: &Path, file: &Path) -> Result<(), Diagnostic> {
    if file.symlink_metadata().is_ok() { Ok(()) } else { Err(missing(shown)) }
}

/// The manifest's folder, without symbolic links, and the file's name.
pub(crate) fn locate(manifest_file: &Path) -> Result<(PathBuf, String), Diagnostic> {
    let name = manifest_file.file_name().and_then(|name| name.to_str()).ok_or_else(|| missing(manifest_file))?;
    let folder = manifest_file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder.canonicalize().map_err(|_| missing(manifest_file))?, name.to_owned()))
}

/// The checkouts of a repository lie in one folder, named by its place, so that builds there go on from the last.
fn checkout(repository: &Repository, top: &Path, cache: &Path) -> Result<(PathBuf, Lock), Diagnostic> {
    let folder = cache.join("checkouts");
    files::create_directory(&folder, 0o700)?;
    let name = Digest::of(top.as_os_str().as_encoded_bytes()).short().to_owned();
    let lock = Lock::acquire(&folder.join(format!("{name}.lock")))?;
    let checkout = folder.canonicalize().unwrap_or(folder).join(name);
    repository.check_out(&checkout)?;
    Ok((checkout, lock))
}

fn read(shown: &Path, file: &Path) -> Result<(Manifest, Written), Vec<Diagnostic>> {
    let bytes =
        files::read(file).map_err(|error| vec![if error.is_not_found() { missing(shown) } else { error.into() }])?;
    let text = String::from_utf8(bytes).map_err(|_| {
        let message = format!("`{}` is not UTF-8", shown.display());
        vec![Diagnostic::user(message).help("save it as UTF-8")]
    })?;
    let file = shown.display().to_string();
    Ok((parse(&file, &text)?, Written { file, text }))
}

/// What an app without a commit is bound to.
fn by_path(file: &Path) -> String {
    let user = peer::user_name(peer::effective_uid()).unwrap_or_else(|| peer::effective_uid().to_string());
    format!("path:{user}:{}", file.display())
}

fn provenance(commit: Option<String>, dirty: bool, source: String) -> Provenance {
    let platform = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let built_at = clock::rfc3339(clock::now());
    Provenance { commit, dirty, unlocked: false, source, folder: None, built_at, platform }
}
