//! Where builds of an app lie, and what of the machine they see.
//!
//! An app's mirror of its repository is one; everything that a build may write is a branch's own, so that what one
//! branch leaves behind is never found by a build of another.

use super::sweep::{Lease, folder_name, remove};
use crate::Node;
use seaworthy_confine::{Bind, Job, PrivateFile};
use seaworthy_diagnostics::{Diagnostic, Masked};
use seaworthy_host::files::{self, FileError};
use seaworthy_model::Name;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where everything of Seaworthy's stands inside.
const INSIDE: &str = "/seaworthy-build";
/// Folders of the machine that programs need.
const SYSTEM: [&str; 10] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix"];
/// How the names of folders with private files begin, where there are no walls.
const PRIVATE: &str = "private";
/// What the node's disk has to have left before and while something is built, in bytes: what serves writes to it, too.
pub(super) const FREE_BYTES_MIN: u64 = 1 << 30;
/// The PATH where the node has none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The most processes and threads of a job.
const PROCESSES: u32 = 4096;
/// What jobs get of the node's environment: proxies, certificates, and where toolchains are.
const PASSED_ON: [&str; 15] = [
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "JAVA_HOME",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "RUSTUP_HOME",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// What stands for a branch where commits are sent for an environment; no branch has such a name.
pub(super) fn of_sent(environment: &Name) -> String {
    format!("sent:{environment}")
}

/// The folders of one app, and of one branch of it.
pub(super) struct Area {
    user: Option<u32>,
    walls: bool,
    reads: Vec<PathBuf>,
    home: PathBuf,
    app: Name,
    /// The app's folder outside.
    folder: PathBuf,
    /// The branch's folder outside.
    branch: PathBuf,
    /// Where private files are where there are no walls: other areas of the same branch have theirs elsewhere.
    private: PathBuf,
    /// Keeps both as long as something works in them.
    _lease: Lease,
}

/// A folder of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The bare mirror of the repository.
    Mirror,
    /// A checkout.
    Source,
    /// The home of builds, with their caches.
    Home,
    /// Where a check leaves its release.
    Out,
    /// What is thrown away after each job.
    Temporary,
    /// A checkout for a command that is told what became of a run: builds go on meanwhile.
    Told,
    /// What one job alone may know.
    Private,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Mirror => "mirror",
            Self::Source => "source",
            Self::Home => "home",
            Self::Out => "out",
            Self::Temporary => "tmp",
            Self::Told => "told",
            Self::Private => PRIVATE,
        }
    }
}

impl Area {
    /// Makes the folders, those that builds write being their user's own.
    pub(super) fn open(node: &Node, app: &Name, branch: &str) -> Result<Self, Diagnostic> {
        let home = node.options.home.clone();
        let folder = home.join("delivery").join(app.as_str());
        let branch = folder.join(folder_name(branch));
        let lease = node.delivery.leases.take_clean(&branch, || remove_private(&branch))?;
        files::create_directory(&branch, 0o711)?;
        let private = branch.join(format!("{PRIVATE}{:016x}", rand::random::<u64>()));
        let area = Self {
            user: node.engine.build_user(app)?,
            walls: node.delivery.walls().namespaces,
            reads: node.options.build_reads.clone(),
            home,
            app: app.clone(),
            folder,
            branch,
            private,
            _lease: lease,
        };
        for place in [Place::Mirror, Place::Source, Place::Home, Place::Out, Place::Temporary] {
            area.own(place)?;
        }
        Ok(area)
    }

    fn own(&self, place: Place) -> Result<(), Diagnostic> {
        let path = self.outside(place);
        files::create_directory(&path, 0o700)?;
        if let Some(user) = self.user {
            files::change_owner(&path, user, user)?;
        }
        Ok(())
    }

    /// Empties a folder.
    pub(super) fn clear(&self, place: Place) -> Result<(), Diagnostic> {
        self.remove(place)?;
        self.own(place)
    }

    /// Removes a folder that is made anew when it is wanted.
    pub(super) fn remove(&self, place: Place) -> Result<(), Diagnostic> {
        remove(&self.outside(place))
    }

