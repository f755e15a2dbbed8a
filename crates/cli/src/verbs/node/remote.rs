//! `seaworthy node install --on ssh://…`: the executables go over, and install themselves there.

use super::install::{check_addresses, executables};
use crate::arguments::InstallArguments;
use crate::context::{Context, ssh_transport};
use crate::exit::{Ended, Ending};
use seaworthy_api::Transport;
use seaworthy_diagnostics::Diagnostic;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;

/// Root gets an installed node. Another user gets the programs in `~/.local/bin`: a node of their own starts with the
/// first verb that needs it.
const ASK: &str = "uname -sm && id -u";

pub(super) async fn install(context: &Context, url: &str, arguments: &InstallArguments) -> Ending {
    check_addresses(&arguments.listen)?;
    let transport = ssh_transport(url)?;
    let said = remote(&transport, ASK, None)?;
    let mut lines = said.lines();
    let (machine, user) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let ours = format!("Linux {}", std::env::consts::ARCH);
    if machine != ours {
        let error = Diagnostic::user(format!("{url} is `{machine}`, these programs are for `{ours}`"));
        return Err(Ended::refused(error.help("run `seaworthy node install` there, with programs built for it")));
    }
    let folder = if user == "0" { "/usr/local/bin" } else { "$HOME/.local/bin" };
    for (name, path) in executables()? {
        context.output.note(&format!("{name} to {url}"));
        // Written beside and renamed: the program may be running there.
        let line = format!(
            "mkdir -p {folder} && cat > {folder}/{name}.new && chmod 755 {folder}/{name}.new && \
             mv {folder}/{name}.new {folder}/{name}"
        );
        remote(&transport, &line, Some(&path))?;
    }
    check_libraries(&transport, folder)?;
    let listen = arguments.listen.join(",");
    let start = match (user, listen.is_empty()) {
        ("0", true) => format!("{folder}/seaworthy node install"),
        ("0", false) => format!("{folder}/seaworthy node install --listen '{listen}'"),
        (_, true) => format!("{folder}/seaworthy node start"),
        (_, false) => format!("SEAWORTHY_LISTEN='{listen}' {folder}/seaworthy node start"),
    };
    let said = remote(&transport, &start, None)?;
    said.lines().for_each(|line| context.output.note(line));
    context
        .output
        .note(&format!("write `node = \"{url}\"` into an environment of seaworthy.toml, then `seaworthy deploy`"));
    if context.output.json {
        context.output.value(&serde_json::json!({ "node": url }));
    }
    Ok(())
}

/// The helper for checks links C libraries; a machine without them gets told before the first deployment fails.
fn check_libraries(transport: &Transport, folder: &str) -> Ending {
    let missing = remote(transport, &format!("ldd {folder}/seaworthy-check | grep 'not found' || true"), None)?;
    if missing.trim().is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let error = Diagnostic::machine(format!("`seaworthy-check` lacks {} there", names.join(", ")));
    Err(Ended::failed(error.help("on Debian and Ubuntu: `apt-get install libxml2 libssl3 libcurl4`, then try again")))
}

/// Runs a shell line there, with a file as its standard input; returns what it wrote.
fn remote(transport: &Transport, line: &str, input: Option<&Path>) -> Result<String, Ended> {
    let failed = |what: String| Ended::failed(Diagnostic::machine(what));
    let words = transport.remote_command(line).unwrap_or_default();
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed("only a node that ssh reaches can be installed from here".to_owned()));
    };
    let stdin = match input {
        Some(path) => Stdio::from(File::open(path).map_err(|e| failed(format!("`{}`: {e}", path.display())))?),
        None => Stdio::null(),
    };
    let output = seaworthy_host::process::command(program)
        .args(arguments)
        .envs(std::env::vars_os())
        .stdin(stdin)
        .output()
        .map_err(|e| failed(format!("`{program}` cannot be started: {e}")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let evidence = words.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        let error = Diagnostic::machine(format!("`{line}` failed at {}", transport.place())).evidence(evidence);
        return Err(Ended::failed(error.help("ssh must get in without a question, and the disk there must have room")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}
