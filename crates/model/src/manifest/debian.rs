//! `[debian]`.

use super::raw;
use super::reader::Reader;
use super::tree::Path;
use super::typed::{DebianSource, MirrorSource};

/// The most suites, and the most components.
const ITEMS_MAX: usize = 16;

impl Reader<'_> {
    /// Where the Debian packages of bases come from.
    pub(super) fn debian(&mut self, raw: &raw::Debian) -> DebianSource {
        let path = Path::default().key("debian");
        let documentation = raw.documentation.unwrap_or_default();
        let Some(mirror) = &raw.mirror else {
            let others = [
                ("suite", raw.suite.is_some()),
                ("components", raw.components.is_some()),
                ("security", raw.security.is_some()),
                ("keys", raw.keys.is_some()),
            ];
            for (key, _) in others.into_iter().filter(|(_, is_there)| *is_there) {
                if !self.findings.is_broken(&path.key("mirror")) {
                    let help = "name the archive: `mirror = \"https://deb.example/debian\"`";
                    self.report_key(&path.key(key), format!("`{key}` without `mirror`"), help);
                }
            }
            return DebianSource { mirror: None, documentation };
        };
        let address = self.archive(&path.key("mirror"), mirror);
        let security = raw.security.as_ref().and_then(|text| self.archive(&path.key("security"), text));
        let at = path.key("suite");
        let suites = match &raw.suite {
            Some(raw::OneOrMany::One(suite)) => self.words(&at, std::slice::from_ref(suite), false),
            Some(raw::OneOrMany::Many(suites)) => self.words(&at, suites, true),
            None => {
                if !self.findings.is_broken(&at) {
                    let help = "name the suite: `suite = \"bookworm\"`";
                    self.report_key(&path.key("mirror"), "`mirror` without `suite`", help);
                }
                Vec::new()
            }
        };
        let components = match &raw.components {
            Some(components) => self.words(&path.key("components"), components, true),
            None => vec!["main".to_owned()],
        };
        let keys = raw.keys.as_ref().and_then(|text| self.inside(&path.key("keys"), text));
        let mirror = address.map(|address| MirrorSource { address, suites, components, security, keys });
        DebianSource { mirror, documentation }
    }

    /// The root of an archive. A login would be there for all to read; apt's own place for those is looked into.
    fn archive(&mut self, path: &Path, text: &str) -> Option<String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let printable = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\`".contains(&byte));
        match rest {
            Some(rest) if rest.split('/').next().is_some_and(|host| host.contains('@')) => {
                let help = "leave name and password out, and put them into `/etc/apt/auth.conf`";
                self.report(path, format!("`{path}` holds a login"), help);
                None
            }
            Some(rest) if !rest.starts_with('/') && !rest.is_empty() && printable(rest) => {
                Some(text.trim_end_matches('/').to_owned())
            }
            _ => {
                let message = format!("`{}` is no address of an archive", text.escape_debug());
                self.report(path, message, "write `https://…` or `http://…`, such as `https://deb.example/debian`");
                None
            }
        }
    }

    /// Names that become parts of addresses.
    fn words(&mut self, path: &Path, words: &[String], is_list: bool) -> Vec<String> {
        let help = "write names such as `bookworm`, `main`";
        if words.is_empty() || words.len() > ITEMS_MAX {
            self.report(path, format!("`{path}` must have 1 to {ITEMS_MAX} names"), help);
        }
        let is_one = |word: &str| {
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/+".contains(&byte);
            !word.is_empty()
                && word.bytes().all(fine)
                && !word.starts_with('/')
                && !word.split('/').any(|part| part == "..")
        };
        for (index, word) in words.iter().enumerate().filter(|(_, word)| !is_one(word)) {
            let at = if is_list { path.index(index) } else { path.clone() };
            self.report(&at, format!("`{}` is no part of an archive", word.escape_debug()), help);
        }
        words.to_vec()
    }
}
