//! An app of any number of small services, in a git repository of its own.

use crate::bench::failed;
use crate::failure::Failure;
use crate::shell;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The environment that it runs in: traffic moves at once, nothing is kept warm.
pub(super) const ENVIRONMENT: &str = "bench";

pub(super) struct App {
    pub(super) folder: PathBuf,
    services: usize,
    version: u64,
}

impl App {
    pub(super) fn create(folder: PathBuf, program: &Path, services: usize, replicas: usize) -> Result<Self, Failure> {
        for service in 0..services {
            let at = folder.join(name(service));
            crate::fresh::create(&at)?;
            let copy = at.join("bench-service");
            fs::copy(program, &copy).map_err(failed("the service's program"))?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).map_err(failed("the service's program"))?;
        }
        super::write(&folder.join("seaworthy.toml"), &manifest(services, replicas))?;
        let mut app = Self { folder, services, version: 0 };
        shell::run(&app.folder, &["git", "init", "--quiet", "--initial-branch=main"])?;
        app.change(services)?;
        Ok(app)
    }

    /// Gives the first so many services another version, and commits.
    pub(super) fn change(&mut self, services: usize) -> Result<(), Failure> {
        self.version += 1;
        for service in 0..services.min(self.services) {
            super::write(&self.folder.join(name(service)).join("version"), &format!("{}\n", self.version))?;
        }
        shell::run(&self.folder, &["git", "add", "--all"])?;
        let message = format!("version {}", self.version);
        let author = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
        let mut words = vec!["git"];
        words.extend(author);
        words.extend(["commit", "--quiet", "--message", &message]);
        shell::run(&self.folder, &words)
    }

    /// Every host of it in [`ENVIRONMENT`].
    pub(super) fn hosts(&self) -> Vec<String> {
        (0..self.services).map(|service| format!("{ENVIRONMENT}.{}.localhost", name(service))).collect()
    }
}

fn name(service: usize) -> String {
    format!("s{service}")
}

fn manifest(services: usize, replicas: usize) -> String {
    let mut text = "app = \"bench\"\n".to_owned();
    for name in (0..services).map(name) {
        let _ = write!(
            text,
            "\n[services.{name}]\nfiles = [\"bench-service\", \"version\"]\nrun = [\"./bench-service\"]\n\
             healthy_for = \"0s\"\ngrace = \"1s\"\n\n[routes.{name}]\nhost = \"{name}.localhost\"\nservice = \"{name}\"\n"
        );
    }
    let _ = write!(text, "\n[environments.{ENVIRONMENT}]\nreplicas = {replicas}\n");
    text
}
