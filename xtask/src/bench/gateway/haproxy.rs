//! HAProxy as Debian has it.

use super::HOST;
use super::contender::{Contender, write};
use crate::bench::process::Server;
use crate::bench::{failed, free_address};
use crate::failure::Failure;
use crate::shell;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

/// With its access log in a file, or without any.
pub(super) fn start(folder: &Path, backends: &[SocketAddr], log: bool) -> Result<Contender, Failure> {
    let name = if log { "haproxy" } else { "haproxy, no log" };
    let address = free_address()?;
    let file = folder.join(format!("haproxy-{log}.cfg"));
    write(&file, &configuration(address, backends, log))?;
    let out = File::create(folder.join(format!("haproxy-{log}.log"))).map_err(failed("a log"))?;
    let mut command = shell::command(folder, &["haproxy", "-db", "-f", &file.to_string_lossy()]);
    command.stdin(Stdio::null()).stdout(out).stderr(Stdio::null());
    let mut server = Server::start(command)?;
    server.wait_for(address)?;
    Ok(Contender { name, address, server })
}

fn configuration(address: SocketAddr, backends: &[SocketAddr], log: bool) -> String {
    let (target, option) = match log {
        true => ("    log stdout format raw local0 info\n", "    log global\n    option httplog\n"),
        false => ("", ""),
    };
    let servers: String =
        backends.iter().enumerate().map(|(index, backend)| format!("    server s{index} {backend}\n")).collect();
    format!(
        "global
    nbthread 1
    maxconn 4096
{target}
defaults
    mode http
{option}    option forwardfor
    http-reuse always
    timeout connect 3s
    timeout client 75s
    timeout server 60s

frontend public
    bind {address}
    use_backend pool if {{ hdr(host) -i {HOST} }}

backend pool
    balance leastconn
{servers}"
    )
}
