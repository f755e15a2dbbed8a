//! Where the controllers of this machine are, as seen from this process.

use super::Controller;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder of all groups that Seaworthy makes.
const FOLDER: &str = "seaworthy";

/// Which version's files a controller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// Where groups can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) version: Version,
    /// The root of the hierarchy, or of the part of it that was handed to this process.
    top: PathBuf,
    /// Below it, where groups are made.
    pub(super) folder: PathBuf,
}

/// The controllers whose groups this process can write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hierarchies {
    pub(super) places: BTreeMap<Controller, Place>,
}

impl Hierarchies {
    /// Looks what there is; where nothing can be written, there is nothing.
    #[must_use]
    pub fn find() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let all = Self::parse(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"), &is_delegated);
        let mut places = all.places;
        places.retain(|controller, place| place.prepare(*controller).is_ok());
        Self { places }
    }

    /// Whether a controller is among them.
    #[must_use]
    pub fn has(&self, controller: Controller) -> bool {
        self.places.contains_key(&controller)
    }

    /// The folders that groups are made in, each once.
    #[must_use]
    pub fn folders(&self) -> BTreeSet<&Path> {
        self.places.values().map(|place| place.folder.as_path()).collect()
    }

    /// The names of all groups that there are, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let folders = self.folders();
        let entries = folders.into_iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn parse(mounts: &str, own: &str, is_delegated: &dyn Fn(&Path) -> bool) -> Self {
        let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::parse).collect();
        let own: Vec<(&str, &str)> = own.lines().filter_map(own_group).collect();
        let mut places = BTreeMap::new();
        for controller in Controller::ALL {
            let name = controller.name();
            let one = mounts.iter().find(|mount| mount.version == Version::One && mount.has(name));
            let mount = one.or_else(|| mounts.iter().find(|mount| mount.version == Version::Two));
            let Some(mount) = mount else { continue };
            let is_its = |(controllers, _): &&(&str, &str)| match mount.version {
                Version::One => controllers.split(',').any(|one| one == name),
                Version::Two => controllers.is_empty(),
            };
            let Some((_, group)) = own.iter().find(is_its) else { continue };
            places.insert(controller, mount.place(group, is_delegated));
        }
        Self { places }
    }
}

impl Place {
    /// Makes the folder, and in version 2 lets its groups have the controller.
    fn prepare(&self, controller: Controller) -> io::Result<()> {
        if self.version == Version::Two {
            let available = fs::read_to_string(self.top.join("cgroup.controllers"))?;
            if !available.split_ascii_whitespace().any(|one| one == controller.name()) {
                return Err(io::ErrorKind::NotFound.into());
            }
        }
        make(&self.folder)?;
        if self.version == Version::Two {
            enable(&self.top, controller)?;
            enable(&self.folder, controller)?;
        }
        // Having the folder is not being allowed to make groups in it. Several may try at once, in one process, too.
        static PROBES: AtomicU64 = AtomicU64::new(0);
        let number = PROBES.fetch_add(1, Ordering::Relaxed);
        let probe = self.folder.join(format!("probe-{}-{number}", std::process::id()));
        make(&probe)?;
        fs::remove_dir(&probe)
    }
}

/// Makes a group, unless it is there.
pub(super) fn make(group: &Path) -> io::Result<()> {
    match fs::create_dir(group) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Lets the groups below one have a controller. In version 2 a group whose groups have one has no processes of its own:
/// those of a group that was handed to us move to one beside ours.
fn enable(group: &Path, controller: Controller) -> io::Result<()> {
    let control = group.join("cgroup.subtree_control");
    let is_on = fs::read_to_string(&control)?.split_ascii_whitespace().any(|one| one == controller.name());
    if is_on {
        return Ok(());
    }
    let word = format!("+{}", controller.name());
    match super::group::write(&control, &word) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            let beside = group.join("control");
            make(&beside)?;
            for process in fs::read_to_string(group.join("cgroup.procs"))?.lines() {
                let _ = super::group::write(&beside.join("cgroup.procs"), process); // it may have ended
            }
            super::group::write(&control, &word)
        }
        other => other,
    }
}

/// Whether the service manager has handed a group to whoever runs in it (systemd, "Control Group APIs and Delegation").
fn is_delegated(group: &Path) -> bool {
    ["user.delegate", "trusted.delegate"].iter().any(|name| {
        let mut value = [0_u8; 2];
        rustix::fs::getxattr(group, *name, &mut value).is_ok_and(|length| length > 0 && value[0] == b'1')
    })
}

