//! A Seaworthy of its own: a copy of both executables, a home, a port. All of its processes are known by the copy.

use super::app::ENVIRONMENT;
use crate::bench::failed;
use crate::bench::process::proportional_bytes;
use crate::failure::Failure;
use crate::shell;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(super) struct Machine {
    binary: PathBuf,
    home: PathBuf,
    pub(super) address: SocketAddr,
}

impl Machine {
    pub(super) fn create(folder: &Path, release: &Path) -> Result<Self, Failure> {
        crate::fresh::create(folder)?;
        for name in ["seaworthy", "seaworthy-check"] {
            fs::copy(release.join(name), folder.join(name)).map_err(failed(name))?;
        }
        let address = crate::bench::free_address()?;
        Ok(Self { binary: folder.join("seaworthy"), home: folder.join("home"), address })
    }

    fn command(&self, folder: &Path, words: &[&str]) -> Command {
        let binary = self.binary.to_string_lossy();
        let mut all = vec![binary.as_ref()];
        all.extend(words);
        let mut command = shell::command(folder, &all);
        command.env("SEAWORTHY_HOME", &self.home).env("SEAWORTHY_PORT", self.address.port().to_string());
        command
    }

    /// Runs a verb and says how long it took.
    pub(super) fn time(&self, folder: &Path, words: &[&str]) -> Result<Duration, Failure> {
        let started = Instant::now();
        let mut command = self.command(folder, words);
        let output = command.stdin(Stdio::null()).output().map_err(failed("seaworthy"))?;
        let elapsed = started.elapsed();
        if output.status.success() {
            return Ok(elapsed);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        Err(Failure::Bench(format!("`seaworthy {}` failed: {}\n{said}", words.join(" "), output.status)))
    }

    /// Memory by role, and how many processes have it.
    pub(super) fn memory(&self) -> BTreeMap<&'static str, (usize, u64)> {
        let mut roles = BTreeMap::new();
        for pid in self.processes() {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let role = match words.split(|byte| *byte == 0).nth(1) {
                Some(b"node") => "node",
                Some(b"gateway" | b"gateway-worker") => "gateway",
                Some(b"shim") => "shims",
                _ => "other",
            };
            let (count, bytes) = roles.entry(role).or_insert((0, 0));
            *count += 1;
            *bytes += proportional_bytes(pid);
        }
        roles
    }

    fn processes(&self) -> Vec<u32> {
        fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == self.binary))
            .collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let folder = self.home.parent().unwrap_or(&self.home).to_owned();
        let _ = self.time(&folder, &["down", ENVIRONMENT, "--app", "bench"]);
        let _ = self.time(&folder, &["node", "stop", "--all"]);
        for pid in self.processes() {
            let _ = shell::capture(&folder, &["kill", "-KILL", &pid.to_string()]);
        }
    }
}
