//! User names and passwords for registries, from where `podman login` and `docker login` keep them.

use crate::PullError;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use seaworthy_diagnostics::Masked;
use seaworthy_host::files;
use seaworthy_model::ImageName;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The largest such file, in bytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// What is known of registries' users.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    files: Vec<AuthFile>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthFile {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Auth {
    #[serde(default)]
    auth: Option<Masked<String>>,
}

/// A user of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub user: String,
    pub password: Masked<String>,
}

impl Credentials {
    /// From `$REGISTRY_AUTH_FILE`; without it, from `$XDG_RUNTIME_DIR/containers/auth.json` and then
    /// `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`.
    ///
    /// # Errors
    /// [`PullError::Credentials`] when a file is there that cannot be read, or the one that was named is not there.
    pub fn of_this_user() -> Result<Self, PullError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = variable("REGISTRY_AUTH_FILE") {
            if !path.exists() {
                let why = "REGISTRY_AUTH_FILE names it, and it is not there".to_owned();
                return Err(PullError::Credentials { path: path.display().to_string(), why });
            }
            return Self::from_files(&[path]);
        }
        let podman = variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json"));
        let docker = variable("DOCKER_CONFIG").or_else(|| variable("HOME").map(|home| home.join(".docker")));
        let paths: Vec<PathBuf> = podman.into_iter().chain(docker.map(|folder| folder.join("config.json"))).collect();
        Self::from_files(&paths)
    }

    /// From these files, the first first; those that are not there are passed over.
    ///
    /// # Errors
    /// [`PullError::Credentials`].
    pub fn from_files(paths: &[PathBuf]) -> Result<Self, PullError> {
        let read = paths.iter().filter_map(|path| read(path).transpose());
        Ok(Self { files: read.collect::<Result<_, _>>()? })
    }

    /// The user of an image's registry, if one is known. An entry for a part of the registry comes before one for all
    /// of it.
    pub(crate) fn login(&self, image: &ImageName) -> Result<Option<Login>, PullError> {
        for file in &self.files {
            for key in keys(image) {
                let found = file.auths.iter().find(|(entry, _)| entry_name(entry) == key);
                if let Some(auth) = found.and_then(|(_, auth)| auth.auth.as_ref()) {
                    return decode(auth).map(Some).ok_or_else(|| PullError::Credentials {
                        path: format!("auths.{key}"),
                        why: "it is no user name and password".to_owned(),
                    });
                }
                let helper = file.cred_helpers.get(&key).or_else(|| {
                    // Docker leaves an empty entry for what it gave to its store.
                    file.creds_store.as_ref().filter(|_| found.is_some())
                });
                if let Some(helper) = helper {
                    let helper = helper.clone();
                    return Err(PullError::Helper { registry: image.registry.clone(), helper });
                }
            }
        }
        Ok(None)
    }
}

fn read(path: &Path) -> Result<Option<AuthFile>, PullError> {
    let failed = |why: String| PullError::Credentials { path: path.display().to_string(), why };
    let Some(bytes) = files::read_if_there(path).map_err(|error| failed(error.to_string()))? else { return Ok(None) };
    if bytes.len() > FILE_BYTES_MAX {
        return Err(failed("it is too large".to_owned()));
    }
    // What is wrong is told by place alone: the text may hold a password.
    let wrong = |error: serde_json::Error| failed(format!("line {}, column {}", error.line(), error.column()));
    serde_json::from_slice(&bytes).map(Some).map_err(wrong)
}

/// What entries may be called for an image, the narrowest first.
fn keys(image: &ImageName) -> Vec<String> {
    let registry = match image.registry.as_str() {
        "docker.io" | "registry-1.docker.io" => "index.docker.io",
        other => other,
    };
    let mut keys = vec![format!("{registry}/{}", image.repository)];
    while let Some((shorter, _)) = keys[keys.len() - 1].rsplit_once('/') {
        keys.push(shorter.to_owned());
    }
    keys
}

/// An entry as a host, and a path if it has one: Docker writes `https://index.docker.io/v1/`.
fn entry_name(entry: &str) -> &str {
    let entry = entry.strip_prefix("https://").or_else(|| entry.strip_prefix("http://")).unwrap_or(entry);
    let entry = entry.trim_end_matches('/');
    let entry = entry.strip_suffix("/v1").or_else(|| entry.strip_suffix("/v2")).unwrap_or(entry);
    if entry == "docker.io" { "index.docker.io" } else { entry }
}

fn decode(auth: &Masked<String>) -> Option<Login> {
    let text = auth.reveal().trim();
    let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Login { user: user.to_owned(), password: Masked::new(password.trim_end_matches('\0').to_owned()) })
}

impl Login {
    /// The value of `Authorization`.
    pub(crate) fn basic(&self) -> Masked<String> {
        Masked::new(format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password.reveal()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn login(document: &serde_json::Value, image: &str) -> Result<Option<String>, PullError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        files::write_atomic(&path, document.to_string().as_bytes(), 0o600).unwrap();
        let credentials = Credentials::from_files(&[folder.path().join("none"), path])?;
        let found = credentials.login(&ImageName::parse(image).unwrap())?;
        Ok(found.map(|login| format!("{}:{}", login.user, login.password.reveal())))
    }

    fn auth(text: &str) -> serde_json::Value {
        json!({ "auth": STANDARD.encode(text) })
    }

    #[test]
    fn the_narrowest_entry_counts() {
        let file = json!({ "auths": { "r.io": auth("all:1"), "r.io/team": auth("team:a:b"), "x.io": auth("x:3"),
            "https://index.docker.io/v1/": auth("hub:4") } });
        assert_eq!(login(&file, "r.io/team/web").unwrap().as_deref(), Some("team:a:b"));
        assert_eq!(login(&file, "r.io/teams/web").unwrap().as_deref(), Some("all:1"));
        assert_eq!(login(&file, "docker.io/library/debian").unwrap().as_deref(), Some("hub:4"));
        assert_eq!(login(&file, "other.io/web").unwrap(), None);
    }

    #[test]
    fn another_program_that_keeps_them_is_named() {
        let file = json!({ "auths": { "s.io": {} }, "credHelpers": { "r.io": "pass" }, "credsStore": "desktop" });
        for (image, name) in [("r.io/a", "pass"), ("s.io/a", "desktop")] {
            match login(&file, image) {
                Err(PullError::Helper { helper, .. }) => assert_eq!(helper, name),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(login(&file, "t.io/a").unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        let secret = json!({ "auths": { "r.io": { "auth": "c2VjcmV0" } } });
        let error = login(&secret, "r.io/a").unwrap_err().to_string();
        assert!(!error.contains("secret") && !error.contains("c2VjcmV0"), "{error}");
        assert!(matches!(login(&json!({ "auths": 7 }), "r.io/a"), Err(PullError::Credentials { .. })));
    }
}
