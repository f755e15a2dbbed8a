//! Calls to a registry: TLS, proxies, tokens, and trying again.

use crate::PullError;
use crate::challenge::Challenge;
use crate::credentials::Login;
use seaworthy_diagnostics::Masked;
use seaworthy_image::links::DOCUMENT_TYPES;
use seaworthy_model::ImageName;
use seaworthy_model::image_name::is_loopback;
use serde::Deserialize;
use std::fs::File;
use std::io::Read as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use ureq::http::{Method, Request, Response, StatusCode, header};
use ureq::{Agent, Body};

/// How often a call is made until it is given up.
const TRIES: u32 = 3;
/// How long to wait after the first time; twice as long after the next.
const PAUSE: Duration = Duration::from_millis(300);
/// The largest answer of a server of tokens, in bytes.
const TOKEN_BYTES_MAX: u64 = 1024 * 1024;
/// The longest token that is sent, in bytes.
const TOKEN_LENGTH_MAX: usize = 64 * 1024;

/// The registry of one image, and what it wants to know of who asks.
pub(crate) struct Connection<'a> {
    agent: &'a Agent,
    image: &'a ImageName,
    login: Option<Login>,
    /// What tokens shall allow: `pull`, or `pull,push`.
    access: &'static str,
    /// The value of `Authorization`, once the registry has asked for one.
    authorization: Mutex<Option<Masked<String>>>,
}

/// What goes with a call.
pub(crate) enum Payload {
    /// Nothing.
    Empty,
    /// A document.
    Bytes(Vec<u8>),
    /// A blob.
    File(File),
}

/// A client.
pub(crate) fn agent(image: &ImageName) -> Agent {
    let loopback = image.is_loopback();
    let proxy = if loopback { None } else { ureq::Proxy::try_from_env() };
    // A redirection must not lead to where everybody listens.
    let settings = seaworthy_outbound::settings(Vec::new()).proxy(proxy).https_only(!loopback).max_redirects(5);
    settings.build().new_agent()
}

impl<'a> Connection<'a> {
    pub(crate) fn new(agent: &'a Agent, image: &'a ImageName, login: Option<Login>) -> Self {
        Self { agent, image, login, access: "pull", authorization: Mutex::new(None) }
    }

    /// For writing, too.
    pub(crate) fn for_pushing(agent: &'a Agent, image: &'a ImageName, login: Option<Login>) -> Self {
        Self { access: "pull,push", ..Self::new(agent, image, login) }
    }

