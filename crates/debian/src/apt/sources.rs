//! Sources of packages (sources.list(5)): one a line, or in paragraphs.

use super::conf::is_yes;
use crate::format::deb822;

/// Who may sign for a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SignedBy {
    /// A keyring of this machine.
    File(String),
    /// A key among those that the machine trusts.
    Fingerprint(String),
    /// The armored key itself.
    Inline(String),
}

/// One place with some suites and components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) uris: Vec<String>,
    pub(super) suites: Vec<String>,
    pub(super) components: Vec<String>,
    /// For which architectures; empty: for this machine's.
    pub(super) architectures: Vec<String>,
    pub(super) signed_by: Vec<SignedBy>,
    pub(super) check_valid_until: Option<bool>,
    pub(super) check_date: Option<bool>,
}

/// Reads a `*.list` file; sources of source code are left out.
pub(super) fn parse_lines(text: &str) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let source = parse_line(line).ok_or_else(|| format!("line {} is no source", index + 1))?;
        sources.extend(source);
    }
    Ok(sources)
}

/// `deb [option=value …] uri suite [component …]`
fn parse_line(line: &str) -> Option<Option<Source>> {
    let (kind, rest) = line.split_once(char::is_whitespace)?;
    let mut source = Source::default();
    let mut rest = rest.trim_start();
    if let Some(options) = rest.strip_prefix('[') {
        let (options, after) = options.split_once(']')?;
        for option in options.split_whitespace() {
            let (name, value) = option.split_once('=')?;
            let name = name.trim_end_matches(['+', '-']);
            source.set(name, value.split(',').map(str::to_owned).collect());
        }
        rest = after.trim_start();
    }
    let mut words = rest.split_whitespace().map(str::to_owned);
    source.uris.push(words.next()?);
    source.suites.push(words.next()?);
    source.components = words.collect();
    let is_whole = !source.components.is_empty() || source.suites[0].ends_with('/');
    match kind {
        "deb" => is_whole.then_some(Some(source)),
        "deb-src" => Some(None),
        _ => None,
    }
}

/// Reads a `*.sources` file; what is not enabled and sources of source code are left out.
pub(super) fn parse_paragraphs(text: &str) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for paragraph in deb822::paragraphs(text) {
        let paragraph = paragraph.map_err(|error| error.to_string())?;
        let is_off = paragraph.get("Enabled").is_some_and(|value| !is_yes(value));
        if is_off || !paragraph.words("Types").any(|kind| kind == "deb") {
            continue;
        }
        let words = |name: &str| paragraph.words(name).map(str::to_owned).collect::<Vec<_>>();
        let mut source = Source {
            uris: words("URIs"),
            suites: words("Suites"),
            components: words("Components"),
            ..Source::default()
        };
        for (field, option) in
            [("Architectures", "arch"), ("Check-Valid-Until", "check-valid-until"), ("Check-Date", "check-date")]
        {
            source.set(option, words(field));
        }
        let lines: Vec<&str> = paragraph.lines("Signed-By").collect();
        if lines.iter().any(|line| line.starts_with("-----BEGIN")) {
            let armor: Vec<&str> = lines.iter().map(|line| if *line == "." { "" } else { line }).collect();
            source.signed_by.push(SignedBy::Inline(armor.join("\n").trim_start().to_owned() + "\n"));
        } else {
            source.set("signed-by", words("Signed-By"));
        }
        let is_whole = !source.components.is_empty() || source.suites.iter().all(|suite| suite.ends_with('/'));
        if source.uris.is_empty() || source.suites.is_empty() || !is_whole {
            return Err("a source without `URIs`, `Suites` or `Components`".to_owned());
        }
        sources.push(source);
    }
    Ok(sources)
}

impl Source {
    /// Options that mean nothing here are left out; `trusted=yes` too: an unsigned archive is never used.
    fn set(&mut self, option: &str, values: Vec<String>) {
        let first = values.first().map(|value| is_yes(value));
        match option {
            "arch" => self.architectures = values,
            "check-valid-until" => self.check_valid_until = first,
            "check-date" => self.check_date = first,
            "signed-by" => {
                let read = |value: String| match value.starts_with('/') {
                    true => SignedBy::File(value),
                    false => SignedBy::Fingerprint(value),
                };
                self.signed_by.extend(values.into_iter().flat_map(|value| {
                    value.split(',').filter(|part| !part.is_empty()).map(str::to_owned).map(read).collect::<Vec<_>>()
                }));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_lines_with_options() {
        let text = "# none\ndeb [arch=amd64,arm64 signed-by=/k.gpg check-date=no] http://a/debian s main contrib # x\n\
                    deb-src http://a/debian stable main\ndeb http://flat/ ./\n";
        let sources = parse_lines(text).unwrap();
        assert_eq!(sources.len(), 2);
        assert_eq!(sources[0].architectures, ["amd64", "arm64"]);
        assert_eq!(sources[0].components, ["main", "contrib"]);
        assert_eq!(sources[0].signed_by, [SignedBy::File("/k.gpg".into())]);
        assert_eq!((sources[0].check_date, sources[0].check_valid_until), (Some(false), None));
        assert_eq!(sources[1].suites, ["./"]);
        assert_eq!(parse_lines("deb http://a/debian\n").unwrap_err(), "line 1 is no source");
    }

    #[test]
    fn reads_paragraphs_with_a_key_within() {
        let text = "Types: deb deb-src\nURIs: http://a http://b\nSuites: s s-updates\nComponents: main\nSigned-By:\n \
                    -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n\n\
                    Enabled: no\nTypes: deb\nURIs: x\nSuites: y\nComponents: z\n\nTypes: deb\nURIs: http://c\n\
                    Suites: t/\nSigned-By: 0123 /k.gpg\n";
        let sources = parse_paragraphs(text).unwrap();
        assert_eq!(sources.len(), 2);
        assert_eq!((sources[0].uris.len(), sources[0].suites.len()), (2, 2));
        let armor = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(sources[0].signed_by, [SignedBy::Inline(armor.into())]);
        let expected = [SignedBy::Fingerprint("0123".into()), SignedBy::File("/k.gpg".into())];
        assert_eq!(sources[1].signed_by, expected);
        assert!(parse_paragraphs("Types: deb\nURIs: x\n").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(deb|\\[|\\]|=| |\n|a|ä|#|/){0,40}") {
            let _ = parse_lines(&text);
            let _ = parse_paragraphs(&text);
        }
    }
}
