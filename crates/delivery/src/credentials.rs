//! What a node says to a server that wants to know who asks.

use seaworthy_diagnostics::Masked;

/// The user's name that goes with a token where its file names none: GitHub and GitLab take any.
const USER: &str = "oauth2";
/// The longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A user's name and a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The token or password.
    pub token: Masked<String>,
}

impl Login {
    /// From a file's one line: `TOKEN` or `USER:TOKEN`. `None`: that is no such line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.trim();
        let (user, token) = line.split_once(':').unwrap_or((USER, line));
        let right = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_control() || c.is_whitespace());
        (line.len() <= TOKEN_BYTES_MAX && right(user) && right(token))
            .then(|| Self { user: user.to_owned(), token: Masked::new(token.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_token_with_or_without_a_name() {
        let login = |text| Login::parse(text).map(|login| (login.user, login.token.reveal().clone()));
        let is = |user: &str, token: &str| Some((user.to_owned(), token.to_owned()));
        assert_eq!(login("glpat-1\n"), is("oauth2", "glpat-1"));
        assert_eq!(login("ada:word:word"), is("ada", "word:word"));
        for text in ["", "\n", ":x", "x:", "a b", "a\nb", "a\0b"] {
            assert_eq!(login(text), None, "{text:?}");
        }
    }
}
