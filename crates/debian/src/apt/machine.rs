//! All of apt's configuration on this machine, as far as it matters here.

use super::auth;
use super::conf::Options;
use super::sources::{self, SignedBy, Source};
use crate::error::Error;
use crate::limits;
use crate::mirror::{Suite, shown};
use crate::network::Network;
use crate::trust::Keyring;
use seaworthy_host::files::{self, FileError};
use std::path::{Path, PathBuf};

/// What a machine says of its sources.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    pub(crate) suites: Vec<Suite>,
    pub(crate) network: Network,
    /// The keys for sources that name none.
    pub(crate) keys: Keyring,
    /// What is done otherwise than apt would, or less strictly than it should be.
    pub(crate) notices: Vec<String>,
}

/// Reads what is below a root, `/` but in tests. The sources are in apt's order: `sources.list`, then
/// `sources.list.d` by name.
pub(crate) fn read(root: &Path, architecture: &str) -> Result<Machine, Error> {
    let apt = root.join("etc/apt");
    let options = options(&apt)?;
    let mut machine = Machine { keys: trusted(root)?, ..Machine::default() };
    machine.network.read(options.all());
    for path in std::iter::once(apt.join("auth.conf")).chain(listed(&apt.join("auth.conf.d"), &["conf"])?) {
        // Only root may read these, as a rule: whoever may not gets the sources that need no password.
        if let Some(text) = text(&path).ok().flatten() {
            machine.network.logins.extend(auth::parse(&text));
        }
    }
    if !options.is_on("Acquire::https::Verify-Peer", true) {
        machine.notices.push("`Acquire::https::Verify-Peer` is off for apt; certificates are checked here".to_owned());
    }
    let files =
        std::iter::once(apt.join("sources.list")).chain(listed(&apt.join("sources.list.d"), &["list", "sources"])?);
    for path in files {
        let Some(text) = text(&path)? else { continue };
        let is_lines = path.extension().is_some_and(|end| end == "list");
        let found = if is_lines { sources::parse_lines(&text) } else { sources::parse_paragraphs(&text) };
        for source in found.map_err(|what| Error::Configuration { path: path.clone(), what })? {
            machine.add(root, &source, &options, architecture)?;
        }
    }
    if machine.suites.iter().any(|suite| !suite.check_valid_until || !suite.check_date) {
        machine.notices.push("apt's configuration turns the check of an archive's dates off: so it is here".to_owned());
    }
    Ok(machine)
}

impl Machine {
    fn add(&mut self, root: &Path, source: &Source, options: &Options, architecture: &str) -> Result<(), Error> {
        let is_other = |list: &[String]| !list.is_empty() && !list.iter().any(|one| one == architecture);
        if is_other(&source.architectures) {
            return Ok(());
        }
        let keys = self.keys_of(root, source)?;
        for uri in &source.uris {
            let uri = uri.replace("$(ARCH)", architecture);
            let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
            if scheme == "cdrom" {
                continue;
            }
            if !matches!(scheme, "http" | "https") {
                let what = "only http and https are spoken here".to_owned();
                return Err(Error::Source { source_line: shown(&uri), what });
            }
            for suite in &source.suites {
                if self.suites.len() == limits::SUITES_MAX {
                    return Err(Error::Limit { what: "suites".to_owned(), most: limits::SUITES_MAX as u64 });
                }
                let check = |own: Option<bool>, name| own.unwrap_or_else(|| options.is_on(name, true));
                self.suites.push(Suite {
                    uri: uri.trim_end_matches('/').to_owned(),
                    name: suite.replace("$(ARCH)", architecture),
                    components: source.components.clone(),
                    keys: keys.clone(),
                    check_date: check(source.check_date, "Acquire::Check-Date"),
                    check_valid_until: check(source.check_valid_until, "Acquire::Check-Valid-Until"),
                });
            }
        }
        Ok(())
    }

