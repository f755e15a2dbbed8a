//! What an instance finds in its sandbox, and what the sandbox is made of.

use super::engine::Engine;
use super::prepare::Placed;
use crate::layers::Layers;
use crate::materialise::unusable;
use crate::place::{HOME, Inside as InsideImage, Place, TEMPORARY};
use crate::program::{self, Runner};
use crate::wire::{Isolation, SandboxLimits, SandboxSpec};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::{self, FileError};
use seaworthy_host::peer;
use seaworthy_image::{Image, oci, unpack};
use seaworthy_model::pool::{PoolSpec, Sandbox};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The service's user inside where this process cannot give it an id of its own.
const USER: u32 = 1000;

/// What is decided elsewhere of what an instance finds.
pub(super) struct Inside {
    /// The service's user; `None`: this process's own.
    pub(super) user: Option<u32>,
    /// Names that resolve.
    pub(super) hosts: Vec<(IpAddr, String)>,
    /// Where somebody answers for names.
    pub(super) resolver: Option<IpAddr>,
}

/// Fills in where an instance of a pool finds everything inside. Nothing of the machine but volumes and the instance's
/// own copies is among it.
pub(super) fn place(
    engine: &Engine,
    spec: &PoolSpec,
    sandbox: &Sandbox,
    program: &str,
    id: &str,
    Inside { user, hosts, resolver }: Inside,
) -> Result<Placed, Diagnostic> {
    let folders = engine.folders.instance(id);
    let image = oci::image(&engine.options.blobs, &spec.image).map_err(|error| unusable(&spec.image, error))?;
    let layers = layers(engine, &image)?;
    let environment = variables(&image);
    let start = PathBuf::from(image.working_folder.as_deref().unwrap_or("/"));
    files::create_directory(&folders.staging, 0o700)?;
    let runner = Runner { user: Some(user.unwrap_or_else(peer::effective_uid)) };
    let found = InsideImage {
        layers: Layers(&layers),
        start: &start,
        search: environment.get("PATH").map_or(program::PATH, String::as_str),
        is_ours: image.is_ours,
    };
    let program = program::find(program, Place::Image(found), runner)?;
    let volumes = spec.volumes.iter();
    let outside = volumes.clone().map(|(name, path)| (PathBuf::from(path), engine.folders.volume(spec, name)));
    let limits = SandboxLimits {
        memory_bytes: sandbox.memory_bytes,
        cpu_millis: sandbox.cpu_millis,
        processes: engine.options.processes_max,
    };
    let made = SandboxSpec {
        hostname: spec.service.to_string(),
        layers,
        staging: folders.staging,
        user: user.unwrap_or(USER),
        volumes: outside.collect(),
        writable: writable(sandbox, &start, &folders.writable)?,
        hosts,
        resolver,
        limits,
        group: folders.group,
    };
    Ok(Placed {
        program,
        working_directory: start,
        home: HOME.into(),
        temporary: TEMPORARY.into(),
        volumes: volumes.map(|(name, path)| (name.clone(), path.into())).collect(),
        environment,
        isolation: Isolation::Sandbox(Box::new(made)),
    })
}

/// By path inside, the folder that holds the instance's copy.
fn writable(sandbox: &Sandbox, start: &Path, folder: &Path) -> Result<BTreeMap<PathBuf, PathBuf>, FileError> {
    let mut copies = BTreeMap::new();
    for path in &sandbox.writable {
        let copy = folder.join(hex::encode(path));
        files::create_directory(&copy, 0o700)?;
        copies.insert(start.join(path), copy);
    }
    Ok(copies)
}

/// The variables that an image gives its programs; what is no `NAME=value` is none.
fn variables(image: &Image) -> BTreeMap<String, String> {
    let pairs = image.environment.iter().filter_map(|variable| variable.split_once('='));
    let sound = pairs.filter(|(name, value)| !name.is_empty() && !value.contains('\0') && !name.contains('\0'));
    sound.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The folders that an image's root consists of, lowest first; unpacked now, or there already.
fn layers(engine: &Engine, image: &Image) -> Result<Vec<PathBuf>, Diagnostic> {
    let (blobs, place) = (&engine.options.blobs, engine.folders.layers());
    let unusable = |error| unusable(&image.digest, error);
    let mut folders = engine.options.base_layers.clone();
    for root in unpack::roots(image) {
        let unpacked = unpack::unpack(blobs, &root.layers, &place, &root.name, &unpack::Options::default());
        folders.push(unpacked.map_err(unusable)?);
    }
    Ok(folders)
}
