//! Text from the network, made short and harmless.

use seaworthy_checks::wire::EXCERPT_BYTES_MAX;

/// What must not be shown: the values that a file captured with `redact`.
pub(crate) struct Redaction(Vec<String>);

impl Redaction {
    /// Hides these values; the longest first, in case one contains another.
    pub(crate) fn new(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// The text without secrets and control characters, at most [`EXCERPT_BYTES_MAX`] long.
    pub(crate) fn excerpt(&self, text: &str) -> String {
        self.excerpt_of_bytes(text.as_bytes())
    }

    /// The same for bytes, which need not be UTF-8.
    pub(crate) fn excerpt_of_bytes(&self, bytes: &[u8]) -> String {
        // A secret that is cut off by the limit would not be recognised: look at some more than is shown.
        let secret_bytes_max = self.0.first().map_or(0, String::len);
        let end = bytes.len().min(EXCERPT_BYTES_MAX + secret_bytes_max);
        let mut text = String::from_utf8_lossy(&bytes[..end]).into_owned();
        for secret in &self.0 {
            text = text.replace(secret, "***");
        }
        let text: String = text.chars().map(harmless).collect();
        let cut = text.floor_char_boundary(EXCERPT_BYTES_MAX);
        if cut < text.len() || end < bytes.len() { format!("{}…", &text[..cut]) } else { text }
    }
}

/// A terminal obeys control characters; whoever answers a check must not command the user's terminal.
fn harmless(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        _ if character.is_control() => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_short_and_harmless() {
        let all = Redaction::new(vec![]);
        assert_eq!(all.excerpt("a\tb\nc"), "a\tb\nc");
        assert_eq!(all.excerpt("\x1b[31mred\r\n"), "\u{fffd}[31mred\u{fffd}\n");
        assert_eq!(all.excerpt_of_bytes(b"\xff\xfehi"), "\u{fffd}\u{fffd}hi");
        let long = all.excerpt(&"é".repeat(EXCERPT_BYTES_MAX));
        assert_eq!(long.len(), EXCERPT_BYTES_MAX + "…".len());
        assert!(long.ends_with('…'));
    }

    #[test]
    fn hides_secrets_even_at_the_end() {
        let some = Redaction::new(vec!["key".into(), "keychain".into(), String::new()]);
        assert_eq!(some.excerpt("the keychain has a key"), "the *** has a ***");
        let cut_in_the_middle = format!("{}keychain", "a".repeat(EXCERPT_BYTES_MAX - 4));
        assert!(!some.excerpt(&cut_in_the_middle).contains("key"));
    }
}
