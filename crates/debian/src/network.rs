//! How to get to an archive: proxies, certificates, passwords. Blocking HTTP; rustls with ring.

use crate::apt::Login;
use crate::error::Error;
use crate::limits;
use crate::mirror::shown;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, parse_pem};
use ureq::{Agent, Proxy};

/// What decides how an address is reached.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// By scheme, and by `scheme::host`: what apt's configuration says. `DIRECT` is no proxy.
    proxies: BTreeMap<String, String>,
    /// Files of certificates that are trusted beside the system's.
    pub(crate) authorities: Vec<PathBuf>,
    pub(crate) logins: Vec<Login>,
    agents: Mutex<BTreeMap<Option<String>, Agent>>,
}

/// Why nothing came, and whether trying again can help.
#[derive(Debug)]
enum Failure {
    Missing(String),
    Final(String),
    Passing(String),
}

impl Network {
    /// Takes what `apt.conf` says: names in lower case and their values.
    pub(crate) fn read<'a>(&mut self, options: impl Iterator<Item = (&'a str, &'a str)>) {
        for (name, value) in options {
            let Some(name) = name.strip_prefix("acquire::") else { continue };
            match name.split("::").collect::<Vec<_>>().as_slice() {
                ["https", "cainfo"] => self.authorities.push(PathBuf::from(value)),
                [scheme @ ("http" | "https"), "proxy"] => _ = self.proxies.insert((*scheme).into(), value.into()),
                [scheme @ ("http" | "https"), "proxy", host] => {
                    self.proxies.insert(format!("{scheme}::{host}"), value.into());
                }
                _ => {}
            }
        }
    }

    /// Writes what an address answers, at most `most` bytes; tried again while that can help and nothing was written.
    pub(crate) fn fetch(&self, url: &str, most: u64, into: &mut dyn Sink) -> Result<(), Error> {
        let mut pause = Duration::from_millis(300);
        for attempt in 1.. {
            let failure = match self.attempt(url, most, into) {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let (what, missing) = match failure {
                Failure::Passing(_) if attempt < limits::TRIES => {
                    into.restart().map_err(|error| fetch_error(url, error.to_string(), false))?;
                    std::thread::sleep(pause);
                    pause *= 3;
                    continue;
                }
                Failure::Passing(what) => (format!("{what} (tried {attempt} times)"), false),
                Failure::Final(what) => (what, false),
                Failure::Missing(what) => (what, true),
            };
            return Err(fetch_error(url, what, missing));
        }
        unreachable!("the loop ends with its last attempt")
    }

    fn attempt(&self, url: &str, most: u64, into: &mut dyn Sink) -> Result<(), Failure> {
        let agent = self.agent(url).map_err(Failure::Final)?;
        let mut request = agent.get(url);
        if let Some(login) = self.logins.iter().find(|login| login.is_for(url)) {
            request = request.header("authorization", basic(&login.name, login.password.reveal()));
        }
        let response = request.call().map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl | ureq::Error::TooManyRedirects => {
                Failure::Final(error.to_string())
            }
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => Failure::Final(format!("{error}: {TLS_HELP}")),
            other => Failure::Passing(other.to_string()),
        })?;
        let status = response.status();
        match status.as_u16() {
            200 => {}
            404 | 410 => return Err(Failure::Missing(format!("the answer is {status}"))),
            408 | 425 | 429 | 500..=599 => return Err(Failure::Passing(format!("the answer is {status}"))),
            _ => return Err(Failure::Final(format!("the answer is {status}"))),
        }
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let (mut buffer, mut length) = (vec![0; 64 << 10], 0);
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Passing(error.to_string())),
            };
            length += count as u64;
            if length > most {
                return Err(Failure::Final(format!("it is longer than {most} bytes")));
            }
            into.write_all(&buffer[..count]).map_err(|error| Failure::Final(format!("it cannot be kept: {error}")))?;
        }
    }

    fn agent(&self, url: &str) -> Result<Agent, String> {
        let proxy = self.proxy(url, &|name| std::env::var(name).ok());
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&proxy) {
            return Ok(agent.clone());
        }
        let agent = self.new_agent(proxy.as_deref())?;
        agents.insert(proxy, agent.clone());
        Ok(agent)
    }

    fn new_agent(&self, proxy: Option<&str>) -> Result<Agent, String> {
        let proxy = proxy.map(Proxy::new).transpose().map_err(|error| format!("the proxy cannot be used: {error}"))?;
        Ok(seaworthy_outbound::settings(self.certificates()?).proxy(proxy).build().new_agent())
    }

    /// Those that apt trusts beside the system's.
    fn certificates(&self) -> Result<Vec<Certificate<'static>>, String> {
        let mut certificates = Vec::new();
        for path in &self.authorities {
            let pem = seaworthy_host::files::read(path).map_err(|error| error.to_string())?;
            certificates.extend(parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            }));
        }
        Ok(certificates)
    }

    /// What stands between here and an address: apt's word first, then the environment's.
    fn proxy(&self, url: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_lowercase();
        let own = self.proxies.get(&format!("{scheme}::{host}"));
        if let Some(proxy) = own.or_else(|| self.proxies.get(scheme)) {
            return Some(proxy.clone()).filter(|proxy| !proxy.is_empty() && !proxy.eq_ignore_ascii_case("direct"));
        }
        let read =
            |name: &str| environment(name).or_else(|| environment(&name.to_uppercase())).filter(|v| !v.is_empty());
        let is_exempt = |rule: &str| {
            let rule = rule.trim().trim_start_matches("*.").trim_start_matches('.').to_lowercase();
            rule == "*" || rule == host || (!rule.is_empty() && host.ends_with(&format!(".{rule}")))
        };
        if read("no_proxy").is_some_and(|rules| rules.split(',').any(is_exempt)) {
            return None;
        }
        read(&format!("{scheme}_proxy")).or_else(|| read("all_proxy"))
    }
}

