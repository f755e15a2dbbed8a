//! The program that the end-to-end tests deploy: a small server of one thread per connection, whose good and bad habits
//! are set by its environment and by the paths that are asked for.

mod answers;
mod http;
mod settings;
mod stop;
#[cfg(target_os = "linux")]
mod walls;
mod websocket;

use answers::State;
use settings::{Mode, Settings};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    let settings = Settings::from_environment();
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["migrate"] => std::process::exit(migrate(&settings)),
        ["ask", socket] => std::process::exit(ask(socket)),
        _ => {}
    }
    stop::listen_for_signals(settings.ignore_term, settings.rude_term);
    say(&format!("subject {} starts as {}", settings.version, std::process::id()));
    misbehave(&settings);
    std::thread::sleep(settings.start_delay);
    match settings.mode {
        Mode::Worker => work(&settings),
        Mode::Http | Mode::Tcp => serve(settings),
    }
    say("subject ends");
}

/// What runs before a release: takes its time, says that it ran, and fails if told to.
fn migrate(settings: &Settings) -> i32 {
    say(&format!("migrating for {}", settings.version));
    settings.record(&format!("migrate {}", settings.version));
    std::thread::sleep(settings.migrate_for);
    settings.migrate_exit
}

/// What comes on standard input goes to a Unix socket, the answer to standard output: for tests that are another user.
fn ask(socket: &str) -> i32 {
    let talk = || -> std::io::Result<()> {
        let mut stream = UnixStream::connect(socket)?;
        std::io::copy(&mut std::io::stdin(), &mut stream)?;
        std::io::copy(&mut stream, &mut std::io::stdout()).map(drop)
    };
    match talk() {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{socket}: {error}");
            1
        }
    }
}

/// The bad habits that need no request.
fn misbehave(settings: &Settings) {
    if settings.hang_at_start {
        say("hanging before listening");
        std::thread::sleep(Duration::from_secs(3600));
    }
    if let Some(after) = settings.crash_after {
        let crash = move || {
            std::thread::sleep(after);
            say("crashing on purpose");
            std::process::exit(3);
        };
        if after.is_zero() {
            crash();
        } else {
            std::thread::spawn(crash);
        }
    }
    if !settings.flood_for.is_zero() {
        let until = Instant::now() + settings.flood_for;
        std::thread::spawn(move || flood(until));
    }
    if settings.binary_log {
        let every_byte: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
        let _ = std::io::stdout().write_all(&every_byte);
        let _ = std::io::stderr().write_all(b"\xff\xfe\x00 not text \x1b[2J\n");
    }
}

/// As much log as the reader takes until then.
fn flood(until: Instant) {
    let line = [b"flood ".repeat(40), b"\n".to_vec()].concat();
    let block = line.repeat(256);
    while Instant::now() < until && std::io::stdout().write_all(&block).is_ok() {}
}

fn work(settings: &Settings) {
    while !stop::asked() {
        settings.record(&format!("work {} {}", settings.version, std::process::id()));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn serve(settings: Settings) {
    let address = (settings.host.clone(), settings.port);
    let listener = match TcpListener::bind((address.0.as_str(), address.1)) {
        Ok(listener) => listener,
        Err(error) => {
            say(&format!("cannot listen on {}:{}: {error}", address.0, address.1));
            std::process::exit(4);
        }
    };
    say(&format!("subject {} listens on {}:{}", settings.version, address.0, address.1));
    let state = Arc::new(State::new(settings));
    while stop::wait_for_connection(&listener) {
        let Ok((stream, _)) = listener.accept() else { continue };
        let state = Arc::clone(&state);
        std::thread::spawn(move || match state.settings.mode {
            Mode::Tcp => echo(&state, stream),
            Mode::Http | Mode::Worker => http::serve(&state, stream),
        });
    }
    drop(listener);
    let patience = Instant::now() + Duration::from_secs(60);
    while state.is_busy() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// TCP mode: says who it is, then gives every byte back until the client has no more.
fn echo(state: &State, mut stream: TcpStream) {
    let _busy = state.begin();
    let _ = stream.set_nodelay(true);
    let _ = stream.write_all(format!("{}\n", state.settings.version).as_bytes());
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

/// One line of log.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
