//! Where builds and tests run: on Linux in a mount namespace in which the sources, the home and the toolchains' caches
//! always stand at the same places, so that compilers that write paths into what they make write the same ones.

#[cfg(target_os = "linux")]
use crate::secrets;
use crate::surroundings;
#[cfg(target_os = "linux")]
use seaworthy_host::files::create_directory;
use seaworthy_model::Name;
use seaworthy_model::manifest::BuildNetwork;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

#[cfg(target_os = "linux")]
use seaworthy_host::linux::private_root::{Network, Place, PrivateRoot, enter_plainly};

/// What stands where.
const SOURCES: &str = "/seaworthy/src";
pub(crate) const HOME: &str = "/seaworthy/home";
const CARGO_HOME: &str = "/seaworthy/cargo";
const GO_PATH: &str = "/seaworthy/go";

/// Where programs of a build run, and what they get.
pub(crate) struct Isolation {
    /// The variables that they get.
    pub(crate) variables: BTreeMap<OsString, OsString>,
    /// Why everything stands where it is, and not at the same places everywhere; `None` where it does.
    pub(crate) why_not: Option<String>,
    /// The whole tree that a build may read.
    scope: PathBuf,
    /// Where it stands.
    at: PathBuf,
    #[cfg(target_os = "linux")]
    root: Option<std::sync::Arc<PrivateRoot>>,
}

impl Isolation {
    /// For builds of an app whose sources lie below `scope`.
    pub(crate) fn new(app: &Name, scope: &Path) -> Self {
        let scope = scope.canonicalize().unwrap_or_else(|_| scope.to_owned());
        let variables = surroundings::for_builds();
        let at = Path::new(SOURCES).join(app.as_str());
        Self::isolated(&scope, &at, variables)
    }

    /// Everything stands where it is: for tools that make namespaces of their own.
    pub(crate) fn plain(scope: &Path, variables: BTreeMap<OsString, OsString>) -> Self {
        let why_not = Some("it makes its own".to_owned());
        Self {
            variables,
            why_not,
            scope: scope.to_owned(),
            at: scope.to_owned(),
            #[cfg(target_os = "linux")]
            root: None,
        }
    }

    #[cfg(target_os = "linux")]
    fn isolated(scope: &Path, at: &Path, mut variables: BTreeMap<OsString, OsString>) -> Self {
        let mut places = vec![Place { from: scope.to_owned(), at: at.to_owned() }];
        let mut moved = Vec::new();
        for (name, from, to) in homes(&variables) {
            if let Ok(from) = from.canonicalize() {
                places.push(Place { from, at: PathBuf::from(to) });
                moved.push((OsString::from(name), OsString::from(to)));
            }
        }
        let hidden = secrets::folders(&variables, scope);
        match PrivateRoot::prepare(&places, &hidden) {
            Ok(root) => {
                variables.extend(moved);
                Self { variables, why_not: None, scope: scope.to_owned(), at: at.to_owned(), root: Some(root) }
            }
            Err(error) => {
                let why_not = Some(format!("this machine gives builds no mount namespace: {error}"));
                Self { variables, why_not, scope: scope.to_owned(), at: scope.to_owned(), root: None }
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn isolated(scope: &Path, _at: &Path, variables: BTreeMap<OsString, OsString>) -> Self {
        let why_not = Some("only Linux has mount namespaces".to_owned());
        Self { variables, why_not, scope: scope.to_owned(), at: scope.to_owned() }
    }

    /// Where the sources stand for programs, if that is the same everywhere.
    pub(crate) fn place(&self) -> Option<&Path> {
        self.why_not.is_none().then_some(self.at.as_path())
    }

    /// Makes a command start in a folder of the sources, with the variables and with the umask 022. Without a root of
    /// its own ([`Self::why_not`]) it has the machine's network, whatever was asked for, and as many processes as it
    /// likes.
    pub(crate) fn enter(
        &self,
        command: &mut Command,
        folder: &Path,
        network: BuildNetwork,
        processes_max: Option<u32>,
    ) -> std::io::Result<()> {
        command.envs(&self.variables);
        #[cfg(target_os = "linux")]
        match &self.root {
            Some(root) => {
                let within = folder.strip_prefix(&self.scope).map_err(std::io::Error::other)?;
                let network = match network {
                    BuildNetwork::Machine => Network::Shared,
                    BuildNetwork::None => Network::Loopback,
                };
                return root.enter(command, &self.at.join(within), network, processes_max);
            }
            None => enter_plainly(command, folder),
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (network, processes_max);
            command.current_dir(folder);
        }
        Ok(())
    }
}

/// The folders whose place programs write into what they make: the variable, where it is, where it shall stand.
#[cfg(target_os = "linux")]
fn homes(variables: &BTreeMap<OsString, OsString>) -> Vec<(&'static str, PathBuf, &'static str)> {
    let folder = |name: &str| variables.get(&OsString::from(name)).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME").or_else(std::env::home_dir);
    let mut homes = Vec::new();
    for (program, name, below, to) in [("cargo", "CARGO_HOME", ".cargo", CARGO_HOME), ("go", "GOPATH", "go", GO_PATH)] {
        let there = folder(name).or_else(|| Some(home.as_ref()?.join(below)));
        if let Some(there) = there.filter(|_| surroundings::program(program, variables).is_some()) {
            // The toolchain would make it anyhow; but then it would stand somewhere else the next time.
            let _ = create_directory(&there, 0o755);
            homes.push((name, there, to));
        }
    }
    homes.extend(home.map(|home| ("HOME", home, HOME)));
    homes
}
