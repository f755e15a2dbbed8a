//! Parts of the machine's files that are to appear inside: taken hold of before its root is left.

use crate::wire::SandboxSpec;
use seaworthy_host::linux::mounts::Tree;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Everything from outside.
pub(super) struct Trees {
    /// The processes of this namespace.
    pub(super) processes: Tree,
    /// By name in `/dev`.
    pub(super) devices: Vec<(&'static str, Tree)>,
    /// By path inside.
    pub(super) volumes: Vec<(PathBuf, Tree)>,
    /// By path inside.
    pub(super) writable: Vec<(PathBuf, Tree)>,
}

impl Trees {
    pub(super) fn open(sandbox: &SandboxSpec) -> io::Result<Self> {
        let device = |name: &&'static str| Ok((*name, Tree::of(&Path::new("/dev").join(name))?));
        Ok(Self {
            processes: Tree::of_processes()?,
            devices: super::devices::NAMES.iter().map(device).collect::<io::Result<_>>()?,
            volumes: open_all(&sandbox.volumes)?,
            writable: open_all(&sandbox.writable)?,
        })
    }
}

fn open_all(paths: &BTreeMap<PathBuf, PathBuf>) -> io::Result<Vec<(PathBuf, Tree)>> {
    paths.iter().map(|(inside, outside)| Ok((inside.clone(), Tree::of(outside)?))).collect()
}
