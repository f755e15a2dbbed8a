//! The gateway's listening sockets: the node binds them, the gateway's parent holds them.

use super::loopbacks;
use crate::failure::machine;
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_gateway::control::GatewayClient;
use seaworthy_host::files;
use seaworthy_host::ports::Holder;
use seaworthy_model::routing::{ListenAddress, Listener, Purpose};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// What listeners there are, kept on disk: instances know the addresses of those whom they call, so a listener that is
/// lost with the gateway's parent must come back where it was.
pub(super) struct Listeners {
    file: PathBuf,
    kept: BTreeMap<String, Listener>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    listeners: BTreeMap<String, Listener>,
}

impl Listeners {
    /// Reads what was kept.
    pub(super) fn open(home: &Path) -> Result<Self, Diagnostic> {
        let file = home.join("listeners.json");
        let bytes = files::read_if_there(&file).map_err(|e| machine(&e))?;
        let kept: Kept = match bytes {
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|e| Diagnostic::machine(format!("`{}` is damaged: {e}", file.display())))?,
            None => Kept::default(),
        };
        Ok(Self { file, kept: kept.listeners })
    }

    /// All of them.
    pub(super) fn all(&self) -> &BTreeMap<String, Listener> {
        &self.kept
    }

    /// Where a listener is.
    pub(super) fn address(&self, id: &str) -> Option<&ListenAddress> {
        self.kept.get(id).map(|listener| &listener.address)
    }

    /// Makes sure that there is a listener for calls to a pool: on 127.0.0.1, on a free port that it then keeps.
    pub(super) async fn ensure_call(
        &mut self,
        client: &GatewayClient,
        id: &str,
        purpose: Purpose,
    ) -> Result<SocketAddr, Diagnostic> {
        if let Some(ListenAddress::Tcp(address)) = self.address(id) {
            return Ok(*address);
        }
        let taken = |port: u16| {
            self.kept.values().any(|l| matches!(l.address, ListenAddress::Tcp(address) if address.port() == port))
        };
        let port = seaworthy_host::ports::find_free(taken)
            .ok_or_else(|| Diagnostic::machine("no free port is left between 20000 and 29999"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        self.add(client, id, ListenAddress::Tcp(address), purpose).await?;
        Ok(address)
    }

    /// Binds a listener, hands it to the gateway, and keeps it.
    pub(super) async fn add(
        &mut self,
        client: &GatewayClient,
        id: &str,
        address: ListenAddress,
        purpose: Purpose,
    ) -> Result<(), Diagnostic> {
        let socket = bind(&address)?;
        client.listen(id, &address, socket).await.map_err(|e| machine(&e))?;
        self.kept.insert(id.to_owned(), Listener { address, purpose });
        self.save()
    }

    /// Hands the gateway an already bound listener that is not kept: it belongs to one smoke test.
    pub(super) fn remember(&mut self, id: &str, address: ListenAddress, purpose: Purpose) -> Result<(), Diagnostic> {
        self.kept.insert(id.to_owned(), Listener { address, purpose });
        self.save()
    }

    /// Closes a listener.
    pub(super) async fn remove(&mut self, client: &GatewayClient, id: &str) -> Result<(), Diagnostic> {
        if let Some(Listener { address: ListenAddress::Unix(path), .. }) = self.kept.remove(id) {
            let _ = std::fs::remove_file(path);
        }
        client.unlisten(id).await.map_err(|e| machine(&e))?;
        self.save()
    }

    /// After the gateway's parent was started: gives it every kept listener that it lacks, where it was, and takes away
    /// those that nobody wants any more. Listeners of smoke tests are made anew by those who need them.
    pub(super) async fn restore(&mut self, client: &GatewayClient, public: &[SocketAddr]) -> Result<(), Diagnostic> {
        let held = client.listeners().await.map_err(|e| machine(&e))?;
        self.kept.retain(|id, listener| match listener.purpose {
            Purpose::Public => false,
            Purpose::Pinned { .. } => held.contains_key(id),
            Purpose::Internal { .. } => held.contains_key(id) || matches!(listener.address, ListenAddress::Tcp(_)),
            Purpose::Egress { .. } => false,
        });
        for address in public {
            let listener = Listener { address: ListenAddress::Tcp(*address), purpose: Purpose::Public };
            self.kept.insert(format!("public/{address}"), listener);
        }
        for id in held.keys().filter(|id| !self.kept.contains_key(*id) && !loopbacks::is_inside(id)) {
            client.unlisten(id).await.map_err(|e| machine(&e))?;
        }
        for (id, listener) in &self.kept {
            if held.get(id) != Some(&listener.address) {
                let socket = bind(&listener.address)?;
                client.listen(id, &listener.address, socket).await.map_err(|e| machine(&e))?;
            }
        }
        self.save()
    }

    fn save(&self) -> Result<(), Diagnostic> {
        let bytes = serde_json::to_vec(&Kept { listeners: self.kept.clone() }).unwrap_or_default();
        files::write_atomic(&self.file, &bytes, 0o600).map_err(|e| machine(&e))
    }
}

fn bind(address: &ListenAddress) -> Result<OwnedFd, Diagnostic> {
    match address {
        ListenAddress::Tcp(address) => TcpListener::bind(address).map(OwnedFd::from).map_err(|e| refused(*address, &e)),
        ListenAddress::Unix(path) => {
            let _ = std::fs::remove_file(path);
            UnixListener::bind(path)
                .map(OwnedFd::from)
                .map_err(|e| Diagnostic::machine(format!("cannot listen on `{}`: {e}", path.display())))
        }
        ListenAddress::Sandboxed { instance, address } => {
            Err(Diagnostic::new(Fault::Seaworthy, format!("{address} of `{instance}` can be bound by its shim alone")))
        }
    }
}

fn refused(address: SocketAddr, error: &std::io::Error) -> Diagnostic {
    let diagnostic = Diagnostic::machine(format!("cannot listen on {address}: {error}"));
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            let holder = seaworthy_host::ports::holder(address.port());
            let end = holder.map_or("stop that program".to_owned(), |holder| end_of(&holder));
            diagnostic.help(format!("{end}, or choose another port: `SEAWORTHY_PORT=8081 seaworthy up`"))
        }
        std::io::ErrorKind::PermissionDenied => {
            diagnostic.help("ports below 1024 are root's: choose another, or `seaworthy node install` as root")
        }
        _ => diagnostic,
    }
}

