//! Calls to servers of others: archives, registries, forges.

use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

/// How long it may take to find a server, and then to reach it.
const REACH_TIME_MAX: Duration = Duration::from_secs(20);
/// How long it may be silent.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a whole answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3600);

/// What holds for every such call, to be built upon: the system's certificates (or those that `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name) and `more`, TLS by ring, the environment's proxy, an answer whatever its status is, and no wait
/// without an end.
#[must_use]
pub fn settings(more: Vec<Certificate<'static>>) -> ConfigBuilder<AgentScope> {
    let native = rustls_native_certs::load_native_certs().certs;
    let native = native.iter().map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned());
    let certificates: Vec<_> = native.chain(more).collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .user_agent(concat!("seaworthy/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(REACH_TIME_MAX))
        .timeout_connect(Some(REACH_TIME_MAX))
        .timeout_recv_response(Some(SILENCE_TIME_MAX))
        .timeout_per_read(Some(SILENCE_TIME_MAX))
        .timeout_recv_body(Some(ANSWER_TIME_MAX))
}
