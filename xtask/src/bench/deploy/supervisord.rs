//! The same ten programs under supervisord, restarted one after the other: how one replaces a version there without
//! having none. There is no gateway before them, so what is lost is not counted.

use super::{REPLICAS, SERVICES};
use crate::bench::free_address;
use crate::bench::process::Server;
use crate::bench::spread::Spread;
use crate::failure::Failure;
use crate::shell;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

pub(super) fn row(folder: &Path, program: &Path, rounds: u64) -> Result<String, Failure> {
    if !shell::exists("supervisord") {
        return Ok("| supervisord | not installed: apt-get install supervisor | |".to_owned());
    }
    let folder = folder.join("supervisord");
    crate::fresh::create(&folder)?;
    let addresses = (0..SERVICES * REPLICAS).map(|_| free_address()).collect::<Result<Vec<_>, _>>()?;
    let file = folder.join("supervisord.conf");
    super::write(&file, &configuration(&folder, program, &addresses))?;
    let file = file.to_string_lossy().into_owned();
    let mut command = shell::command(&folder, &["supervisord", "--nodaemon", "--configuration", &file]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Server::start(command)?;
    for address in &addresses {
        server.wait_for(*address)?;
    }
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        for (index, address) in addresses.iter().enumerate() {
            shell::capture(&folder, &["supervisorctl", "--configuration", &file, "restart", &format!("p{index}")])?;
            server.wait_for(*address)?;
        }
        seconds.push(started.elapsed().as_secs_f64());
    }
    let memory = server.own_memory_bytes() as f64 / 1e6;
    drop(server);
    std::thread::sleep(Duration::from_millis(100));
    Ok(format!("| supervisord ({memory:.1} MB) | {:.2} | not counted: nothing stands before it |", Spread::of(seconds)))
}

fn configuration(folder: &Path, program: &Path, addresses: &[SocketAddr]) -> String {
    let at = folder.display();
    let mut text = format!(
        "[supervisord]\nlogfile={at}/log\npidfile={at}/pid\nchildlogdir={at}\n\
         [unix_http_server]\nfile={at}/s\n[supervisorctl]\nserverurl=unix://{at}/s\n\
         [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
    );
    for (index, address) in addresses.iter().enumerate() {
        let _ = write!(
            text,
            "[program:p{index}]\ncommand={}\nenvironment=PORT=\"{}\",HOST=\"{}\"\nstartsecs=0\nautorestart=true\n",
            program.display(),
            address.port(),
            address.ip()
        );
    }
    text
}
