//! A service that was found, before it is written down.

use super::python;
use seaworthy_model::template::{GIVEN, is_setting_name};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a service.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// The name that its files suggest; it may still be no name, or taken.
    pub(super) wanted_name: String,
    /// Its folder, relative to the root; `.` for the root.
    pub(super) path: String,
    /// Folders whose files belong to it.
    pub(super) covers: BTreeSet<String>,
    pub(super) build: Vec<String>,
    pub(super) test: Vec<String>,
    pub(super) files: Vec<String>,
    pub(super) run: Vec<String>,
    pub(super) before: Vec<String>,
    pub(super) base: Vec<String>,
    pub(super) port: Listens,
    pub(super) health: Option<String>,
    pub(super) checks: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    /// Wanted names of services that it calls.
    pub(super) calls: BTreeSet<String>,
    /// What its source says, for finding out whom it calls.
    pub(super) text: String,
    /// What a person should look at, a line each.
    pub(super) comments: Vec<String>,
}

/// Where a service listens, as far as is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Listens {
    /// It may read `PORT`; nothing says otherwise.
    #[default]
    Given,
    /// On a number of its own.
    Fixed(u16),
    /// Nowhere.
    Nowhere,
}

impl Found {
    /// Takes a shell line as what starts it. Settings that stand before the program become settings.
    pub(super) fn start_by(&mut self, line: &str) {
        let mut rest = line.trim();
        while let Some((name, value, after)) = leading_setting(rest) {
            self.env.insert(name.to_owned(), value.to_owned());
            rest = after;
        }
        self.run = run_of(&self.as_installed(rest));
    }

    /// A line with its program by the name that it has in the image.
    pub(super) fn as_installed(&self, line: &str) -> String {
        if self.base.iter().any(|package| package == "python3") { python::as_installed(line) } else { line.to_owned() }
    }
}

/// A program and its arguments, or a shell that runs it if the line is more than words.
pub(super) fn run_of(line: &str) -> Vec<String> {
    // No program can be given a NUL.
    let line = line.replace('\0', "");
    let line = line.trim();
    if line.chars().all(is_plain) && !line.split(' ').next().unwrap_or_default().contains('=') {
        return line.split_whitespace().map(str::to_owned).collect();
    }
    // `exec` comes after settings: before them it would take the first one for the program. Of several programs none
    // may take the shell's place.
    let settings = line.split_inclusive(' ').take_while(|word| is_setting(word)).map(str::len).sum();
    let (settings, program) = line.split_at(settings);
    let exec = if program.is_empty() || program.contains(['&', '|', ';', '\n']) { "" } else { "exec " };
    ["sh", "-c", &format!("{settings}{exec}{program}")].map(str::to_owned).to_vec()
}

/// Whether a shell takes a character for itself.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:=@,+% ".contains(c)
}

/// `NAME=value`, without quotes.
fn is_setting(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, value)| is_setting_name(name) && !value.contains(['"', '\'', '`', '(']))
}

/// `NODE_ENV=production node server.js` as a name, a value that a shell would not change, and the rest.
fn leading_setting(line: &str) -> Option<(&str, &str, &str)> {
    let (word, rest) = line.split_once(' ')?;
    let (name, value) = word.split_once('=')?;
    let taken = is_setting_name(name) && !GIVEN.contains(&name) && value.chars().all(is_plain);
    taken.then(|| (name, value, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(base: &str, line: &str) -> (Vec<String>, Vec<String>) {
        let mut found = Found { base: vec![base.to_owned()], ..Found::default() };
        found.start_by(line);
        (found.env.iter().map(|(name, value)| format!("{name}={value}")).collect(), found.run)
    }

    #[test]
    fn settings_before_a_program_are_settings() {
        let lines: [(&str, &[&str], &[&str]); 5] = [
            ("NODE_ENV=production A=1 node server.js", &["A=1", "NODE_ENV=production"], &["node", "server.js"]),
            ("PORT=80 node server.js", &[], &["sh", "-c", "PORT=80 exec node server.js"]),
            ("A=1 B=$PORT node s.js", &["A=1"], &["sh", "-c", "B=$PORT exec node s.js"]),
            ("tsc && node s.js", &[], &["sh", "-c", "tsc && node s.js"]),
            ("node server.js --env=A", &[], &["node", "server.js", "--env=A"]),
        ];
        for (line, env, run) in lines {
            let (found_env, found_run) = started("nodejs", line);
            assert!(found_env == env && found_run == run, "{line}: {found_env:?} {found_run:?}");
        }
    }

    #[test]
    fn programs_of_python_have_the_names_that_debian_gives_them() {
        assert_eq!(started("python3", "python -u worker.py").1, ["python3", "-u", "worker.py"]);
        assert_eq!(started("python3", "gunicorn app:app").1, ["python3", "-m", "gunicorn", "app:app"]);
        let shell = started("python3", "gunicorn -b :$PORT app:app").1;
        assert_eq!(shell, ["sh", "-c", "exec python3 -m gunicorn -b :$PORT app:app"]);
        assert_eq!(started("ruby", "python x.py").1, ["python", "x.py"]);
    }
}
