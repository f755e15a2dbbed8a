//! nginx as Debian has it: as a contender, and as what answers behind all of them.

use super::HOST;
use super::contender::{Contender, write};
use crate::bench::free_address;
use crate::bench::process::Server;
use crate::failure::Failure;
use crate::shell;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

/// What every request is answered with.
const BODY_BYTES: usize = 512;

pub(super) fn start(folder: &Path, backends: &[SocketAddr]) -> Result<Contender, Failure> {
    let address = free_address()?;
    let servers: String = backends.iter().map(|backend| format!("server {backend}; ")).collect();
    let http = format!(
        "access_log {log} combined buffer=64k flush=1s;
    upstream pool {{ least_conn; {servers} keepalive 256; keepalive_requests 1000000; }}
    server {{
        listen {address};
        server_name {HOST};
        location / {{
            proxy_pass http://pool;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}",
        log = folder.join("nginx-access.log").display()
    );
    Ok(Contender { name: "nginx", address, server: serve(folder, "nginx", &http, address)? })
}

/// One process that answers on two addresses, as two instances.
pub(super) fn backend(folder: &Path) -> Result<(Server, Vec<SocketAddr>), Failure> {
    let addresses = vec![free_address()?, free_address()?];
    let listen: String = addresses.iter().map(|address| format!("listen {address}; ")).collect();
    let body = "x".repeat(BODY_BYTES);
    let http = format!(
        "access_log off;
    server {{ {listen} location / {{ default_type text/plain; return 200 \"{body}\"; }} }}"
    );
    let server = serve(folder, "backend", &http, addresses[0])?;
    Ok((server, addresses))
}

fn serve(folder: &Path, name: &str, http: &str, address: SocketAddr) -> Result<Server, Failure> {
    let folder = folder.join(name);
    crate::fresh::create(&folder)?;
    let at = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {at}/{kind};\n"))
        .concat();
    let configuration = format!(
        "daemon off;
worker_processes 1;
pid {at}/pid;
error_log {at}/error.log;
events {{ worker_connections 4096; }}
http {{
{temporary}    keepalive_requests 1000000;
    {http}
}}
"
    );
    let file = folder.join("nginx.conf");
    write(&file, &configuration)?;
    let file = file.to_string_lossy();
    let error_log = folder.join("error.log");
    let mut command = shell::command(&folder, &["nginx", "-e", &error_log.to_string_lossy(), "-c", &file]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Server::start(command)?;
    server.wait_for(address)?;
    Ok(server)
}
