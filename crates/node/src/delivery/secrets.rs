//! Files that only the node's user may read: credentials of repositories, secrets of webhooks.

use crate::failure::machine;
use seaworthy_delivery::credentials::Login;
use seaworthy_diagnostics::{Diagnostic, Masked};
use seaworthy_host::files;
use seaworthy_model::Name;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The largest of these files, in bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// What an app's repository wants to know of who asks.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    /// From `APP.token`.
    pub(super) login: Option<Login>,
    /// From `APP.key`: a private key of ssh.
    pub(super) key: Option<Masked<String>>,
    /// From `APP.known_hosts`: whom to believe.
    pub(super) known_hosts: Option<Masked<String>>,
}

/// The folder of credentials, made where it is missing.
pub(super) fn folder(home: &Path) -> Result<PathBuf, Diagnostic> {
    let folder = home.join("credentials");
    files::create_directory(&folder, 0o700)?;
    Ok(folder)
}

/// Reads what there is.
pub(super) fn read(home: &Path, app: &Name) -> Result<Credentials, Diagnostic> {
    let folder = folder(home)?;
    let of = |kind: &str| closed(&folder.join(format!("{app}.{kind}")));
    let token = of("token")?;
    let login = match &token {
        None => None,
        Some(text) => Some(Login::parse(text.reveal()).ok_or_else(|| {
            let path = folder.join(format!("{app}.token"));
            Diagnostic::user(format!("`{}` holds no token", path.display())).help("one line: `TOKEN` or `USER:TOKEN`")
        })?),
    };
    Ok(Credentials { login, key: of("key")?, known_hosts: of("known_hosts")? })
}

/// A file that nobody but its owner may read.
fn closed(path: &Path) -> Result<Option<Masked<String>>, Diagnostic> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(files::FileError::new("read", path, error).into()),
    };
    let shown = path.display();
    if metadata.mode() & 0o077 != 0 {
        return Err(Diagnostic::user(format!("others may read `{shown}`")).help(format!("`chmod 600 {shown}`")));
    }
    if metadata.len() > BYTES_MAX {
        return Err(Diagnostic::user(format!("`{shown}` is larger than {BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(files::read(path)?);
    text.map(|text| Some(Masked::new(text))).map_err(|_| Diagnostic::user(format!("`{shown}` is not UTF-8")))
}

/// The file with the secret that an app's webhooks are signed with.
pub(super) fn webhook_file(home: &Path, app: &Name) -> PathBuf {
    home.join("webhooks").join(format!("{app}.secret"))
}

/// The secret that an app's webhooks are signed with, coming in and going out; made with 256 random bits.
pub(super) fn webhook(home: &Path, app: &Name) -> Result<Masked<String>, Diagnostic> {
    files::create_directory(&home.join("webhooks"), 0o700)?;
    seaworthy_registry::token_file(&webhook_file(home, app)).map_err(|error| machine(&error))
}
