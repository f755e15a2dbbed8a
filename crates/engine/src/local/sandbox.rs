//! What an instance finds in its sandbox, and what the sandbox is made of.

use super::engine::{Engine, new_token};
use super::prepare::Placed;
use crate::layers::Layers;
use crate::materialise::materialise;
use crate::place::{APP, HOME, Place, TEMPORARY};
use crate::program::{self, Runner};
use crate::wire::{Isolation, SandboxLimits, SandboxSpec};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::{self, FileError};
use seaworthy_host::peer;
use seaworthy_model::pool::{PoolSpec, Sandbox};
use std::collections::BTreeMap;
use std::fs;
use std::io;
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
}

/// Fills in where an instance of a pool finds everything inside. Nothing of the machine but volumes and the instance's
/// own copies is among it.
pub(super) fn place(
    engine: &Engine,
    spec: &PoolSpec,
    sandbox: &Sandbox,
    program: &str,
    id: &str,
    Inside { user, hosts }: Inside,
) -> Result<Placed, Diagnostic> {
    let folders = engine.folders.instance(id);
    let layers = layers(engine, spec)?;
    files::create_directory(&folders.staging, 0o700)?;
    let runner = Runner { user: Some(user.unwrap_or_else(peer::effective_uid)) };
    let program = program::find(program, Place::Image(Layers(&layers)), runner)?;
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
        writable: writable(sandbox, &folders.writable)?,
        hosts,
        limits,
        group: folders.group,
    };
    Ok(Placed {
        program,
        working_directory: APP.into(),
        home: HOME.into(),
        temporary: TEMPORARY.into(),
        volumes: volumes.map(|(name, path)| (name.clone(), path.into())).collect(),
        isolation: Isolation::Sandbox(Box::new(made)),
    })
}

/// By path inside, the folder that holds the instance's copy.
fn writable(sandbox: &Sandbox, folder: &Path) -> Result<BTreeMap<PathBuf, PathBuf>, FileError> {
    let mut copies = BTreeMap::new();
    for path in &sandbox.writable {
        let copy = folder.join(hex::encode(path));
        files::create_directory(&copy, 0o700)?;
        copies.insert(Path::new(APP).join(path), copy);
    }
    Ok(copies)
}

/// The folders that an image's root consists of, lowest first.
fn layers(engine: &Engine, spec: &PoolSpec) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut layers = engine.options.base_layers.clone();
    let trees = engine.folders.trees();
    let tree = trees.join(spec.image.hex());
    if !tree.is_dir() {
        let draft = trees.join(format!(".{}", new_token()));
        files::create_directory(&draft, 0o755)?;
        materialise(&engine.options.blobs, &spec.image, &draft.join("app"), None)?;
        match fs::rename(&draft, &tree) {
            // Whoever was faster put the same there.
            Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty) => {
                files::remove_tree(&draft)?;
            }
            other => other.map_err(|error| FileError::new("make", &tree, error))?,
        }
    }
    layers.push(tree);
    Ok(layers)
}