/// Who has a port, and how that ends: the gateway of another node goes on when its node has ended.
fn end_of(holder: &Holder) -> String {
    let state = holder.option("--state-dir").filter(|_| holder.name == "seaworthy").map(Path::new);
    match state.and_then(Path::parent) {
        Some(home) => {
            let home = home.display();
            format!(
                "another node of Seaworthy has it (home `{home}`, pid {}); end that one with \
                 `SEAWORTHY_HOME={home} seaworthy node stop --all`",
                holder.pid
            )
        }
        None => format!("`{}` (pid {}) has it; stop that program", holder.name, holder.pid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_node_is_called_by_its_home() {
        let words = ["seaworthy", "gateway", "--runtime-dir", "/run/a", "--state-dir", "/var/lib/seaworthy/gateway"];
        let words = words.map(str::to_owned).to_vec();
        let holder = Holder { pid: 7, name: "seaworthy".to_owned(), words };
        let said = end_of(&holder);
        assert!(said.starts_with("another node of Seaworthy has it (home `/var/lib/seaworthy`, pid 7)"), "{said}");
        assert!(said.ends_with("`SEAWORTHY_HOME=/var/lib/seaworthy seaworthy node stop --all`"), "{said}");
        let nginx = Holder { name: "nginx".to_owned(), words: Vec::new(), ..holder };
        assert_eq!(end_of(&nginx), "`nginx` (pid 7) has it; stop that program");
    }
}
