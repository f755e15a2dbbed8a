//! Debian's runc.

use super::{MEMORY_BYTES, PROCESSES, PROGRAM};
use crate::bench::failed;
use crate::failure::Failure;
use crate::shell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A bundle, from which containers are started.
pub(super) struct Runc {
    bundle: PathBuf,
    state: PathBuf,
}

impl Runc {
    pub(super) fn create(bundle: &Path) -> Result<Self, Failure> {
        let root = bundle.join("rootfs");
        for folder in ["bin", "proc", "dev", "sys", "tmp"] {
            crate::fresh::create(&root.join(folder))?;
        }
        fs::copy(PROGRAM, root.join("bin/busybox")).map_err(failed("the program"))?;
        shell::run(bundle, &["runc", "spec"])?;
        let file = bundle.join("config.json");
        let text = fs::read(&file).map_err(failed("config.json"))?;
        let mut config: serde_json::Value = serde_json::from_slice(&text).map_err(failed("config.json"))?;
        config["process"]["terminal"] = false.into();
        config["process"]["args"] = serde_json::json!(["/bin/busybox", "sleep", "1000"]);
        config["linux"]["resources"]["memory"] = serde_json::json!({ "limit": MEMORY_BYTES });
        config["linux"]["resources"]["pids"] = serde_json::json!({ "limit": PROCESSES });
        let text = serde_json::to_vec(&config).map_err(failed("config.json"))?;
        seaworthy_host::files::write_atomic(&file, &text, 0o644).map_err(failed("config.json"))?;
        Ok(Self { bundle: bundle.to_owned(), state: bundle.join("state") })
    }

    /// Starts a container, says how long that took, and removes it.
    pub(super) fn start(&self, name: &str) -> Result<Duration, Failure> {
        let state = self.state.to_string_lossy();
        let words = ["runc", "--root", &state, "run", "--detach", name];
        let mut command = shell::command(&self.bundle, &words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let began = Instant::now();
        shell::status(command, "runc run")?;
        let took = began.elapsed();
        shell::run(&self.bundle, &["runc", "--root", &state, "delete", "--force", name])?;
        Ok(took)
    }
}
