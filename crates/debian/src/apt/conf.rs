//! `apt.conf` (apt.conf(5)): nested names and their values.

use std::collections::BTreeMap;

/// How deep names may be nested.
const DEPTH_MAX: usize = 32;

/// Options by their full name in lower case, `acquire::http::proxy`; the last value counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options {
    values: BTreeMap<String, String>,
}

impl Options {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(&name.to_lowercase()).map(String::as_str)
    }

    /// Every name, in lower case, with its value.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether an option is on; `default` where nothing is said.
    pub(super) fn is_on(&self, name: &str, default: bool) -> bool {
        self.get(name).map_or(default, is_yes)
    }

    /// Adds what a file says to what the files before it said.
    pub(super) fn add(&mut self, text: &str) -> Result<(), &'static str> {
        let mut scopes: Vec<String> = Vec::new();
        let mut words: Vec<String> = Vec::new();
        for token in tokens(text)? {
            match token {
                Token::Word(word) => words.push(word),
                Token::Open => {
                    if scopes.len() == DEPTH_MAX {
                        return Err("it is nested too deeply");
                    }
                    scopes.push(words.first().cloned().unwrap_or_default());
                    words.clear();
                }
                Token::End => self.set(&scopes, &std::mem::take(&mut words)),
                Token::Close => {
                    self.set(&scopes, &std::mem::take(&mut words));
                    scopes.pop().ok_or("a `}` without its `{`")?;
                }
            }
        }
        if scopes.is_empty() { Ok(()) } else { Err("a `{` without its `}`") }
    }

    /// `Name "value"` within these scopes; a value alone is an element of a list, which nothing here needs.
    fn set(&mut self, scopes: &[String], words: &[String]) {
        match words {
            [name, first, rest @ ..] if name.as_str() == "#clear" => {
                for name in std::iter::once(first).chain(rest) {
                    let name = name.to_lowercase();
                    let below = format!("{name}::");
                    self.values.retain(|known, _| *known != name && !known.starts_with(&below));
                }
            }
            [name, value] => {
                let name = scopes.iter().chain([name]).map(|part| part.to_lowercase()).collect::<Vec<_>>().join("::");
                self.values.insert(name, value.clone());
            }
            _ => {}
        }
    }
}

/// How apt reads a yes.
pub(super) fn is_yes(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "yes" | "true" | "on" | "enable" | "with" | "1")
}

enum Token {
    Word(String),
    Open,
    Close,
    End,
}

fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let is_comment = rest.starts_with("//") || (first == '#' && !rest.starts_with("#clear"));
        let length = if is_comment {
            line_end
        } else if rest.starts_with("/*") {
            rest.find("*/").ok_or("a comment without its end")? + 2
        } else if first == '"' {
            let end = rest[1..].find('"').ok_or("a `\"` without the second one")?;
            tokens.push(Token::Word(rest[1..=end].to_owned()));
            end + 2
        } else if first.is_whitespace() {
            first.len_utf8()
        } else if let Some(token) = mark(first) {
            tokens.push(token);
            1
        } else {
            let is_end = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"');
            let end = rest.find(is_end).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        };
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn mark(sign: char) -> Option<Token> {
    match sign {
        '{' => Some(Token::Open),
        '}' => Some(Token::Close),
        ';' => Some(Token::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_scopes_comments_lists_and_what_is_cleared() {
        let mut options = Options::default();
        options
            .add(
                "// no\nAcquire { http { Proxy \"http://p:3128\"; Proxy::intern DIRECT; }; /* no } */ Retries 3; };\n\
                 # no\nDPkg::Post-Invoke { \"x; y\"; };\nAcquire::https::CaInfo \"/ca.pem\";\nA::B \"c\";",
            )
            .unwrap();
        options.add("#clear A;\nAcquire::Check-Date \"false\";").unwrap();
        assert_eq!(options.get("acquire::HTTP::proxy"), Some("http://p:3128"));
        assert_eq!(options.get("Acquire::http::Proxy::intern"), Some("DIRECT"));
        assert_eq!(options.get("Acquire::https::CaInfo"), Some("/ca.pem"));
        assert_eq!(options.get("A::B"), None);
        assert!(!options.is_on("Acquire::Check-Date", true) && options.is_on("Acquire::Check-Valid-Until", true));
        assert!(options.add("A {").is_err() && options.add("};").is_err() && options.add("A \"b").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a{};\" /*#:ä\n]{0,60}") {
            let _ = Options::default().add(&text);
        }
    }
}
