//! What of this machine is lent: the Rust toolchain, and where package managers fetch from.

use crate::failure::Failure;
use crate::shell;
use std::env;
use std::path::{Path, PathBuf};

/// What of this machine the fresh one sees.
pub(super) struct Toolchain {
    /// Read-only mounts: from here, to there.
    pub(super) mounts: Vec<(PathBuf, &'static str)>,
    /// The whole environment of the fresh machine.
    pub(super) environment: Vec<(String, String)>,
}

const CARGO: &str = "/opt/rust/cargo";
const RUSTUP: &str = "/opt/rust/rustup";
const CERTIFICATES: &str = "/opt/rust/certificates.crt";

/// Variables that say where packages come from, or through which proxy.
const PASSED_ON: &[&str] =
    &["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SEAWORTHY_PORT"];

pub(super) fn find() -> Result<Toolchain, Failure> {
    let home = env::home_dir().unwrap_or_default();
    let cargo = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let rustup = env::var_os("RUSTUP_HOME").map_or_else(|| home.join(".rustup"), PathBuf::from);
    let mut mounts = vec![(cargo.join("bin"), "/opt/rust/cargo/bin"), (rustup, RUSTUP)];
    for name in ["config.toml", "credentials.toml"] {
        if cargo.join(name).exists() {
            mounts.push((
                cargo.join(name),
                if name == "config.toml" { "/opt/rust/cargo/config.toml" } else { "/opt/rust/cargo/credentials.toml" },
            ));
        }
    }
    let mut environment = base_environment();
    environment.extend(PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?))));
    environment
        .extend(env::vars().filter(|(name, _)| name.starts_with("CARGO_REGISTR") || name.starts_with("CARGO_SOURCE_")));
    if shell::exists("go") {
        let proxy = shell::capture(Path::new("/"), &["go", "env", "GOPROXY"])?;
        environment.push(("GOPROXY".to_owned(), proxy.trim().to_owned()));
    }
    if let Some(certificates) = env::var_os("SSL_CERT_FILE").map(PathBuf::from).filter(|file| file.exists()) {
        mounts.push((certificates, CERTIFICATES));
        for name in ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO"] {
            environment.push((name.to_owned(), CERTIFICATES.to_owned()));
        }
    }
    Ok(Toolchain { mounts, environment })
}

fn base_environment() -> Vec<(String, String)> {
    let path = format!("{CARGO}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    [
        ("PATH", path.as_str()),
        ("HOME", "/home/fresh"),
        ("LANG", "C.UTF-8"),
        ("CARGO_HOME", CARGO),
        ("RUSTUP_HOME", RUSTUP),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
