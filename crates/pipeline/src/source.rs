//! Where the source of a build lies, and where it comes from.

use crate::copy;
use crate::git::Repository;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::lock::Lock;
use seaworthy_host::{clock, files, peer};
use seaworthy_model::Digest;
use seaworthy_model::manifest::{Manifest, parse};
use seaworthy_model::release::Provenance;
use std::path::{Path, PathBuf};

/// The source of one build.
pub(crate) struct Source {
    /// The folder of the manifest; every path of it lies below.
    pub(crate) folder: PathBuf,
    /// The whole tree that a build may read: the repository's, else the manifest's folder.
    pub(crate) scope: PathBuf,
    /// The manifest that was read there.
    pub(crate) manifest: Manifest,
    /// Where it comes from.
    pub(crate) provenance: Provenance,
    /// Keeps others from changing the checkout meanwhile.
    _lock: Option<Lock>,
}

impl Source {
    /// The working tree that the manifest lies in, or (where there is a commit) a checkout of the commit of HEAD.
    pub(crate) fn open(manifest_file: &Path, commit: bool, cache: &Path) -> Result<Self, Vec<Diagnostic>> {
        let one = |error: Diagnostic| vec![error];
        let (folder, file_name) = locate(manifest_file).map_err(one)?;
        let Some(repository) = Repository::of(&folder).map_err(one)? else {
            let manifest = read(manifest_file, &folder.join(&file_name))?;
            let user = peer::user_name(peer::effective_uid()).unwrap_or_else(|| peer::effective_uid().to_string());
            let source = format!("path:{user}:{}", folder.join(&file_name).display());
            let provenance = provenance(None, false, source);
            return Ok(Self { scope: folder.clone(), folder, manifest, provenance, _lock: None });
        };
        let top = repository.top.canonicalize().unwrap_or_else(|_| repository.top.clone());
        let within = folder.strip_prefix(&top).unwrap_or(Path::new("")).to_owned();
        let source = format!("git:{}:{}", repository.first_commit, within.join(&file_name).display());
        if !commit {
            let manifest = read(manifest_file, &folder.join(&file_name))?;
            let dirty = repository.is_dirty(&folder).map_err(one)?;
            let provenance = provenance(Some(repository.commit), dirty, source);
            return Ok(Self { folder, scope: top, manifest, provenance, _lock: None });
        }
        let (checkout, lock) = checkout(&repository, &top, cache).map_err(one)?;
        let folder = checkout.join(within);
        if !folder.join(&file_name).is_file() {
            let short = &repository.commit[..repository.commit.len().min(12)];
            let message = format!("`{}` is not in the commit {short}", manifest_file.display());
            let help = "commit it; `seaworthy up dev` builds the working tree as it is";
            return Err(vec![Diagnostic::user(message).help(help)]);
        }
        let manifest = read(manifest_file, &folder.join(&file_name))?;
        let provenance = provenance(Some(repository.commit), false, source);
        Ok(Self { folder, scope: checkout, manifest, provenance, _lock: Some(lock) })
    }
}

impl Source {
    /// A copy of the source in a new folder: of the commit of HEAD, or of the files of the working tree that no build
    /// has made.
    pub(crate) fn copy(manifest_file: &Path, commit: bool, to: &Path) -> Result<Self, Vec<Diagnostic>> {
        let one = |error: Diagnostic| vec![error];
        let (folder, file_name) = locate(manifest_file).map_err(one)?;
        let repository = Repository::of(&folder).map_err(one)?;
        let top = repository.as_ref().map_or_else(|| folder.clone(), |repository| repository.top.clone());
        let top = top.canonicalize().unwrap_or(top);
        let within = folder.strip_prefix(&top).unwrap_or(Path::new("")).to_owned();
        files::create_directory(to, 0o700).map_err(|error| one(error.into()))?;
        match &repository {
            Some(repository) if commit => repository.export(to).map_err(one)?,
            _ => copy::files(&top, to).map_err(one)?,
        }
        let scope = to.canonicalize().unwrap_or_else(|_| to.to_owned());
        let folder = scope.join(within);
        let manifest = read(manifest_file, &folder.join(&file_name))?;
        let commit = repository.map(|repository| repository.commit);
        let provenance = provenance(commit, false, String::new());
        Ok(Self { folder, scope, manifest, provenance, _lock: None })
    }
}

/// The manifest's folder, without symbolic links, and the file's name.
fn locate(manifest_file: &Path) -> Result<(PathBuf, String), Diagnostic> {
    let missing = || {
        let message = format!("there is no `{}`", manifest_file.display());
        Diagnostic::user(message).help("`seaworthy init` writes one for what is here")
    };
    let name = manifest_file.file_name().and_then(|name| name.to_str()).ok_or_else(missing)?;
    let folder = manifest_file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder.canonicalize().map_err(|_| missing())?, name.to_owned()))
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

fn read(shown: &Path, file: &Path) -> Result<Manifest, Vec<Diagnostic>> {
    let bytes = files::read(file).map_err(|error| {
        if error.is_not_found() {
            let message = format!("there is no `{}`", shown.display());
            vec![Diagnostic::user(message).help("`seaworthy init` writes one for what is here")]
        } else {
            vec![error.into()]
        }
    })?;
    let text = String::from_utf8(bytes).map_err(|_| {
        let message = format!("`{}` is not UTF-8", shown.display());
        vec![Diagnostic::user(message).help("save it as UTF-8")]
    })?;
    parse(&shown.display().to_string(), &text)
}

fn provenance(commit: Option<String>, dirty: bool, source: String) -> Provenance {
    let platform = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    Provenance { commit, dirty, source, built_at: clock::rfc3339(clock::now()), platform }
}
