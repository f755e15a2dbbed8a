//! Names and passwords for archives (apt_auth.conf(5)).

use seaworthy_diagnostics::Masked;

/// Who to be at a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// The host, with a port and the beginning of a path if they were given; without scheme.
    pub(crate) machine: String,
    pub(crate) name: String,
    pub(crate) password: Masked<String>,
    /// `http://` was written: the password may travel without encryption.
    pub(crate) plain: bool,
}

impl Login {
    /// Whether it is for this address. Without `http://` in the file it is for https alone, as apt does it.
    pub(crate) fn is_for(&self, url: &str) -> bool {
        let Some((scheme, rest)) = url.split_once("://") else { return false };
        let begins = rest.strip_prefix(self.machine.trim_end_matches('/'));
        let ends = begins.is_some_and(|after| after.is_empty() || after.starts_with(['/', ':']));
        ends && (scheme == "https" || self.plain)
    }
}

/// Reads a file of `machine NAME login NAME password WORD`; what is not whole is left out.
pub(super) fn parse(text: &str) -> Vec<Login> {
    let words = text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    let mut logins = Vec::new();
    let (mut machine, mut name): (Option<&str>, Option<&str>) = (None, None);
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        match word {
            "machine" => (machine, name) = (words.next(), None),
            "login" => name = words.next(),
            "password" => {
                if let (Some(machine), Some(name), Some(password)) = (machine, name, words.next()) {
                    let (plain, machine) = match machine.split_once("://") {
                        Some((scheme, rest)) => (scheme == "http", rest),
                        None => (false, machine),
                    };
                    let password = Masked::new(password.to_owned());
                    logins.push(Login { machine: machine.to_owned(), name: name.to_owned(), password, plain });
                }
            }
            _ => {}
        }
    }
    logins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_to_its_own_host_and_never_plain_by_accident() {
        let logins = parse(
            "# x\nmachine a.example/debian login me password secret\nmachine http://b.example\nlogin you\n\
                            password word\nmachine c.example login only\n",
        );
        assert_eq!(logins.len(), 2);
        assert!(logins[0].is_for("https://a.example/debian/dists"));
        assert!(!logins[0].is_for("https://a.example/debian-security") && !logins[0].is_for("https://a.example.evil/"));
        assert!(!logins[0].is_for("http://a.example/debian") && logins[1].is_for("http://b.example/x"));
        assert!(!format!("{logins:?}").contains("secret"));
    }
}
