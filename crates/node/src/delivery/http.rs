//! Calls to servers of others.

use seaworthy_diagnostics::Masked;
use seaworthy_model::follow::is_loopback;
use std::time::Duration;
use ureq::Agent;

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

/// A client. Nothing is sent on to where somebody leads it.
fn agent(local: bool) -> Agent {
    let proxy = if local { None } else { ureq::Proxy::try_from_env() };
    let settings = seaworthy_outbound::settings(Vec::new()).proxy(proxy).https_only(!local).max_redirects(0);
    settings.timeout_global(Some(TIME_MAX)).build().new_agent()
}
