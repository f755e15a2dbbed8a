//! Where things lie under the home.

use seaworthy_host::files::{self, FileError};
use seaworthy_model::Name;
use seaworthy_model::pool::PoolSpec;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

pub(crate) const STATE_FILE: &str = "state.json";
pub(crate) const EXIT_FILE: &str = "exit.json";

/// Folders on the way to what a service's user must reach: it may pass, not look around.
const PASSABLE: u32 = 0o711;
/// Folders of one user alone.
const PRIVATE: u32 = 0o700;

/// The layout of a home, as far as the engine's part of it goes.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    home: PathBuf,
    runtime: PathBuf,
    entrances: PathBuf,
}

/// The places of one instance (or one command).
#[derive(Debug, Clone)]
pub(crate) struct InstanceFolders {
    /// The instance's folder.
    pub(crate) root: PathBuf,
    /// Its copy of the files, and its working directory.
    pub(crate) app: PathBuf,
    /// Its `TMPDIR`.
    pub(crate) temporary: PathBuf,
    /// Its `HOME`.
    pub(crate) home: PathBuf,
    /// Where its root is put together when it has one of its own.
    pub(crate) staging: PathBuf,
    /// Its copies of what it may write of the image.
    pub(crate) writable: PathBuf,
    /// The lock that its shim holds.
    pub(crate) lock: PathBuf,
    /// What the shim itself says when something goes wrong.
    pub(crate) shim_log: PathBuf,
    /// The shim's control socket.
    pub(crate) socket: PathBuf,
    /// The name of its control groups, unique on this machine.
    pub(crate) group: String,
    /// The way into its network.
    pub(crate) entrance: PathBuf,
}

impl Folders {
    /// Makes what is missing.
    pub(crate) fn open(home: &Path) -> Result<Self, FileError> {
        files::create_directory(home, PASSABLE)?;
        let sockets = seaworthy_host::runtime_directory(home)?;
        let (runtime, entrances) = (sockets.join("shims"), sockets.join("entrances"));
        files::create_directory(&runtime, PRIVATE)?;
        let folders = Self { home: home.to_owned(), runtime, entrances };
        for name in ["instances", "volumes"] {
            files::create_directory(&folders.home.join(name), PASSABLE)?;
        }
        files::create_directory(&folders.home.join("logs"), PRIVATE)?;
        Ok(folders)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.home.join("engine.db")
    }

    pub(crate) fn instances(&self) -> PathBuf {
        self.home.join("instances")
    }

    pub(crate) fn instance(&self, id: &str) -> InstanceFolders {
        let root = self.instances().join(id);
        // A socket's path has room for 107 bytes, an id alone may take most of them.
        let name = hex::encode(&Sha256::digest(id)[..8]);
        InstanceFolders {
            app: root.join("app"),
            temporary: root.join("tmp"),
            home: root.join("home"),
            staging: root.join("root"),
            writable: root.join("writable"),
            lock: root.join("lock"),
            shim_log: root.join("shim.log"),
            root,
            group: format!("{}-{id}", seaworthy_host::home::home_hash(&self.home)),
            socket: self.runtime.join(&name),
            entrance: self.entrances.join(&name),
        }
    }

    /// The log of an instance; it outlives it.
    pub(crate) fn log(&self, app: &Name, environment: &Name, service: &Name, id: &str) -> PathBuf {
        self.service_logs(app, environment, service).join(format!("{id}.log"))
    }

    pub(crate) fn service_logs(&self, app: &Name, environment: &Name, service: &Name) -> PathBuf {
        self.environment_logs(app, environment).join(service.as_str())
    }

    pub(crate) fn environment_logs(&self, app: &Name, environment: &Name) -> PathBuf {
        self.home.join("logs").join(app.as_str()).join(environment.as_str())
    }

    /// The files of images, unpacked once for all who share them.
    pub(crate) fn trees(&self) -> PathBuf {
        self.home.join("images").join("trees")
    }

    /// A volume's folder on this machine.
    pub(crate) fn volume(&self, spec: &PoolSpec, volume: &Name) -> PathBuf {
        let environment = self.home.join("volumes").join(spec.app.as_str()).join(spec.environment.as_str());
        environment.join(spec.service.as_str()).join(volume.as_str())
    }

    /// Makes the folder of the ways into networks: the gateway's user passes through it to the sockets, which are its
    /// own.
    pub(crate) fn make_entrances(&self) -> Result<(), FileError> {
        files::create_directory(&self.entrances, PASSABLE)
    }

    /// Makes a pool's volumes where they are missing, the service's own. What is in them is never touched.
    pub(crate) fn make_volumes(&self, spec: &PoolSpec, user: Option<u32>) -> Result<(), FileError> {
        for volume in spec.volumes.keys() {
            let path = self.volume(spec, volume);
            let is_new = !path.exists();
            if let Some(parent) = path.parent() {
                files::create_directory(parent, PASSABLE)?;
            }
            files::create_directory(&path, PRIVATE)?;
            if let Some(user) = user.filter(|_| is_new) {
                files::change_owner(&path, user, user)?;
            }
        }
        Ok(())
    }
}

impl InstanceFolders {
    /// Makes the instance's folder, and nothing in it.
    pub(crate) fn make_root(&self) -> Result<(), FileError> {
        files::create_directory(&self.root, PASSABLE)
    }

    /// Makes the private folders anew, empty and the service's own.
    pub(crate) fn make_private(&self, user: Option<u32>) -> Result<(), FileError> {
        for path in [&self.temporary, &self.home] {
            files::remove_tree(path)?;
            files::create_directory(path, PRIVATE)?;
            if let Some(user) = user {
                files::change_owner(path, user, user)?;
            }
        }
        Ok(())
    }

    /// Removes everything of the instance but its log and its volumes.
    pub(crate) fn remove(&self) -> Result<(), FileError> {
        files::remove_tree(&self.socket)?;
        files::remove_tree(&self.entrance)?;
        files::remove_tree(&self.root)
    }
}
