//! `seaworthy node install`: the node as a service of this machine.

use super::unit;
use crate::arguments::InstallArguments;
use crate::context::Context;
use crate::exit::{Ended, Ending};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::{files, peer, process};
use std::path::{Path, PathBuf};

/// The two executables, beside each other.
const EXECUTABLES: [&str; 2] = ["seaworthy", "seaworthy-check"];
/// Where an installed node's users reach the gateway unless somebody says otherwise.
const LISTEN: &str = "0.0.0.0:80";
const PROGRAMS: &str = "usr/local/bin";
const UNIT: &str = "etc/systemd/system/seaworthy.service";

pub(super) fn run(context: &Context, arguments: &InstallArguments) -> Ending {
    let root = arguments.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    if arguments.root.is_none() && !peer::is_root() {
        let error = Diagnostic::user("installing a node is for root");
        return Err(Ended::refused(
            error.help("`sudo seaworthy node install`; a node of your own needs no installing"),
        ));
    }
    check_addresses(&arguments.listen)?;
    let listen = match arguments.listen.as_slice() {
        [] => vec![LISTEN.to_owned()],
        some => some.to_vec(),
    };
    copy_executables(&root)?;
    let program = format!("/{PROGRAMS}/seaworthy");
    write(&root.join(UNIT), unit::text(&program, &listen).as_bytes(), 0o644)?;
    context.output.note(&format!("wrote `{}`", root.join(UNIT).display()));
    let runs = if arguments.root.is_some() { false } else { begin(context)? };
    if context.output.json {
        let programs = EXECUTABLES.map(|name| root.join(PROGRAMS).join(name));
        context.output.value(&serde_json::json!({ "programs": programs, "unit": root.join(UNIT), "runs": runs }));
    }
    Ok(())
}

/// Lets systemd start the node; false where there is none.
fn begin(context: &Context) -> Result<bool, Ended> {
    step(context, "groupadd", &["--system", "--force", "seaworthy"])?;
    if Path::new("/run/systemd/system").is_dir() {
        step(context, "systemctl", &["daemon-reload"])?;
        step(context, "systemctl", &["enable", "seaworthy.service"])?;
        step(context, "systemctl", &["restart", "seaworthy.service"])?;
        context.output.note("the node runs; let somebody deploy: `usermod --append --groups seaworthy USER`");
        return Ok(true);
    }
    context.output.warning("systemd does not run here: the unit is written, nothing was started");
    Ok(false)
}

/// What is refused here would otherwise be written into a unit, or go to another machine.
pub(super) fn check_addresses(listen: &[String]) -> Ending {
    let wrong = listen.iter().find(|address| address.parse::<std::net::SocketAddr>().is_err());
    wrong.map_or(Ok(()), |address| {
        let error = Diagnostic::user(format!("`{address}` is not an address to listen on"));
        Err(Ended::refused(error.help("write an IP address and a port: `--listen 0.0.0.0:80,[::]:80`")))
    })
}

/// Copies this program and its helper beside each other. A running program's file is replaced, never written into.
pub(super) fn copy_executables(root: &Path) -> Result<(), Ended> {
    for (name, source) in executables()? {
        let bytes = files::read(&source).map_err(|e| Ended::failed(e.into()))?;
        write(&root.join(PROGRAMS).join(name), &bytes, 0o755)?;
    }
    Ok(())
}

/// The paths of this program and its helper.
pub(super) fn executables() -> Result<Vec<(&'static str, PathBuf)>, Ended> {
    let this = std::env::current_exe().map_err(|e| Ended::failed(Diagnostic::machine(e.to_string())))?;
    let found =
        EXECUTABLES.map(|name| (name, if name == "seaworthy" { this.clone() } else { this.with_file_name(name) }));
    match found.iter().find(|(_, path)| !path.is_file()) {
        None => Ok(found.to_vec()),
        Some((name, path)) => {
            let error = Diagnostic::user(format!("`{name}` is missing: there is no `{}`", path.display()));
            Err(Ended::refused(
                error.help("the two executables belong together: `cargo build --release -p seaworthy-check`"),
            ))
        }
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Ending {
    let failed = |e: files::FileError| Ended::failed(e.into());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| {
            let error = Diagnostic::machine(format!("cannot make `{}`: {e}", folder.display()));
            Ended::failed(error.help("`--root` takes a folder that can be written"))
        })?;
    }
    files::write_atomic(path, bytes, mode).map_err(failed)
}

fn step(context: &Context, program: &str, arguments: &[&str]) -> Ending {
    let line = format!("{program} {}", arguments.join(" "));
    context.output.note(&line);
    let status = process::command(program).args(arguments).envs(std::env::vars_os()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Ended::failed(Diagnostic::machine(format!("`{line}` failed: {status}")))),
        Err(error) => Err(Ended::failed(Diagnostic::machine(format!("`{program}` cannot be started: {error}")))),
    }
}
