//! The registry's port, when somebody asked for it.

use crate::options::Options;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_registry::{Grant, Limits, Listener, Registry, Tokens, serve, token_file};
use seaworthy_store::{Blobs, Store};
use std::path::PathBuf;
use std::sync::Arc;

/// The file in a node's home with the registry's token.
const TOKEN: &str = "registry.token";

/// Where images can be pulled from and pushed to, and the file with the token that allows it.
#[derive(Debug, Clone)]
pub(crate) struct RegistryPlace {
    /// `127.0.0.1:PORT`
    pub address: String,
    /// The token's file.
    pub token_file: PathBuf,
}

/// Serves the registry from now on, if the node was started with a port for it.
pub(crate) async fn start(
    options: &Options,
    store: &Arc<Store>,
    blobs: &Blobs,
) -> Result<Option<RegistryPlace>, Diagnostic> {
    let Some(port) = options.registry_port else { return Ok(None) };
    let path = options.home.join(TOKEN);
    let tokens = Tokens::default().with(&token_file(&path)?, Grant::Write);
    let registry = Registry::new(Arc::clone(store), blobs.clone(), tokens, Limits::default())?;
    let taken = |error: std::io::Error| {
        Diagnostic::machine(format!("the registry cannot listen on 127.0.0.1:{port}: {error}"))
            .help("stop what listens there, or choose another port: `SEAWORTHY_REGISTRY_PORT=5001`")
    };
    let listener = Listener::bind(port).await.map_err(taken)?;
    let address = listener.address().map_err(taken)?.to_string();
    tokio::spawn(serve(listener, registry));
    Ok(Some(RegistryPlace { address, token_file: path }))
}
