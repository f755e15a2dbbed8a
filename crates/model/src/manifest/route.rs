//! `[routes.NAME]`.

use super::raw;
use super::reader::Reader;
use super::tree::Path;
use super::typed::RouteSource;
use crate::Name;
use crate::release::{Answer, Compare, Fanout, RouteLimits, RouteSpec, RouteTo};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The methods that fan out unless the route says otherwise: safe ones (RFC 9110, section 9.2.1).
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
/// The methods that may be named.
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
const DEADLINE: Duration = Duration::from_secs(5);

impl Reader<'_> {
    /// Every route whose name is one and that leads somewhere.
    pub(super) fn routes(&mut self, raw: &BTreeMap<String, raw::Route>) -> BTreeMap<Name, RouteSource> {
        let path = Path::default().key("routes");
        let mut routes = BTreeMap::new();
        for (key, route) in raw {
            let path = path.key(key);
            let name = self.key_name(&path, key, "route");
            let source = self.route(&path, route);
            routes.extend(name.zip(source));
        }
        routes
    }

    fn route(&mut self, path: &Path, raw: &raw::Route) -> Option<RouteSource> {
        let host = raw.host.as_ref().and_then(|host| self.host(&path.key("host"), host));
        let prefix = raw.path.as_ref().map_or(Some("/".to_owned()), |text| self.url_path(&path.key("path"), text));
        let limits = RouteLimits {
            body_bytes_max: self.size(&path.key("body_max"), raw.body_max.as_ref()),
            timeout: self.duration(&path.key("timeout"), raw.timeout.as_ref(), false),
        };
        if let Some(cookie) = raw.sticky.as_ref().filter(|cookie| !is_token(cookie)) {
            let message = format!("`{}` is no name of a cookie", cookie.escape_debug());
            self.report(&path.key("sticky"), message, "use letters, digits, `-` and `_`");
        }
        let checks = self.checks(&path.key("checks"), &raw.checks);
        let to = self.destination_of(path, raw);
        let route = RouteSpec {
            host: host?,
            path: without_last_slash(&prefix?),
            to: to?,
            sticky: raw.sticky.clone(),
            limits,
            checks: Vec::new(),
        };
        Some(RouteSource { route, checks })
    }

    fn destination_of(&mut self, path: &Path, raw: &raw::Route) -> Option<RouteTo> {
        match (&raw.service, &raw.fanout) {
            (Some(_), Some(_)) => {
                let help = "leave one out: `service` for one, `fanout` for several";
                self.report_key(&path.key("fanout"), "`service` and `fanout` exclude each other", help);
                None
            }
            (Some(service), None) => {
                self.fanout_keys_without_fanout(path, raw);
                let name = self.known_service(&path.key("service"), service)?;
                self.routable(&path.key("service"), service);
                Some(RouteTo::Service(name))
            }
            (None, Some(services)) => self.fanout(path, raw, services).map(RouteTo::Fanout),
            (None, None) => {
                if ![path.key("service"), path.key("fanout")].iter().any(|key| self.findings.is_broken(key)) {
                    let help = "add `service = \"…\"`, or `fanout = [\"…\", \"…\"]`";
                    self.report_key(path, format!("`{path}` leads nowhere"), help);
                }
                None
            }
        }
    }

    fn fanout_keys_without_fanout(&mut self, path: &Path, raw: &raw::Route) {
        let there = [
            ("answer", raw.answer.is_some()),
            ("deadline", raw.deadline.is_some()),
            ("compare", raw.compare.is_some()),
            ("methods", raw.methods.is_some()),
        ];
        for (key, _) in there.iter().filter(|(_, there)| *there) {
            let help = match *key {
                "deadline" => "a route to one `service` has `timeout`",
                _ => "leave it out, or name several services in `fanout`",
            };
            self.report_key(&path.key(key), format!("`{key}` belongs to `fanout`"), help);
        }
    }

    fn fanout(&mut self, path: &Path, raw: &raw::Route, texts: &[String]) -> Option<Fanout> {
        let at = path.key("fanout");
        let services = self.known_services(&at, texts);
        for (index, text) in texts.iter().enumerate() {
            self.routable(&at.index(index), text);
        }
        if texts.len() < 2 {
            let help = "name at least two services, or write `service = \"…\"`";
            self.report(&at, format!("`{at}` has fewer than two services"), help);
        }
        let methods = raw.methods.as_ref().map(|methods| self.methods(&path.key("methods"), methods));
        let deadline = self.duration(&path.key("deadline"), raw.deadline.as_ref(), false);
        (services.len() >= 2).then(|| Fanout {
            services,
            answer: raw.answer.map_or(Answer::Quorum, Into::into),
            deadline: deadline.unwrap_or(DEADLINE),
            compare: raw.compare.map_or(Compare::Body, Into::into),
            methods: methods.unwrap_or_else(|| SAFE_METHODS.map(str::to_owned).to_vec()),
        })
    }

    fn methods(&mut self, path: &Path, texts: &[String]) -> Vec<String> {
        let help = "name some of GET, HEAD, OPTIONS, POST, PUT, PATCH and DELETE, each once";
        let mut seen = BTreeSet::new();
        for (index, text) in texts.iter().enumerate() {
            if !METHODS.contains(&text.as_str()) || !seen.insert(text) {
                let message = format!("`{}` cannot be a method that fans out", text.escape_debug());
                let message = if seen.contains(text) { format!("`{text}` is listed twice") } else { message };
                self.report(&path.index(index), message, help);
            }
        }
        if texts.is_empty() {
            self.report(path, format!("`{path}` is empty"), help);
        }
        texts.to_vec()
    }

    /// Only what speaks HTTP can stand behind a host and a path.
    fn routable(&mut self, path: &Path, service: &str) {
        let Some(facts) = self.facts.services.get(service) else { return };
        if facts.worker {
            let help = format!("give `{service}` a port, or route another service");
            self.report(path, format!("`{service}` is a worker: no request can reach it"), help);
        } else if facts.tcp {
            let help = "a route has a host and a path, which only HTTP has: let a service of the app call it instead";
            self.report(path, format!("`{service}` speaks `tcp`: it cannot be routed"), help);
        }
    }
}

/// `/api/` and `/api` are the same prefix.
fn without_last_slash(path: &str) -> String {
    let short = path.trim_end_matches('/');
    if short.is_empty() { "/".to_owned() } else { short.to_owned() }
}

/// RFC 6265: a cookie's name is a token (RFC 9110).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
