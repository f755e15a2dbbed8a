//! What builds, tests and git get of the environment of whoever builds.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// By exact name: where programs and files are, the locale, proxies and certificates.
const NAMES: [&str; 24] = [
    "PATH",
    "HOME",
    "LANG",
    "LANGUAGE",
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

/// By beginning: the locale's parts and the toolchains' own.
const BEGINNINGS: [&str; 8] = ["LC_", "CARGO_", "RUSTUP_", "GO", "NPM_CONFIG_", "npm_config_", "PIP_", "BUNDLE_"];

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

/// The variables of this process that builds and tests get.
pub(crate) fn for_builds() -> BTreeMap<OsString, OsString> {
    selected(std::env::vars_os(), |name| {
        let begins = |list: &[&str]| list.iter().any(|beginning| name.starts_with(beginning));
        NAMES.contains(&name) || (begins(&BEGINNINGS) && !begins(&NOT))
    })
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
    fn toolchains_are_told_what_they_need_and_no_secret() {
        let given = for_builds();
        assert!(given.contains_key(&OsString::from("PATH")));
        for name in given.keys().filter_map(|name| name.to_str()) {
            assert!(!name.starts_with("CARGO_PKG_") && name != "CARGO_TARGET_DIR" && name != "AWS_SECRET_ACCESS_KEY");
        }
    }
}
