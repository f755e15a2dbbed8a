//! How a node runs: from its command line and its environment, and what it remembers of both.

use seaworthy_diagnostics::Diagnostic;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where users reach the gateway unless somebody says otherwise.
const PORT: u16 = 8080;
/// How many of the last revisions of an environment are kept unless somebody says otherwise.
const KEEP_REVISIONS: u32 = 5;
/// How long, in seconds, what came in is kept unless somebody says otherwise: a release may take that long to arrive.
const KEEP_YOUNG_S: u32 = 3600;

/// How often, in seconds, branches are looked at unless somebody says otherwise.
const POLL_S: u32 = 60;

/// What a node is started with.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Where its state is.
    pub home: PathBuf,
    /// Where its sockets are.
    pub runtime: PathBuf,
    /// Its own socket.
    pub socket: PathBuf,
    /// The group that may use the socket, on an installed node.
    pub group: Option<String>,
    /// Where users reach the gateway.
    pub listen: Vec<SocketAddr>,
    /// The port of the registry on 127.0.0.1, if there shall be one.
    pub registry_port: Option<u16>,
    /// The port on 127.0.0.1 on which webhooks wake the node, if there shall be one.
    pub webhook_port: Option<u16>,
    /// How often the branches that environments follow are looked at.
    pub poll_every: Duration,
    /// How much memory builds may have; `None`: half of the machine's.
    pub build_memory_bytes: Option<u64>,
    /// What else of the machine builds may read: folders of toolchains.
    pub build_reads: Vec<PathBuf>,
    /// Of every environment, how many of the last revisions are kept.
    pub keep_revisions: u32,
    /// What came in within this time is kept, whether or not something needs it.
    pub keep_young: Duration,
    /// It ends, and takes everything with it, when nobody holds its standard input open any more.
    pub throwaway: bool,
}

/// What a node remembers, so that it comes back as it was whoever starts it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    listen: Vec<SocketAddr>,
}

const REMEMBERED: &str = "node.json";

impl Options {
    /// From the words after `node run` and the environment.
    ///
    /// # Errors
    /// When a word or an address is not understood, or a folder cannot be made.
    pub(crate) fn from_environment(words: &[String]) -> Result<Self, Diagnostic> {
        let home = seaworthy_host::home();
        seaworthy_host::files::create_directory(&home, 0o711)?;
        let runtime = seaworthy_host::runtime_directory(&home)?;
        let mut options = Self { socket: runtime.join("node.sock"), runtime, ..Self::of_environment(home)? };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                let value = words.next().cloned();
                value.ok_or_else(|| Diagnostic::user(format!("`{word}` wants a value")))
            };
            match word.as_str() {
                "--socket" => options.socket = value()?.into(),
                crate::throwaway::WORD => options.throwaway = true,
                "--group" => options.group = Some(value()?),
                "--listen" => options.listen.extend(addresses(&value()?)?),
                "--registry-port" => options.registry_port = Some(port(word, &value()?)?),
                _ => return Err(Diagnostic::user(format!("`node run` does not know `{word}`"))),
            }
        }
        if options.listen.is_empty() {
            options.listen = wanted_or_remembered(&options.home)?;
        }
        remember(&options)?;
        Ok(options)
    }

    /// What the environment's variables say.
    fn of_environment(home: PathBuf) -> Result<Self, Diagnostic> {
        let registry_port = variable("SEAWORTHY_REGISTRY_PORT");
        let registry_port = registry_port.map(|text| port("SEAWORTHY_REGISTRY_PORT", &text)).transpose()?;
        let webhook_port = variable("SEAWORTHY_WEBHOOK_PORT");
        let webhook_port = webhook_port.map(|text| port("SEAWORTHY_WEBHOOK_PORT", &text)).transpose()?;
        Ok(Self {
            home,
            runtime: PathBuf::new(),
            socket: PathBuf::new(),
            group: None,
            listen: Vec::new(),
            registry_port,
            webhook_port,
            poll_every: Duration::from_secs(number("SEAWORTHY_POLL_SECONDS", POLL_S, 1)?.into()),
            build_memory_bytes: size("SEAWORTHY_BUILD_MEMORY")?,
            build_reads: folders("SEAWORTHY_BUILD_READS")?,
            keep_revisions: number("SEAWORTHY_KEEP_REVISIONS", KEEP_REVISIONS, 1)?,
            keep_young: Duration::from_secs(number("SEAWORTHY_KEEP_YOUNG_SECONDS", KEEP_YOUNG_S, 0)?.into()),
            throwaway: false,
        })
    }
}

