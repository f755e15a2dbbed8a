//! A mount namespace of a child's own: everything is where it is outside, and some folders stand at other places, too.
//!
//! As root by a mount namespace alone, as another user by a user namespace with it (`user_namespaces(7)`), where the
//! machine allows that. Nothing of it outlives the child and its children.

use super::loopback;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{UnlinkatFlags, chdir, mkdir, pivot_root, symlinkat, unlinkat, write};
use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// A folder that is to stand at another place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it is, absolute and without links.
    pub from: PathBuf,
    /// Where it also is, absolute; its first part is of no folder that programs need.
    pub at: PathBuf,
}

/// Where everything from outside is while the new root is being filled.
const OUTSIDE: &CStr = c"/.outside";

/// The network that a child sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// That of whoever starts it.
    Shared,
    /// One of its own, with nothing but `lo`.
    Loopback,
}

/// A root for children, prepared: they can only make system calls between `fork` and `exec`.
#[derive(Debug)]
pub struct PrivateRoot {
    /// Whether it takes a user namespace.
    as_user: bool,
    steps: Vec<Step>,
    user_map: CString,
    group_map: CString,
}

#[derive(Debug)]
enum Step {
    Folder(CString),
    Link { to: CString, at: CString },
    Bind { from: CString, at: CString },
    Hide(CString),
}

impl PrivateRoot {
    /// Prepares a root with these places, in which these folders and files are empty, and tries it once. What is hidden
    /// in one place may still stand at another.
    ///
    /// # Errors
    /// When this machine allows no such thing to this user.
    pub fn prepare(places: &[Place], hidden: &[PathBuf]) -> io::Result<Arc<Self>> {
        let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let mut steps = steps(places)?;
        for folder in hidden {
            steps.push(Step::Hide(text(folder)?));
        }
        let map = |id: u32| CString::new(format!("{id} {id} 1")).map_err(io::Error::from);
        let (user_map, group_map) = (map(user.as_raw())?, map(group.as_raw())?);
        let root = Arc::new(Self { as_user: !user.is_root(), steps, user_map, group_map });
        let mut command = crate::process::command("/bin/true");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        root.enter(&mut command, Path::new("/"), Network::Shared, None)?;
        let status = command.status()?;
        if status.success() { Ok(root) } else { Err(io::Error::other("`/bin/true` does not work in it")) }
    }

    /// Makes a command start in this root, in a folder of it, with the umask 022. Where there is no network namespace
    /// to be had, a command that is to see `lo` alone does not start.
    /// Where it takes a user namespace and the kernel counts them there, the command and its children can be no more
    /// than `processes_max`, threads included.
    ///
    /// # Errors
    /// When the folder's name holds a NUL.
    pub fn enter(
        self: &Arc<Self>,
        command: &mut Command,
        folder: &Path,
        network: Network,
        processes_max: Option<u32>,
    ) -> io::Result<()> {
        let root = Arc::clone(self);
        let folder = text(folder)?;
        let processes_max = processes_max.filter(|_| self.as_user && counts_by_namespace());
        // SAFETY: between `fork` and `exec` there are only system calls with what was prepared before; nothing is
        // allocated, no lock is taken.
        unsafe { command.pre_exec(move || root.make(&folder, network, processes_max).map_err(io::Error::from)) };
        Ok(())
    }

