//! Debian packages as a layer.

use crate::lock_file::LockFile;
use crate::made::Made;
use crate::maker::{BaseEvent, BaseMaker};
use seaworthy_debian::{Archive, LockedBase, Options, rootfs, this_architecture};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::layer;
use seaworthy_model::{Digest, Name};
use seaworthy_pipeline::BaseLayer;
use std::path::Path;

/// Grows whenever the same packages give another layer.
pub(crate) const FORMAT: u32 = 1;

/// The layer of these packages: as the lock has them, else as the archive has them today.
pub(crate) fn layer(
    maker: &BaseMaker<'_>,
    made: &mut Made,
    service: &Name,
    packages: &[String],
    sources: &Path,
) -> Result<BaseLayer, Diagnostic> {
    let architecture = this_architecture()?;
    let mut locks = maker.locks(sources)?;
    let locked = locks.iter().find_map(|lock| lock.base(packages, None, &architecture)).cloned();
    let base = match locked.filter(|_| !maker.update()) {
        Some(locked) => locked,
        None => resolve(maker, service, packages, &mut locks)?,
    };
    let from = Digest::of_json(&(FORMAT, &base));
    if let Some(layer) = made.get(&from).filter(|layer: &BaseLayer| maker.blobs().contains(&layer.layer.digest)) {
        return Ok(layer);
    }
    let layer = make(maker, service, &base)?;
    made.put(&from, &layer)?;
    Ok(layer)
}

/// Whether a layer is what the locks name for its packages.
pub(crate) fn is_locked(made: &Made, layer: &BaseLayer, locks: &[LockFile]) -> bool {
    let counts = |base: &LockedBase| {
        let first = locks.iter().find_map(|lock| lock.base(&base.packages, None, &base.architecture));
        first == Some(base)
    };
    let is_it = |base: &&LockedBase| {
        let known: Option<BaseLayer> = made.get(&Digest::of_json(&(FORMAT, base)));
        known.as_ref() == Some(layer)
    };
    locks.iter().flat_map(LockFile::bases).filter(is_it).any(counts)
}

/// Whether there is anywhere to have packages from.
pub(crate) fn has_archive(maker: &BaseMaker<'_>) -> Result<bool, Diagnostic> {
    Ok(archive(maker)?.suite().is_some())
}

fn archive(maker: &BaseMaker<'_>) -> Result<Archive, Diagnostic> {
    Archive::of_this_machine(&maker.places().downloads, maker.now())
}

fn resolve(
    maker: &BaseMaker<'_>,
    service: &Name,
    packages: &[String],
    locks: &mut [LockFile],
) -> Result<LockedBase, Diagnostic> {
    maker.tell(BaseEvent::Resolving { what: packages.to_vec() });
    let archive = archive(maker)?;
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

fn make(maker: &BaseMaker<'_>, service: &Name, base: &LockedBase) -> Result<BaseLayer, Diagnostic> {
    let what = described(base);
    maker.tell(BaseEvent::Making { what: what.clone() });
    let packages = archive(maker)?.fetch(base, &|_| {}).map_err(|error| of_service(service, error))?;
    let tree = rootfs(&packages, &Options::of(base))?;
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
