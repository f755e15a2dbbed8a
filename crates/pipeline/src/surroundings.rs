//! What builds, tests and git get of the environment of whoever builds.

use seaworthy_image::layer::TIME;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// By exact name: where programs and files are, proxies and certificates.
const NAMES: [&str; 22] = [
    "PATH",
    "HOME",
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "JAVA_HOME",
    "GEM_HOME",
    "GEM_PATH",
];

/// By beginning: the toolchains' own.
const BEGINNINGS: [&str; 7] = ["CARGO_", "RUSTUP_", "GO", "NPM_CONFIG_", "npm_config_", "PIP_", "BUNDLE_"];

/// What matches a beginning and is still not for a build: where somebody else's output goes, what cargo tells the
/// program that it runs, and credentials of a cloud.
const NOT: [&str; 8] = [
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_PRIMARY_PACKAGE",
    "GOOGLE_",
];

/// Parts of names of what only whoever publishes needs. What fetches from a private registry keeps its credentials in
/// its own file (`.npmrc`, `.netrc`, `pip.conf`, `credentials.toml`), which builds do see.
const SECRETS: [&str; 6] = ["TOKEN", "AUTH", "PASSWORD", "PASSWD", "SECRET", "CREDENTIAL"];

/// Bundler's settings whose names have a part; any other that has one is the credentials for a host
/// (`BUNDLE_GEMS__EXAMPLE__COM`; bundle-config(1)).
const BUNDLER_PARTS: [&str; 3] = ["BUNDLE_BUILD__", "BUNDLE_MIRROR__", "BUNDLE_LOCAL__"];

fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let of_a_host = upper.starts_with("BUNDLE_")
        && upper.contains("__")
        && !BUNDLER_PARTS.iter().any(|beginning| upper.starts_with(beginning));
    of_a_host || SECRETS.iter().any(|part| upper.contains(part))
}

/// The same for every build, whoever types it.
pub(crate) fn fixed() -> [(&'static str, String); 4] {
    [
        ("LANG", "C.UTF-8".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("TZ", "UTC".to_owned()),
        // What writes a time into what it makes writes this one: <https://reproducible-builds.org/specs/source-date-epoch/>
        ("SOURCE_DATE_EPOCH", TIME.to_string()),
    ]
}

/// The variables that builds and tests get: those of this process that they need, and the fixed ones.
pub(crate) fn for_builds() -> BTreeMap<OsString, OsString> {
    let mut variables = selected(std::env::vars_os(), |name| {
        let begins = |list: &[&str]| list.iter().any(|beginning| name.starts_with(beginning));
        NAMES.contains(&name) || (begins(&BEGINNINGS) && !begins(&NOT) && !is_secret(name))
    });
    variables.extend(fixed().map(|(name, value)| (name.into(), value.into())));
    // Otherwise Go writes the commit into every program, so that one commit changes all of them.
    let flags = variables.entry("GOFLAGS".into()).or_default();
    if !flags.to_string_lossy().contains("-buildvcs") {
        flags.push(if flags.is_empty() { "-buildvcs=false" } else { " -buildvcs=false" });
    }
    variables
}

/// What tools that build Dockerfiles are told by: where they keep things, whom they ask, how they isolate.
const CONTAINER_TOOLS: [&str; 18] = [
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "TMPDIR",
    "REGISTRY_AUTH_FILE",
    "DOCKER_CONFIG",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_BUILDKIT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "CONTAINER_HOST",
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "BUILDAH_ISOLATION",
    "STORAGE_DRIVER",
    "STORAGE_OPTS",
];

/// The variables that `buildah`, `podman` and `docker` get.
pub(crate) fn for_container_tools() -> BTreeMap<OsString, OsString> {
    let mut variables = selected(std::env::vars_os(), |name| NAMES.contains(&name) || CONTAINER_TOOLS.contains(&name));
    variables.extend(fixed().map(|(name, value)| (name.into(), value.into())));
    // Images whose times are all the same would not be told apart by what these tools keep.
    variables.remove(&OsString::from("SOURCE_DATE_EPOCH"));
    variables
}

/// Where a program is, by the variables that a build gets.
pub(crate) fn program(name: &str, variables: &BTreeMap<OsString, OsString>) -> Option<PathBuf> {
    let path = variables.get(&OsString::from("PATH"))?;
    let executable = |file: &PathBuf| {
        file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(executable)
}

/// The variables that git gets: those of builds, and its own settings, in English so that nothing depends on the
/// locale.
pub(crate) fn for_git() -> BTreeMap<OsString, OsString> {
    let mut variables = selected(std::env::vars_os(), |name| {
        NAMES.contains(&name)
            || name.starts_with("GIT_CONFIG_")
            || ["XDG_CONFIG_HOME", "GIT_CEILING_DIRECTORIES"].contains(&name)
    });
    variables.insert("LC_ALL".into(), "C".into());
    variables
}

fn selected(
    variables: impl Iterator<Item = (OsString, OsString)>,
    wanted: impl Fn(&str) -> bool,
) -> BTreeMap<OsString, OsString> {
    variables.filter(|(name, _)| name.to_str().is_some_and(&wanted)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_publishes_is_a_secret_and_what_configures_is_none() {
        for name in [
            "CARGO_REGISTRY_TOKEN",
            "CARGO_REGISTRIES_OURS_TOKEN",
            "NPM_CONFIG__AUTH",
            "npm_config_//npm.example.com/:_authToken",
            "BUNDLE_GITHUB__COM",
            "GOAUTH",
            "PIP_PASSWORD",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["CARGO_HOME", "GOPROXY", "GOFLAGS", "NPM_CONFIG_REGISTRY", "BUNDLE_PATH", "BUNDLE_BUILD__NOKOGIRI"]
        {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn toolchains_are_told_what_they_need_and_no_secret() {
        let given = for_builds();
        assert!(given.contains_key(&OsString::from("PATH")));
        for name in given.keys().filter_map(|name| name.to_str()) {
            assert!(!name.starts_with("CARGO_PKG_") && name != "CARGO_TARGET_DIR" && name != "AWS_SECRET_ACCESS_KEY");
        }
    }
}
