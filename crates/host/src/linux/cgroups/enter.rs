//! Programs that begin their life in a group: not one instruction of them is outside.

use super::Group;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

impl Group {
    /// Makes a command start in the group. Asked for before a private root is: the group's files are outside.
    ///
    /// # Errors
    /// When a folder's name holds a NUL.
    pub fn enter(&self, command: &mut Command) -> io::Result<()> {
        let text = |file: std::path::PathBuf| CString::new(file.as_os_str().as_bytes()).map_err(io::Error::from);
        let files: Vec<CString> =
            self.paths().into_iter().map(|folder| text(folder.join("cgroup.procs"))).collect::<Result<_, _>>()?;
        // SAFETY: between `fork` and `exec` there are only system calls with what was prepared before; nothing is
        // allocated, no lock is taken.
        unsafe {
            command.pre_exec(move || {
                use nix::fcntl::{OFlag, open};
                for file in &files {
                    let file = open(file.as_c_str(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())?;
                    // 0 means whoever writes it (cgroups(7)).
                    nix::unistd::write(&file, b"0")?;
                }
                Ok(())
            })
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::linux::cgroups::{Controller, Group, Hierarchies, Limits};
    use crate::process::command;

    /// Where this machine lets us.
    #[test]
    fn a_program_that_forks_without_end_meets_the_limit_and_goes_with_its_group() {
        let hierarchies = Hierarchies::find();
        if !hierarchies.has(Controller::Processes) {
            return;
        }
        let group = Group::named(&hierarchies, &format!("test-bomb-{}", std::process::id()));
        group.make(&Limits { processes: Some(20), ..Limits::default() }).unwrap();
        let mut shell = command("/bin/sh");
        // Each leaves the process group of the one before, as what wants to survive does.
        shell.args(["-c", "b() { setsid sh -c 'sleep 60 & sleep 60' & b; }; b"]).env("PATH", "/usr/bin:/bin");
        shell.stderr(std::process::Stdio::null());
        group.enter(&mut shell).unwrap();
        let mut child = shell.spawn().unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while group.process_refusals() == 0 {
            assert!(std::time::Instant::now() < until, "it never met the limit");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let members = group.members();
        assert!(members.len() > 5, "{members:?}");
        let reaper = std::thread::spawn(move || child.wait());
        group.end().unwrap();
        reaper.join().unwrap().unwrap();
        assert!(group.members().is_empty());
    }
}
