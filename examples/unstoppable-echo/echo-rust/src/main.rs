//! Unstoppable Echo, in Rust: `GET /hi!` answers a page that says `hi! right back at ya!`.
//! What all five services promise is written in `../README.md`.

mod clock;
mod connection;
mod input;
mod log;
mod phrase;
mod request;
mod response;
mod server;
mod settings;

use std::error::Error;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::log::{Level, Log};
use crate::server::Server;
use crate::settings::Settings;

/// How long a request that is under way may take to end once we are told to stop.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo-rust: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let log = Log::new(settings.log_level);
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let listener = TcpListener::bind((settings.host.as_str(), settings.port))
        .map_err(|error| format!("cannot listen on `{}:{}`: {error}", settings.host, settings.port))?;
    let server = Server::start(listener, log)?;
    log.event(Level::Info, &format!("listening on {}", server.address()));

    signals.forever().next();
    log.event(Level::Info, "stopping");
    let unfinished = server.stop(GRACE);
    if unfinished > 0 {
        log.event(Level::Warn, &format!("{unfinished} connections were still open after the grace time"));
    }
    log.event(Level::Info, "stopped");
    Ok(())
}