fn wanted_or_remembered(home: &Path) -> Result<Vec<SocketAddr>, Diagnostic> {
    if let Some(listen) = variable("SEAWORTHY_LISTEN") {
        return addresses(&listen);
    }
    if let Some(text) = variable("SEAWORTHY_PORT") {
        return Ok(loopback(port("SEAWORTHY_PORT", &text)?));
    }
    let kept = seaworthy_host::files::read_if_there(&home.join(REMEMBERED)).ok().flatten();
    let kept: Remembered = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    Ok(if kept.listen.is_empty() { loopback(PORT) } else { kept.listen })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn port(of: &str, text: &str) -> Result<u16, Diagnostic> {
    text.parse().map_err(|_| Diagnostic::user(format!("`{of}={text}` is not a port")))
}

fn size(name: &str) -> Result<Option<u64>, Diagnostic> {
    let Some(text) = variable(name) else { return Ok(None) };
    let bytes = seaworthy_model::units::parse_size(&text).map_err(|error| {
        Diagnostic::user(format!("`{name}={text}` is {error}")).help("write a number and a unit, such as `4GiB`")
    })?;
    Ok(Some(bytes))
}

fn folders(name: &str) -> Result<Vec<PathBuf>, Diagnostic> {
    let text = variable(name).unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&text).filter(|path| !path.as_os_str().is_empty()).collect();
    match folders.iter().find(|folder| !folder.is_absolute()) {
        Some(folder) => Err(Diagnostic::user(format!("`{name}`: `{}` is not absolute", folder.display()))),
        None => Ok(folders),
    }
}

fn number(name: &str, otherwise: u32, least: u32) -> Result<u32, Diagnostic> {
    let Some(text) = variable(name) else { return Ok(otherwise) };
    let number = text.parse().ok().filter(|number| *number >= least);
    number.ok_or_else(|| Diagnostic::user(format!("`{name}={text}` is not a number from {least} upwards")))
}

/// A user's own node is for this machine alone; an installed one says where it listens.
fn loopback(port: u16) -> Vec<SocketAddr> {
    let both: [SocketAddr; 2] = [([127, 0, 0, 1], port).into(), (std::net::Ipv6Addr::LOCALHOST, port).into()];
    // A machine without IPv6 has no ::1 to listen on.
    let there = |address: &SocketAddr| address.is_ipv4() || std::net::TcpListener::bind(("::1", 0)).is_ok();
    both.into_iter().filter(there).collect()
}

fn addresses(text: &str) -> Result<Vec<SocketAddr>, Diagnostic> {
    let parse = |address: &str| {
        address.trim().parse().map_err(|_| {
            Diagnostic::user(format!("`{address}` is not an address to listen on"))
                .help("write an IP address and a port, such as `0.0.0.0:80` or `[::]:80`; several with commas")
        })
    };
    text.split(',').map(parse).collect()
}

fn remember(options: &Options) -> Result<(), Diagnostic> {
    let bytes = serde_json::to_vec_pretty(&Remembered { listen: options.listen.clone() }).unwrap_or_default();
    Ok(seaworthy_host::files::write_atomic(&options.home.join(REMEMBERED), &bytes, 0o644)?)
}
