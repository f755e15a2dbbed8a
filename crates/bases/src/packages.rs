//! Debian packages as a layer.

use crate::lock_file::LockFile;
use crate::made::Made;
use crate::maker::{BaseEvent, BaseMaker};
use seaworthy_debian::{Archive, LockedBase, Mirror, Options, rootfs, this_architecture};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_image::layer;
use seaworthy_model::service::Base;
use seaworthy_model::{Digest, Name};
use seaworthy_pipeline::{BaseLayer, Sources};

/// The first grows whenever the same packages give another tree.
const FORMAT: (u32, u32) = (1, layer::FORMAT);

/// The most bytes of a keyring that a manifest names.
const KEYRING_BYTES_MAX: u64 = 8 << 20;

/// The layer of these packages: as the lock has them, else as the archive has them today.
pub(crate) fn layer(
    maker: &BaseMaker<'_>,
    made: &mut Made,
    service: &Name,
    packages: &[String],
    sources: Sources<'_>,
) -> Result<BaseLayer, Diagnostic> {
    let architecture = this_architecture()?;
    let mut locks = maker.locks(sources.folder)?;
    let locked = locks.iter().find_map(|lock| lock.base(packages, suite(sources), &architecture)).cloned();
    let base = match locked.filter(|_| !maker.update()) {
        Some(locked) => locked,
        None => resolve(maker, service, packages, &mut locks, sources)?,
    };
    let from = made_from(&base, sources);
    if let Some(layer) = made.get(&from).filter(|layer: &BaseLayer| maker.blobs().contains(&layer.layer.digest)) {
        return Ok(layer);
    }
    let layer = make(maker, service, &base, sources)?;
    made.put(&from, &layer)?;
    Ok(layer)
}

/// What a base stands for now: which packages those of a program's libraries are depends on the files; what the locks
/// say of any of them counts for all.
pub(crate) fn stands_for(base: Option<&Base>, locks: &[LockFile], sources: Sources<'_>) -> String {
    let mut texts: Vec<String> = locks.iter().filter(|lock| !lock.is_empty()).map(LockFile::text).collect();
    // The same whether one says it, or two do because it was committed meanwhile.
    texts.dedup();
    let (suite, documentation) = (suite(sources), sources.debian.documentation);
    Digest::of_json(&(FORMAT, base, suite, documentation, texts)).to_string()
}

/// Whether a layer is what the locks name for its packages.
pub(crate) fn is_locked(made: &Made, layer: &BaseLayer, locks: &[LockFile], sources: Sources<'_>) -> bool {
    let counts = |base: &LockedBase| {
        let first = locks.iter().find_map(|lock| lock.base(&base.packages, suite(sources), &base.architecture));
        first == Some(base)
    };
    let is_it = |base: &&LockedBase| {
        let known: Option<BaseLayer> = made.get(&made_from(base, sources));
        known.as_ref() == Some(layer)
    };
    locks.iter().flat_map(LockFile::bases).filter(is_it).any(counts)
}

/// What a layer is known by.
fn made_from(base: &LockedBase, sources: Sources<'_>) -> Digest {
    match sources.debian.documentation {
        true => Digest::of_json(&(FORMAT, base, "documentation")),
        false => Digest::of_json(&(FORMAT, base)),
    }
}

/// Whether there is anywhere to have packages from.
pub(crate) fn has_archive(maker: &BaseMaker<'_>, sources: Sources<'_>) -> Result<bool, Diagnostic> {
    Ok(archive(maker, sources)?.suite().is_some())
}

/// The suite that the manifest names; without one, whatever is locked counts.
pub(crate) fn suite(sources: Sources<'_>) -> Option<&str> {
    Some(sources.debian.mirror.as_ref()?.suites.first()?.as_str())
}

/// The archive that the manifest names, else the machine's.
fn archive(maker: &BaseMaker<'_>, sources: Sources<'_>) -> Result<Archive, Diagnostic> {
    let (downloads, now) = (&maker.places().downloads, maker.now());
    let Some(named) = &sources.debian.mirror else { return Archive::of_this_machine(downloads, now) };
    let keyrings = named.keys.iter().map(|file| keyring(sources, file)).collect::<Result<Vec<_>, _>>()?;
    let mirror = Mirror {
        uri: named.address.clone(),
        suites: named.suites.clone(),
        components: named.components.clone(),
        keyrings,
    };
    let mut mirrors = vec![mirror.clone()];
    if let (Some(uri), Some(main)) = (named.security.clone(), suite(sources)) {
        mirrors.push(Mirror { uri, suites: vec![format!("{main}-security")], ..mirror });
    }
    Archive::new(&mirrors, downloads, now)
}

fn keyring(sources: Sources<'_>, file: &str) -> Result<Vec<u8>, Diagnostic> {
    let path = sources.folder.join(file);
    let wrong = |what: &str| {
        let message = format!("`{file}`, the keyring of the mirror, {what}");
        let help =
            "put the archive's public keys there, as the package `debian-archive-keyring` has them, and commit it";
        Diagnostic::user(message).help(help)
    };
    match path.metadata() {
        Ok(metadata) if metadata.len() > KEYRING_BYTES_MAX || !metadata.is_file() => Err(wrong("is no keyring")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(wrong("is not there")),
        _ => Ok(files::read(&path)?),
    }
}

fn resolve(
    maker: &BaseMaker<'_>,
    service: &Name,
    packages: &[String],
    locks: &mut [LockFile],
    sources: Sources<'_>,
) -> Result<LockedBase, Diagnostic> {
    maker.tell(BaseEvent::Resolving { what: packages.to_vec() });
    let archive = archive(maker, sources)?;
    for notice in archive.notices() {
        maker.tell(BaseEvent::Notice(notice.clone()));
    }
    let base = archive.resolve(packages).map_err(|error| of_service(service, error))?;
    // The sources may be a checkout that nobody sees: the lock goes to where the user's manifest is.
    if let Some(lock) = locks.last_mut() {
        lock.set(base.clone())?;
        maker.tell(BaseEvent::Locked { file: lock.path().to_owned() });
    }
    Ok(base)
}

fn make(
    maker: &BaseMaker<'_>,
    service: &Name,
    base: &LockedBase,
    sources: Sources<'_>,
) -> Result<BaseLayer, Diagnostic> {
    let what = described(base);
    maker.tell(BaseEvent::Making { what: what.clone() });
    let options = Options { documentation: sources.debian.documentation, ..Options::of(base) };
    let packages = archive(maker, sources)?.fetch(base, &|_| {}).map_err(|error| of_service(service, error))?;
    let tree = rootfs(&packages, &options)?;
    let mut written = None;
    maker.blobs().put_written(&mut |out| {
        written = Some(layer::write(&tree, out)?);
        Ok(())
    })?;
    let layer = written.ok_or_else(|| Diagnostic::machine("nothing was written"))?.into();
    Ok(BaseLayer { layer, what })
}

/// For people and for the provenance.
fn described(base: &LockedBase) -> String {
    let (names, count) = (base.packages.join(", "), base.locked.len().saturating_sub(base.packages.len()));
    let origin = base.origin.as_deref().unwrap_or("the archive");
    let suite = base.codename.as_deref().unwrap_or(&base.suite);
    format!("{names} and {count} more packages of {origin} {suite}")
}

fn of_service(service: &Name, mut error: Diagnostic) -> Diagnostic {
    error.message = format!("the base of `{service}`: {}", error.message);
    error
}