    fn make(&self, folder: &CStr, network: Network, processes_max: Option<u32>) -> Result<(), Errno> {
        const NOTHING: Option<&CStr> = None;
        umask(Mode::from_bits_truncate(0o022));
        if self.as_user {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
            fill(c"/proc/self/setgroups", b"deny")?;
            fill(c"/proc/self/uid_map", self.user_map.to_bytes())?;
            fill(c"/proc/self/gid_map", self.group_map.to_bytes())?;
            if let Some(most) = processes_max {
                setrlimit(Resource::RLIMIT_NPROC, most.into(), most.into())?;
            }
        } else {
            unshare(CloneFlags::CLONE_NEWNS)?;
        }
        if network == Network::Loopback {
            unshare(CloneFlags::CLONE_NEWNET)?;
            loopback::bring_up()?;
        }
        mount(NOTHING, c"/", NOTHING, MsFlags::MS_SLAVE | MsFlags::MS_REC, NOTHING)?;
        let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some(c"tmpfs"), c"/tmp", Some(c"tmpfs"), plain, Some(c"mode=0755,size=1m"))?;
        chdir(c"/tmp")?;
        mkdir(c".outside", Mode::S_IRWXU)?;
        pivot_root(c".", c".outside")?;
        chdir(c"/")?;
        for step in &self.steps {
            match step {
                Step::Folder(at) => match mkdir(at.as_c_str(), Mode::from_bits_truncate(0o755)) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(error) => return Err(error),
                },
                Step::Link { to, at } => symlinkat(to.as_c_str(), AT_FDCWD, at.as_c_str())?,
                Step::Bind { from, at } => {
                    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
                    mount(Some(from.as_c_str()), at.as_c_str(), NOTHING, flags, NOTHING)?;
                }
                Step::Hide(at) => hide(at)?,
            }
        }
        umount2(OUTSIDE, MntFlags::MNT_DETACH)?;
        unlinkat(AT_FDCWD, OUTSIDE, UnlinkatFlags::RemoveDir)?;
        // What would be written here would be lost.
        mount(NOTHING, c"/", NOTHING, plain | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, NOTHING)?;
        chdir(folder)
    }
}

/// Since Linux 5.14 `RLIMIT_NPROC` counts the processes of a user namespace apart from those outside it; before, it
/// counted all that the user has (getrlimit(2)).
fn counts_by_namespace() -> bool {
    let release = nix::sys::utsname::uname().ok();
    let release = release.as_ref().and_then(|names| names.release().to_str()).unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(5), Some(14))
}

/// Puts an empty folder, or an empty file, over what is there.
fn hide(at: &CStr) -> Result<(), Errno> {
    const NOTHING: Option<&CStr> = None;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
    let hidden = match mount(Some(c"tmpfs"), at, Some(c"tmpfs"), flags, Some(c"mode=0555,size=4k")) {
        // A file; or something below one, which is not there.
        Err(Errno::ENOTDIR) => mount(Some(c"/dev/null"), at, NOTHING, MsFlags::MS_BIND, NOTHING),
        other => other,
    };
    match hidden {
        // What is not there needs no hiding; a user who may not even look cannot get there either.
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) => Ok(()),
        other => other,
    }
}

/// Makes a command start in a folder with the umask 022, in the root that everybody has.
pub fn enter_plainly(command: &mut Command, folder: &Path) {
    command.current_dir(folder);
    // SAFETY: `umask` is one system call that cannot fail.
    unsafe {
        command.pre_exec(|| {
            umask(Mode::from_bits_truncate(0o022));
            Ok(())
        })
    };
}

/// Everything at the top of the root as it is outside, then the places.
fn steps(places: &[Place]) -> io::Result<Vec<Step>> {
    let top =
        |path: &Path| path.strip_prefix("/").ok()?.components().next().map(|part| PathBuf::from(part.as_os_str()));
    let taken: Vec<Option<PathBuf>> = places.iter().map(|place| top(&place.at)).collect();
    let outside = |path: &Path| {
        let relative = path.strip_prefix("/").unwrap_or(path);
        text(&Path::new(std::ffi::OsStr::from_bytes(OUTSIDE.to_bytes())).join(relative))
    };
    let mut steps = Vec::new();
    let mut entries = std::fs::read_dir("/")?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if taken.contains(&Some(PathBuf::from(entry.file_name()))) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            steps.push(Step::Link { to: text(&std::fs::read_link(&path)?)?, at: text(&path)? });
        } else if kind.is_dir() {
            steps.push(Step::Folder(text(&path)?));
            steps.push(Step::Bind { from: outside(&path)?, at: text(&path)? });
        }
    }
    for place in places {
        let mut above: Vec<&Path> = place.at.ancestors().filter(|path| path.parent().is_some()).collect();
        above.reverse();
        for folder in above {
            steps.push(Step::Folder(text(folder)?));
        }
        steps.push(Step::Bind { from: outside(&place.from)?, at: text(&place.at)? });
    }
    Ok(steps)
}