const TLS_HELP: &str = "SSL_CERT_FILE or apt's Acquire::https::CaInfo may name the authority";

fn fetch_error(url: &str, what: String, missing: bool) -> Error {
    Error::Fetch { url: shown(url), what, missing }
}

/// RFC 7617.
fn basic(name: &str, password: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("Basic ");
    for chunk in format!("{name}:{password}").as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// Where bytes go, and how to begin anew.
pub(crate) trait Sink: Write {
    /// Forgets what was written.
    fn restart(&mut self) -> io::Result<()>;
}

impl Sink for Vec<u8> {
    fn restart(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_proxy_comes_before_the_environments() {
        let environment = |name: &str| match name {
            "http_proxy" => Some("http://environment:1".to_owned()),
            "NO_PROXY" => Some("localhost,.example".to_owned()),
            _ => None,
        };
        let mut network = Network::default();
        assert_eq!(network.proxy("http://a/b", &environment).as_deref(), Some("http://environment:1"));
        assert_eq!(network.proxy("http://x.example:80/b", &environment), None);
        assert_eq!(network.proxy("https://a/b", &environment), None);
        network.read(
            [
                ("acquire::http::proxy", "DIRECT"),
                ("acquire::https::proxy", "http://apt:2"),
                ("acquire::http::proxy::intern", "http://intern:3"),
            ]
            .into_iter(),
        );
        assert_eq!(network.proxy("http://a/b", &environment), None);
        assert_eq!(network.proxy("http://intern/b", &environment).as_deref(), Some("http://intern:3"));
        assert_eq!(network.proxy("https://a/b", &environment).as_deref(), Some("http://apt:2"));
    }

    #[test]
    fn names_and_passwords_are_written_as_the_standard_says() {
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic("a", "b"), "Basic YTpi");
    }
}