    fn keys_of(&self, root: &Path, source: &Source) -> Result<Keyring, Error> {
        if source.signed_by.is_empty() {
            return Ok(self.keys.clone());
        }
        let mut keys = Keyring::default();
        let mut fingerprints = Vec::new();
        for signed_by in &source.signed_by {
            match signed_by {
                SignedBy::File(path) => {
                    let path = root.join(path.trim_start_matches('/'));
                    keys.add(&bytes(&path, limits::KEYRING_BYTES_MAX)?.unwrap_or_default());
                }
                SignedBy::Inline(armor) => _ = keys.add(armor.as_bytes()),
                SignedBy::Fingerprint(text) => fingerprints.push(text.as_str()),
            }
        }
        // Fingerprints narrow the files down, or what the machine trusts where no file is named.
        Ok(match (fingerprints.is_empty(), keys.is_empty()) {
            (true, _) => keys,
            (false, true) => self.keys.only(&fingerprints),
            (false, false) => keys.only(&fingerprints),
        })
    }
}

fn options(apt: &Path) -> Result<Options, Error> {
    let mut options = Options::default();
    let files = listed(&apt.join("apt.conf.d"), &["conf", ""])?.into_iter().chain([apt.join("apt.conf")]);
    for path in files {
        if let Some(text) = text(&path)? {
            let read = options.add(&text);
            read.map_err(|what| Error::Configuration { path, what: what.to_owned() })?;
        }
    }
    Ok(options)
}

/// The keys that count for every source.
fn trusted(root: &Path) -> Result<Keyring, Error> {
    let mut keys = Keyring::default();
    let mut paths = vec![root.join("etc/apt/trusted.gpg")];
    paths.extend(listed(&root.join("etc/apt/trusted.gpg.d"), &["gpg", "asc"])?);
    paths.push(root.join("usr/share/keyrings/debian-archive-keyring.gpg"));
    for path in paths {
        keys.add(&bytes(&path, limits::KEYRING_BYTES_MAX)?.unwrap_or_default());
    }
    Ok(keys)
}

/// The files of a folder with one of these ends, by name; `""` is no end at all. Other names are passed over, as apt
/// does.
fn listed(folder: &Path, ends: &[&str]) -> Result<Vec<PathBuf>, Error> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::new("read", folder, error).into()),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| FileError::new("read", folder, error))?.path();
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if ends.contains(&end) && !is_hidden && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn bytes(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Error> {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > most) {
        return Err(Error::Limit { what: format!("bytes in `{}`", path.display()), most });
    }
    Ok(files::read_if_there(path)?)
}

fn text(path: &Path) -> Result<Option<String>, Error> {
    let bytes = bytes(path, limits::CONFIGURATION_BYTES_MAX)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Result<Machine, Error> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            files::create_directory(path.parent().unwrap(), 0o755).unwrap();
            files::write_atomic(&path, text.as_bytes(), 0o644).unwrap();
        }
        read(root.path(), "amd64")
    }

    #[test]
    fn sources_come_in_apts_order_and_follow_its_options() {
        let machine = machine(&[
            ("etc/apt/sources.list.d/b.list", "deb [arch=arm64] http://no/ x main\ndeb http://b/ x main\n"),
            ("etc/apt/sources.list.d/a.sources", "Types: deb\nURIs: http://a/$(ARCH)\nSuites: x y\nComponents: main\n"),
            ("etc/apt/sources.list.d/c.list.disabled", "nonsense"),
            ("etc/apt/sources.list", "deb cdrom:[x]/ x main\ndeb [check-date=yes] http://first/ x main\n"),
            ("etc/apt/apt.conf.d/99x", "Acquire::Check-Date \"false\"; Acquire::https::CaInfo \"/ca.pem\";"),
        ]);
        let machine = machine.unwrap();
        let shown: Vec<String> = machine.suites.iter().map(|s| format!("{} {}", s.base(), s.check_date)).collect();
        let expected = [
            "http://first/dists/x true",
            "http://a/amd64/dists/x false",
            "http://a/amd64/dists/y false",
            "http://b/dists/x false",
        ];
        assert_eq!(shown, expected);
        assert_eq!(machine.notices.len(), 1);
        assert_eq!(machine.network.authorities, [PathBuf::from("/ca.pem")]);
        assert!(machine.keys.is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let error = machine(&[("etc/apt/sources.list", "deb mirror+file:/x y main\n")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the source `mirror+file:/x` cannot be used: only http and https are spoken here"
        );
        let error = machine(&[("etc/apt/sources.list", "dep http://x y main\n")]).unwrap_err().to_string();
        assert!(error.ends_with("sources.list` is not valid: line 1 is no source"), "{error}");
    }
}
