//! What an archive says of a suite: `Release`, within `InRelease` (the repository format of Debian).

use super::cleartext;
use super::keyring::Keyring;
use crate::error::Error;
use crate::format::deb822::{self, Paragraph};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// How far the archive's clock may be ahead of this machine's.
const AHEAD_MAX: Duration = Duration::from_secs(60 * 60);

/// Size and SHA-256 of a file of the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Bytes.
    pub size: u64,
    /// Lower case, hexadecimal.
    pub sha256: String,
}

/// A suite as its archive describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `Origin`, such as `Debian`.
    pub origin: Option<String>,
    /// `Codename`, such as `bookworm`.
    pub codename: Option<String>,
    /// `Suite`, such as `stable`.
    pub suite: Option<String>,
    /// `Version`, such as `12.11`.
    pub version: Option<String>,
    /// `NotAutomatic`: nothing is taken from here that another suite has.
    pub not_automatic: bool,
    /// `Acquire-By-Hash`: files have a second name, which does not change while the archive does.
    pub by_hash: bool,
    /// Packages for all architectures have lists of their own.
    pub all_apart: bool,
    /// Its files by their path below the suite.
    pub files: BTreeMap<String, Sum>,
}

/// What a release must be to be taken.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// How the suite is called in messages.
    pub archive: &'a str,
    /// The suite that was asked for; `None` where the archive has none (a path that ends in `/`).
    pub suite: Option<&'a str>,
    /// Who may sign.
    pub keys: &'a Keyring,
    /// The time of day.
    pub now: SystemTime,
    /// Whether `Date` may not lie ahead.
    pub check_date: bool,
    /// Whether `Valid-Until` counts.
    pub check_valid_until: bool,
}

impl Expected<'_> {
    fn refused(&self, what: impl Into<String>, help: &'static str) -> Error {
        Error::Refused { archive: self.archive.to_owned(), what: what.into(), help }
    }
}

/// Takes an `InRelease` file: signature, suite and dates, in this order.
///
/// # Errors
/// [`Error`], for whatever is not as expected.
pub fn open(file: &[u8], expected: &Expected<'_>) -> Result<Release, Error> {
    let name = format!("{} InRelease", expected.archive);
    let text = std::str::from_utf8(file).map_err(|_| Error::content(&name, "it is no UTF-8 text"))?;
    let signed = cleartext::parse(text).map_err(|error| Error::content(&name, error.to_string()))?;
    if expected.keys.is_empty() {
        return Err(Error::NoKeys { archive: expected.archive.to_owned() });
    }
    expected
        .keys
        .verify(&signed.text, signed.armor, expected.now)
        .map_err(|signatures| Error::Untrusted { archive: expected.archive.to_owned(), signatures })?;
    let fields = deb822::only_paragraph(&signed.text).map_err(|error| Error::malformed(&name, error))?;
    check_suite(&fields, expected)?;
    check_dates(&fields, expected)?;
    read(&fields).ok_or_else(|| Error::content(&name, "its list of SHA-256 sums is missing or damaged"))
}

fn check_suite(fields: &Paragraph<'_>, expected: &Expected<'_>) -> Result<(), Error> {
    let Some(wanted) = expected.suite else { return Ok(()) };
    let names = [fields.get("Codename"), fields.get("Suite")];
    if names.contains(&Some(wanted)) {
        return Ok(());
    }
    let said = names.into_iter().flatten().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
    let said = if said.is_empty() { "nothing".to_owned() } else { said };
    let help = "check the suite's name and the mirror: a suite is asked for by its codename or suite name";
    Err(expected.refused(format!("it is of {said}, not of `{wanted}`"), help))
}

fn check_dates(fields: &Paragraph<'_>, expected: &Expected<'_>) -> Result<(), Error> {
    let clock = "check this machine's clock, and whether the mirror is still kept up to date";
    let time = |name: &str| match fields.get(name) {
        None => Ok(None),
        Some(text) => match date(text) {
            Some(time) => Ok(Some(time)),
            None => Err(expected.refused(format!("`{name}: {text}` is no date"), clock)),
        },
    };
    let Some(made) = time("Date")? else { return Err(expected.refused("it has no date", clock)) };
    if expected.check_date && made > expected.now + AHEAD_MAX {
        return Err(expected.refused(format!("it is from {}, which is yet to come", text(made)), clock));
    }
    match time("Valid-Until")? {
        Some(until) if expected.check_valid_until && until < expected.now => {
            Err(expected.refused(format!("it was valid until {}", text(until)), clock))
        }
        _ => Ok(()),
    }
}

/// `Sat, 11 Jul 2026 10:16:37 UTC`
fn date(text: &str) -> Option<SystemTime> {
    // Some archives write the hour with one digit, and the weekday says nothing that the date does not.
    let pad = |word: &str| if word.find(':') == Some(1) { format!("0{word}") } else { word.to_owned() };
    let words: Vec<String> = text.split_whitespace().map(pad).collect();
    let text = words.join(" ").replace(" UTC", " +0000").replace(" GMT", " +0000");
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    Some(parser.parse_timestamp(text).ok()?.into())
}

fn text(time: SystemTime) -> String {
    let text = seaworthy_host::clock::rfc3339(time);
    text.get(..19).map_or(text.clone(), |seconds| format!("{seconds}Z"))
}

fn read(fields: &Paragraph<'_>) -> Option<Release> {
    let owned = |name| fields.get(name).map(str::to_owned);
    let is_yes = |name| fields.get(name).is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    fields.get("SHA256")?;
    let mut files = BTreeMap::new();
    for line in fields.lines("SHA256").filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [sha256, size, path] = words.as_slice() else { return None };
        let sum = Sum { size: size.parse().ok()?, sha256: sha256_text(sha256)? };
        files.insert((*path).to_owned(), sum);
    }
    Some(Release {
        origin: owned("Origin"),
        codename: owned("Codename"),
        suite: owned("Suite"),
        version: owned("Version"),
        not_automatic: is_yes("NotAutomatic"),
        by_hash: is_yes("Acquire-By-Hash"),
        all_apart: fields.words("Architectures").any(|word| word == "all")
            && !fields.words("No-Support-for-Architecture-all").any(|word| word == "Packages"),
        files,
    })
}

/// A SHA-256 sum in lower case; `None` when it is none. It becomes a file's name, so nothing else may pass.
pub(crate) fn sha256_text(text: &str) -> Option<String> {
    let good = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_dates_of_archives() {
        assert_eq!(text(date("Sat, 11 Jul 2026 10:16:37 UTC").unwrap()), "2026-07-11T10:16:37Z");
        assert_eq!(text(date("Sat, 01 Aug 2026  9:06:07 UTC").unwrap()), "2026-08-01T09:06:07Z");
        assert_eq!(text(date("Fri, 27 Nov 2026 00:12:41 +0000").unwrap()), "2026-11-27T00:12:41Z");
        assert_eq!(date("tomorrow"), None);
    }

    #[test]
    fn only_a_sum_passes_for_one() {
        assert_eq!(sha256_text(&"A".repeat(64)), Some("a".repeat(64)));
        assert_eq!(sha256_text("../../etc/passwd"), None);
    }
}
