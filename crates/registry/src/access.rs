//! Who may: tokens, given as `Bearer TOKEN` or as the password of `Basic`, with any user name.

use crate::error::{Code, RegistryError};
use axum::http::{HeaderMap, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::Rng as _;
use seaworthy_diagnostics::Masked;
use seaworthy_host::files::{self, FileError};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// The longest `Authorization` that is looked at, in bytes.
const AUTHORIZATION_BYTES_MAX: usize = 4096;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// To pull.
    Read,
    /// To push and to delete, too.
    Write,
}

/// The tokens that are known. Without any, nobody may do anything.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// The tokens themselves are not kept: comparing their SHA-256 tells nothing by the time that it takes.
    known: Vec<([u8; 32], Grant)>,
}

impl Tokens {
    /// Adds one.
    #[must_use]
    pub fn with(mut self, token: &Masked<String>, grant: Grant) -> Self {
        self.known.push((Sha256::digest(token.reveal()).into(), grant));
        self
    }

    /// Refuses whoever does not say a known token, and readers who want to write. It comes before anything else is
    /// looked at.
    pub(crate) fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), RegistryError> {
        let said = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let grant = said.and_then(token).and_then(|token| self.grant(&token));
        let wanted = if matches!(*method, Method::GET | Method::HEAD) { Grant::Read } else { Grant::Write };
        match grant {
            Some(grant) if grant >= wanted => Ok(()),
            Some(_) => Err(RegistryError::new(Code::Denied, "this token is for reading")),
            None => Err(RegistryError::new(Code::Unauthorized, "this registry wants its token")
                .help("any user name, and as the password what is in `registry.token` in the node's home")),
        }
    }

    fn grant(&self, token: &[u8]) -> Option<Grant> {
        let said: [u8; 32] = Sha256::digest(token).into();
        // All of them, whichever fits.
        self.known.iter().fold(None, |found, (known, grant)| if same(known, &said) { Some(*grant) } else { found })
    }
}

/// Whether two digests are equal, in a time that does not depend on where they differ.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b))) == 0
}

/// The token in an `Authorization`.
fn token(value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= AUTHORIZATION_BYTES_MAX)?;
    let (scheme, rest) = text.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(rest).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}

/// The token in a file that only its owner may read; made, with 256 random bits, where there is none.
///
/// # Errors
/// When the file cannot be read or written.
pub fn token_file(path: &Path) -> Result<Masked<String>, FileError> {
    let there = files::read_if_there(path)?;
    let kept = there.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| text.trim().to_owned());
    if let Some(token) = kept.filter(|token| token.len() >= 32) {
        files::set_mode(path, 0o600)?;
        return Ok(Masked::new(token));
    }
    let token = hex::encode(rand::rng().random::<[u8; 32]>());
    files::write_atomic(path, format!("{token}\n").as_bytes(), 0o600)?;
    Ok(Masked::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use std::os::unix::fs::PermissionsExt as _;

    fn check(tokens: &Tokens, method: &Method, authorization: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        tokens.check(method, &headers).is_ok()
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_any_users_password() {
        let tokens = Tokens::default()
            .with(&Masked::new("writes".into()), Grant::Write)
            .with(&Masked::new("reads".into()), Grant::Read);
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for good in ["Bearer writes", "bearer  writes", &basic("ada:writes"), &basic(":writes")] {
            assert!(check(&tokens, &Method::PUT, good), "{good}");
        }
        for bad in ["", "Bearer", "Bearer ", "Bearer Writes", "Bearer writes2", "Digest writes", "writes", "Basic %%"] {
            assert!(!check(&tokens, &Method::GET, bad), "{bad}");
        }
        assert!(!check(&tokens, &Method::GET, &basic("writes:")));
        assert!(!check(&tokens, &Method::GET, &basic("writes")));
        assert!(check(&tokens, &Method::GET, "Bearer reads") && check(&tokens, &Method::HEAD, "Bearer reads"));
        for writing in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            assert!(!check(&tokens, &writing, "Bearer reads"), "{writing}");
        }
        assert!(!check(&Tokens::default(), &Method::GET, "Bearer "));
        assert!(tokens.check(&Method::GET, &HeaderMap::new()).is_err());
    }

    #[test]
    fn the_token_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.token");
        let token = token_file(&path).unwrap();
        assert_eq!(token.reveal().len(), 64);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(token_file(&path).unwrap(), token);
        files::set_mode(&path, 0o644).unwrap();
        token_file(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