fn text(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from)
}

/// Writes a file of `/proc`, in one call as those want it.
fn fill(path: &CStr, bytes: &[u8]) -> Result<(), Errno> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&file, bytes).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_at_two_places_and_nothing_else_changes() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().canonicalize().unwrap();
        let place = Place { from: from.clone(), at: "/seaworthy-test/some/where".into() };
        let prepared = PrivateRoot::prepare(std::slice::from_ref(&place), &[]);
        let root = prepared.expect("this test needs mount namespaces: run it as root, or where users have them");
        let mut command = crate::process::command("/bin/sh");
        let script = format!(
            "echo here > made; cat {}/made; pwd; umask; ls -d /seaworthy-test/* /usr /tmp /proc/self/status; \
             (echo x > /lost) 2>/dev/null || echo refused",
            from.display()
        );
        command.args(["-c", &script]).env("PATH", "/usr/bin:/bin");
        root.enter(&mut command, &place.at, Network::Shared, None).unwrap();
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = said.lines().collect();
        let expected = [
            "here",
            "/seaworthy-test/some/where",
            "0022",
            "/proc/self/status",
            "/seaworthy-test/some",
            "/tmp",
            "/usr",
            "refused",
        ];
        assert_eq!(lines, expected, "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(std::fs::read(from.join("made")).unwrap(), b"here\n");
        assert!(!Path::new("/seaworthy-test").exists());
    }

    #[test]
    fn what_is_hidden_is_empty_and_stays_what_it_is_outside() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().canonicalize().unwrap();
        for name in ["home/.ssh", "home/project"] {
            std::fs::create_dir_all(from.join(name)).unwrap();
            crate::files::write_atomic(&from.join(name).join("file"), b"content", 0o644).unwrap();
        }
        let place = Place { from: from.join("home"), at: "/seaworthy-test/home".into() };
        crate::files::write_atomic(&from.join("home/keys"), b"content", 0o644).unwrap();
        let hidden = ["/seaworthy-test/home/.ssh", "/seaworthy-test/home/no-such-folder", "/seaworthy-test/home/keys"];
        let hidden = hidden.map(PathBuf::from);
        let hidden: Vec<PathBuf> = hidden.into_iter().chain([from.join("home/.ssh")]).collect();
        let root = PrivateRoot::prepare(&[place], &hidden).expect("mount namespaces");
        let mut command = crate::process::command("/bin/sh");
        let script = format!(
            "ls -A .ssh {0}/home/.ssh; cat keys project/file {0}/home/project/file; echo x > .ssh/file",
            from.display()
        );
        command.args(["-c", &script]).env("PATH", "/usr/bin:/bin");
        root.enter(&mut command, Path::new("/seaworthy-test/home"), Network::Shared, None).unwrap();
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let expected = format!(".ssh:\n\n{}/home/.ssh:\ncontentcontent", from.display());
        assert_eq!(said, expected, "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(std::fs::read(from.join("home/.ssh/file")).unwrap(), b"content");
    }
    #[test]
    fn a_network_of_its_own_has_a_loopback_and_nothing_that_listens_outside() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let root = PrivateRoot::prepare(&[], &[]).expect("mount namespaces");
        let said = |network| {
            let mut command = crate::process::command("/usr/bin/python3");
            let script = "import socket, sys\n\
                          own = socket.create_server(('127.0.0.1', 0))\n\
                          socket.create_connection(own.getsockname()).close()\n\
                          print(sorted(name for _, name in socket.if_nameindex()) == ['lo'])\n\
                          print(socket.socket().connect_ex(('127.0.0.1', int(sys.argv[1]))) == 0)\n";
            command.args(["-c", script, &port.to_string()]);
            root.enter(&mut command, Path::new("/"), network, None).unwrap();
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(said(Network::Loopback), ["True", "False"]);
        // The same program sees what is there when nothing keeps it off.
        assert_eq!(said(Network::Shared)[1], "True");
    }
}