    /// Removes what a git that was ended had not taken into the mirror yet; without it, nobody ever would.
    pub(super) fn remove_unfinished(&self) {
        let packs = self.outside(Place::Mirror).join("objects/pack");
        for entry in std::fs::read_dir(packs).into_iter().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b"tmp_") {
                // What cannot be removed is found the next time.
                let _ = files::remove_tree(&entry.path());
            }
        }
    }

    /// Whether the disk has less free than what serves may need, once this many more bytes are written.
    pub(super) fn is_short(folder: &Path, more_bytes: u64) -> bool {
        files::free_bytes(folder).is_ok_and(|free| free < FREE_BYTES_MIN.saturating_add(more_bytes))
    }

    /// Everything that builds of this branch write.
    pub(super) fn branch(&self) -> &Path {
        &self.branch
    }

    /// Where a folder is on the machine.
    pub(super) fn outside(&self, place: Place) -> PathBuf {
        match place {
            Place::Mirror => self.folder.join(place.name()),
            Place::Private => self.private.clone(),
            _ => self.branch.join(place.name()),
        }
    }

    /// Where a folder is for a job.
    pub(super) fn inside(&self, place: Place) -> PathBuf {
        if self.walls { Path::new(INSIDE).join(place.name()) } else { self.outside(place) }
    }

    /// The same as text.
    pub(super) fn at(&self, place: Place) -> String {
        self.inside(place).display().to_string()
    }

    /// A file for one job alone.
    pub(super) fn private(&self, name: &str, text: impl Into<String>, mode: u32) -> PrivateFile {
        PrivateFile { at: self.inside(Place::Private).join(name), text: Masked::new(text.into()), mode }
    }

    /// The program itself, as jobs find it.
    pub(super) fn program(&self) -> PathBuf {
        if self.walls { Path::new(INSIDE).join("bin/seaworthy") } else { executable() }
    }

    /// A job that runs `program` and sees these folders; only what is listed with `true` may be written.
    pub(super) fn job(&self, what: &str, places: &[(Place, bool)]) -> Result<Job, Diagnostic> {
        let same = |path: &Path| Bind { from: path.into(), at: path.into(), writable: false };
        let system = SYSTEM.iter().map(Path::new).chain(self.reads.iter().map(PathBuf::as_path));
        let mut binds: Vec<Bind> = system.filter(|path| path.exists()).map(same).collect();
        binds.extend(resolver().as_deref().map(same));
        binds.extend(self.accounts()?);
        for (place, writable) in places {
            binds.push(Bind { from: self.outside(*place), at: self.inside(*place), writable: *writable });
            if *place == Place::Temporary {
                for at in ["/tmp", "/var/tmp"] {
                    binds.push(Bind { from: self.outside(*place), at: at.into(), writable: true });
                }
            }
        }
        let mut environment: BTreeMap<String, String> =
            PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect();
        let path = std::env::var("PATH").unwrap_or_else(|_| PATH.to_owned());
        for (name, value) in [("PATH", path.as_str()), ("LANG", "C.UTF-8"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        if !self.walls {
            // What the last job of this area was told is not the next one's business.
            files::remove_tree(&self.private)?;
        }
        Ok(Job {
            name: format!("build-{}-{}-{what}", seaworthy_host::home::home_hash(&self.home), self.app),
            user: self.user,
            walls: self.walls,
            binds,
            files: Vec::new(),
            program: PathBuf::new(),
            arguments: Vec::new(),
            environment,
            folder: if self.walls { "/".into() } else { self.branch.clone() },
            input: None,
            processes: PROCESSES,
        })
    }

    /// Seaworthy's own two programs, for a job that runs them.
    pub(super) fn programs(&self) -> Vec<Bind> {
        let executable = executable();
        let helper = std::env::var_os("SEAWORTHY_CHECK").map(PathBuf::from);
        let helper = Some(executable.with_file_name("seaworthy-check")).filter(|path| path.is_file()).or(helper);
        let bin = Path::new(INSIDE).join("bin");
        let bind = |from: PathBuf, name: &str| Bind { from, at: bin.join(name), writable: false };
        let mut binds = vec![bind(executable, "seaworthy")];
        binds.extend(helper.filter(|path| path.is_file()).map(|path| bind(path, "seaworthy-check")));
        binds
    }

    /// Programs such as ssh want to know the name of their user.
    fn accounts(&self) -> Result<Vec<Bind>, Diagnostic> {
        let Some(user) = self.user else { return Ok(Vec::new()) };
        let home = self.at(Place::Home);
        let lines = [
            ("passwd", format!("build:x:{user}:{user}:builds of Seaworthy:{home}:/bin/sh\n")),
            ("group", format!("build:x:{user}:\n")),
        ];
        let mut binds = Vec::new();
        for (name, line) in lines {
            let machine = PathBuf::from("/etc").join(name);
            let mut text = files::read_if_there(&machine)?.unwrap_or_default();
            if text.last().is_some_and(|byte| *byte != b'\n') {
                text.push(b'\n');
            }
            text.extend_from_slice(line.as_bytes());
            let path = self.branch.join(name);
            files::write_atomic(&path, &text, 0o644)?;
            binds.push(Bind { from: path, at: machine, writable: false });
        }
        Ok(binds)
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        if !self.walls {
            let _ = files::remove_tree(&self.private);
        }
    }
}

/// Removes private files that killed jobs left in a branch's folder.
fn remove_private(branch: &Path) -> Result<(), FileError> {
    for entry in std::fs::read_dir(branch).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PRIVATE.as_bytes()) {
            files::remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

/// The file of this program; `/proc/self/exe` would be another one inside.
fn executable() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "seaworthy".into())
}

/// Where `/etc/resolv.conf` leads, if that is not in `/etc`.
fn resolver() -> Option<PathBuf> {
    let path = Path::new("/etc/resolv.conf").canonicalize().ok()?;
    (!path.starts_with("/etc") && !path.starts_with("/usr")).then_some(path)
}

/// What a file's error says, as a diagnostic of this machine.
pub(super) fn unreadable(path: &Path, error: std::io::Error) -> Diagnostic {
    FileError::new("read", path, error).into()
}