    /// Where something of the repository is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/v2/{}/{path}", self.image.api(), self.image.repository)
    }

    /// A place that the registry named, which may be relative to it.
    pub(crate) fn absolute(&self, place: &str) -> Result<String, PullError> {
        if place.starts_with('/') {
            return Ok(format!("{}{place}", self.image.api()));
        }
        if place.starts_with("https://") || self.is_own(place) {
            return Ok(place.to_owned());
        }
        Err(self.odd(format!("it wants the upload at `{place}`")))
    }

    /// Whether an address is the registry's own: credentials go nowhere else.
    fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.image.api()).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Makes a call that changes something. Any answer is given back, but for what may pass by itself.
    pub(crate) fn send(
        &self,
        method: &Method,
        url: &str,
        kind: Option<&str>,
        payload: &dyn Fn() -> Result<Payload, PullError>,
    ) -> Result<Response<Body>, PullError> {
        let mut response = self.send_once(method, url, kind, payload()?)?;
        if response.status() == StatusCode::UNAUTHORIZED && self.is_own(url) && self.authorize(&response)? {
            response = self.send_once(method, url, kind, payload()?)?;
        }
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(self.unreachable(format!("it answers {status}")));
        }
        Ok(response)
    }

    fn send_once(
        &self,
        method: &Method,
        url: &str,
        kind: Option<&str>,
        payload: Payload,
    ) -> Result<Response<Body>, PullError> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let authorization = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(value) = authorization.filter(|_| self.is_own(url)) {
            request = request.header(header::AUTHORIZATION, value.reveal());
        }
        let wrong = |error: ureq::http::Error| self.odd(error.to_string());
        let answered = match payload {
            Payload::Empty => self.agent.run(request.body(()).map_err(wrong)?),
            Payload::Bytes(bytes) => self.agent.run(request.body(bytes).map_err(wrong)?),
            Payload::File(file) => self.agent.run(request.body(file).map_err(wrong)?),
        };
        answered.map_err(|error| self.unreachable(error.to_string()))
    }

    /// What to say of an answer that is not the one that was hoped for.
    pub(crate) fn refused(&self, response: &Response<Body>) -> PullError {
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => PullError::NotTaken {
                registry: self.image.registry.clone(),
                image: self.image.to_string(),
                status: response.status().as_u16(),
                known: self.login.is_some(),
            },
            status => self.odd(format!("it answers {status}")),
        }
    }

    /// Gets what is at `/v2/REPOSITORY/` and this path. What may pass by itself is tried again.
    pub(crate) fn get(&self, path: &str) -> Result<Response<Body>, PullError> {
        let url = self.url(path);
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.get_once(&url) {
                Err(PullError::Unreachable { .. }) => {}
                other => return other,
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        self.get_once(&url)
    }

    fn get_once(&self, url: &str) -> Result<Response<Body>, PullError> {
        let mut response = self.call(url)?;
        if response.status() == StatusCode::UNAUTHORIZED && self.authorize(&response)? {
            response = self.call(url)?;
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err(PullError::Missing { image: self.image.to_string() }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.denied(response.status())),
            status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                Err(self.unreachable(format!("it answers {status}")))
            }
            status => Err(self.odd(format!("it answers {status}"))),
        }
    }

    fn call(&self, url: &str) -> Result<Response<Body>, PullError> {
        let mut request = self.agent.get(url).header(header::ACCEPT, DOCUMENT_TYPES.join(", "));
        let authorization = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value.reveal());
        }
        request.call().map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::TooManyRedirects | ureq::Error::RequireHttpsOnly(_) => {
                self.odd(error.to_string())
            }
            other => self.unreachable(other.to_string()),
        })
    }

    /// Finds out what to say; false: there is nothing more to say than was said.
    fn authorize(&self, response: &Response<Body>) -> Result<bool, PullError> {
        let headers = response.headers().get_all(header::WWW_AUTHENTICATE);
        let challenge = headers.iter().filter_map(|value| value.to_str().ok()).find_map(Challenge::parse);
        let value = match challenge {
            None => return Ok(false),
            Some(Challenge::Basic) => match &self.login {
                None => return Ok(false),
                Some(login) => login.basic(),
            },
            Some(Challenge::Bearer { realm, service, scope }) => self.token(&realm, service, scope)?,
        };
        let mut authorization = self.authorization.lock().unwrap_or_else(PoisonError::into_inner);
        // The same answer again would be refused again; a token may have become old.
        let new = authorization.as_ref() != Some(&value);
        *authorization = Some(value);
        Ok(new)
    }

    /// A token from the server that the registry names.
    fn token(&self, realm: &str, service: Option<String>, scope: Option<String>) -> Result<Masked<String>, PullError> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<Masked<String>>,
            access_token: Option<Masked<String>>,
        }
        let local = realm
            .strip_prefix("http://")
            .is_some_and(|rest| self.image.is_loopback() && is_loopback(rest.split('/').next().unwrap_or("")));
        // The password goes there.
        if !(realm.starts_with("https://") || local) {
            return Err(self.odd(format!("it wants the password to be sent to `{realm}`, without TLS")));
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(service) = service {
            query.append_pair("service", &service);
        }
        let asked = scope.filter(|_| self.access == "pull");
        let scope = asked.unwrap_or_else(|| format!("repository:{}:{}", self.image.repository, self.access));
        query.append_pair("scope", &scope);
        let separator = if realm.contains('?') { '&' } else { '?' };
        let mut request = self.agent.get(format!("{realm}{separator}{}", query.finish()));
        if let Some(login) = &self.login {
            request = request.header(header::AUTHORIZATION, login.basic().reveal());
        }
        let response = request.call().map_err(|error| self.unreachable(error.to_string()))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(self.denied(response.status())),
            status => return Err(self.unreachable(format!("its server of tokens answers {status}"))),
        }
        let bytes = read(response, TOKEN_BYTES_MAX).map_err(|why| self.odd(why))?;
        let answer: Answer =
            serde_json::from_slice(&bytes).map_err(|_| self.odd("its server of tokens gives none".to_owned()))?;
        let token = answer.token.or(answer.access_token).filter(|token| token.reveal().len() <= TOKEN_LENGTH_MAX);
        let token = token.ok_or_else(|| self.odd("its server of tokens gives none".to_owned()))?;
        Ok(Masked::new(format!("Bearer {}", token.reveal())))
    }

    pub(crate) fn odd(&self, why: String) -> PullError {
        PullError::Odd { registry: self.image.registry.clone(), image: self.image.to_string(), why }
    }

    pub(crate) fn unreachable(&self, why: String) -> PullError {
        PullError::Unreachable { registry: self.image.registry.clone(), why }
    }

    fn denied(&self, status: StatusCode) -> PullError {
        PullError::Denied {
            registry: self.image.registry.clone(),
            image: self.image.to_string(),
            status: status.as_u16(),
            known: self.login.is_some(),
        }
    }
}

/// The whole of an answer, if it is not longer than it may be.
pub(crate) fn read(response: Response<Body>, bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader().take(bytes_max + 1);
    reader.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > bytes_max { Err(format!("it is longer than {bytes_max} bytes")) } else { Ok(bytes) }
}
