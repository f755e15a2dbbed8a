//! Calls to servers of others.

use seaworthy_diagnostics::Masked;
use seaworthy_model::follow::is_loopback;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How long one call may take.
const TIME_MAX: Duration = Duration::from_secs(20);

/// Posts JSON; the status that it was answered with, or why there was no answer. No redirection is followed.
pub(super) fn post(url: &str, headers: &[(&str, Masked<String>)], body: &[u8]) -> Result<u16, String> {
    let host = url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    let local = url.starts_with("http://") && is_loopback(host);
    let mut request = agent(local).post(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value.reveal());
    }
    request.send(body).map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
}

/// The system's certificates (or those that `SSL_CERT_FILE` names), the environment's proxy.
fn agent(local: bool) -> Agent {
    let native = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<_> =
        native.iter().map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned()).collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let configuration = Agent::config_builder()
        .tls_config(tls)
        .proxy(if local { None } else { ureq::Proxy::try_from_env() })
        .https_only(!local)
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("seaworthy/", env!("CARGO_PKG_VERSION")))
        .timeout_global(Some(TIME_MAX))
        .build();
    configuration.new_agent()
}