/// A line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
struct Mount {
    version: Version,
    /// The group that the mount shows as its root.
    root: PathBuf,
    path: PathBuf,
    options: String,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let (front, back) = line.split_once(" - ")?;
        let front: Vec<&str> = front.split(' ').collect();
        let back: Vec<&str> = back.split(' ').collect();
        let version = match *back.first()? {
            "cgroup" => Version::One,
            "cgroup2" => Version::Two,
            _ => return None,
        };
        let (root, path) = (PathBuf::from(front.get(3)?), PathBuf::from(front.get(4)?));
        Some(Self { version, root, path, options: (*back.get(2)?).to_owned() })
    }

    fn has(&self, controller: &str) -> bool {
        self.options.split(',').any(|option| option == controller)
    }

    /// In version 1 below the own group, so that limits above it hold. In version 2 a group with processes cannot have
    /// groups with controllers: at the top, unless the own group was handed to us.
    fn place(&self, own: &str, is_delegated: &dyn Fn(&Path) -> bool) -> Place {
        let own = Path::new(own);
        let relative = own.strip_prefix(&self.root).or_else(|_| own.strip_prefix("/")).unwrap_or(own);
        // Whoever was moved aside by an earlier look is still in what was handed to us.
        let relative = if self.version == Version::Two { relative.parent_of("control") } else { relative };
        let own = self.path.join(relative);
        let top = if self.version == Version::One || is_delegated(&own) { own } else { self.path.clone() };
        let folder = top.join(FOLDER);
        Place { version: self.version, top, folder }
    }
}

/// `controllers` and group of a line of `/proc/self/cgroup`.
fn own_group(line: &str) -> Option<(&str, &str)> {
    line.split_once(':')?.1.split_once(':')
}

trait ParentOf {
    fn parent_of(&self, name: &str) -> &Path;
}

impl ParentOf for Path {
    /// The path without its last part, if that has this name.
    fn parent_of(&self, name: &str) -> &Path {
        if self.file_name().is_some_and(|last| last == name) { self.parent().unwrap_or(self) } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
25 20 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
26 25 0:23 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
27 25 0:24 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
28 25 0:25 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    fn folders(mounts: &str, own: &str, delegated: bool) -> Vec<String> {
        let found = Hierarchies::parse(mounts, own, &|_| delegated);
        let line = |(controller, place): (&Controller, &Place)| {
            format!("{} {:?} {}", controller.name(), place.version, place.folder.display())
        };
        found.places.iter().map(line).collect()
    }

    #[test]
    fn a_hybrid_machine_has_some_controllers_in_each_version() {
        let own = "4:memory:/box/a\n1:cpu,cpuacct:/\n0::/init.scope\n";
        let expected = [
            "memory One /sys/fs/cgroup/memory/box/a/seaworthy",
            "cpu One /sys/fs/cgroup/cpu/seaworthy",
            "pids Two /sys/fs/cgroup/unified/seaworthy",
        ];
        assert_eq!(folders(HYBRID, own, false), expected);
    }

    #[test]
    fn in_version_two_groups_are_made_at_the_top_or_in_what_was_handed_to_us() {
        let mounts = "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let own = "0::/system.slice/seaworthy.service/control\n";
        let folder = |delegated| folders(mounts, own, delegated).pop().unwrap();
        assert_eq!(folder(false), "pids Two /sys/fs/cgroup/seaworthy");
        assert_eq!(folder(true), "pids Two /sys/fs/cgroup/system.slice/seaworthy.service/seaworthy");
    }

    #[test]
    fn whoever_looks_at_the_same_time_finds_the_same() {
        let alone = Hierarchies::find();
        let many: Vec<_> = (0..16).map(|_| std::thread::spawn(|| [(); 20].map(|()| Hierarchies::find()))).collect();
        for found in many.into_iter().flat_map(|thread| thread.join().unwrap()) {
            assert_eq!(found, alone);
        }
    }

    #[test]
    fn a_machine_without_any_has_nothing() {
        assert!(folders("22 1 0:1 / / rw - ext4 /dev/vda rw\n", "0::/\n", false).is_empty());
        assert!(folders(HYBRID, "", true).is_empty());
    }
}
