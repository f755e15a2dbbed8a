//! Values with `${…}` in them, such as `"${payment-provider.url}"`.

use crate::Name;
use crate::service::Setting;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

/// A setting's value: literal text and references, in order. Parsed once, when the manifest is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template {
    /// The parts, to be joined without anything between them.
    pub parts: Vec<Part>,
}

/// One part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Text that stands for itself (`$${` has become `${`).
    Literal(String),
    /// `${S.url}`: where this service reaches service `S`: `http://HOST:PORT` (for `protocol = "tcp"`:
    /// `tcp://HOST:PORT`).
    Url(Name),
    /// `${S.host}`.
    Host(Name),
    /// `${S.port}`.
    Port(Name),
    /// `${volumes.V}`: the volume's path as the program sees it.
    Volume(Name),
    /// `${env.NAME}`: another setting of the same service. In a [`crate::pool::PoolSpec`] only those are left that the
    /// target gives ([`GIVEN`]).
    Setting(String),
    /// `${release}`: the release's short name.
    Release,
    /// `${environment}`.
    Environment,
}

/// The environment variables that a target gives to every instance: a value may refer to them as `${env.NAME}`, and
/// nobody may set them. (A worker has no `PORT`.)
pub const GIVEN: [&str; 5] = ["PORT", "HOST", "PATH", "HOME", "TMPDIR"];

/// Why a text is no [`Template`], and which bytes of it are wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidTemplate {
    /// What is wrong.
    pub problem: TemplateProblem,
    /// Where.
    pub span: Range<usize>,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateProblem {
    /// `${` without `}`.
    #[error("`${{` has no closing `}}`")]
    Unclosed,
    /// Something between the braces that means nothing.
    #[error("`${{{0}}}` is not known")]
    Unknown(String),
}

impl Template {
    /// A value without references.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { parts: if text.is_empty() { Vec::new() } else { vec![Part::Literal(text)] } }
    }

    /// Reads `${…}`. Of a run of `$` before `{`, each pair stands for one `$`; an odd one begins a reference.
    ///
    /// # Errors
    /// When a reference is not closed or not of a known form.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let mut template = Self { parts: Vec::new() };
        let mut read = 0;
        while let Some(found) = text[read..].find("${") {
            let brace = read + found + 1;
            let literal = text[read..brace].trim_end_matches('$');
            let dollars = brace - read - literal.len();
            template.push(Part::Literal(format!("{literal}{}", "$".repeat(dollars / 2))));
            read = brace;
            if dollars % 2 == 1 {
                let (part, end) = Part::parse_at(text, brace)?;
                template.push(part);
                read = end;
            }
        }
        template.push(Part::Literal(text[read..].to_owned()));
        Ok(template)
    }

    /// Adds a part; literals that meet become one, so that equal values have equal parts.
    pub fn push(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (_, Part::Literal(text)) if text.is_empty() => {}
            (Some(Part::Literal(last)), Part::Literal(text)) => last.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }

    /// The value as text, with what `value` gives for each part that is not literal.
    ///
    /// # Errors
    /// The first error of `value`.
    pub fn render<E>(&self, mut value: impl FnMut(&Part) -> Result<String, E>) -> Result<String, E> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                reference => text.push_str(&value(reference)?),
            }
        }
        Ok(text)
    }

    /// The text, if there is no reference in it.
    #[must_use]
    pub fn as_literal(&self) -> Option<String> {
        self.render(|_| Err(())).ok()
    }
}

impl Part {
    /// The reference whose `{` is at `brace`, and where the text goes on after it.
    fn parse_at(text: &str, brace: usize) -> Result<(Self, usize), InvalidTemplate> {
        let start = brace - 1;
        let Some(length) = text[brace..].find('}') else {
            return Err(InvalidTemplate { problem: TemplateProblem::Unclosed, span: start..text.len() });
        };
        let end = brace + length + 1;
        let inner = &text[brace + 1..end - 1];
        let unknown = || InvalidTemplate { problem: TemplateProblem::Unknown(inner.to_owned()), span: start..end };
        Ok((Self::parse(inner).ok_or_else(unknown)?, end))
    }

    fn parse(inner: &str) -> Option<Self> {
        match inner.split_once('.') {
            None if inner == "release" => Some(Self::Release),
            None if inner == "environment" => Some(Self::Environment),
            None => None,
            Some(("volumes", volume)) => Name::new(volume).ok().map(Self::Volume),
            Some(("env", name)) => is_setting_name(name).then(|| Self::Setting(name.to_owned())),
            Some((service, "url")) => Name::new(service).ok().map(Self::Url),
            Some((service, "host")) => Name::new(service).ok().map(Self::Host),
            Some((service, "port")) => Name::new(service).ok().map(Self::Port),
            Some(_) => None,
        }
    }
}

/// The names of settings in an order in which each comes after those that it refers to; without recursion, however long
/// the chain.
///
/// # Errors
/// Settings that refer to each other in a circle, in the order of the references.
pub fn dependency_order(settings: &BTreeMap<String, Setting>) -> Result<Vec<String>, Vec<String>> {
    let references = |name: &str| -> Vec<&str> {
        let Some((_, Setting::Value(template))) = settings.get_key_value(name) else { return Vec::new() };
        let names = template
            .parts
            .iter()
            .filter_map(|part| if let Part::Setting(to) = part { Some(to.as_str()) } else { None });
        names.filter(|to| settings.contains_key(*to)).collect()
    };
    let mut order = Vec::new();
    let mut done = BTreeSet::new();
    for start in settings.keys().map(String::as_str) {
        if done.contains(start) {
            continue;
        }
        let mut way = vec![(start, references(start))];
        let mut on_way = BTreeSet::from([start]);
        while let Some((name, open)) = way.last_mut() {
            match open.pop() {
                Some(to) if on_way.contains(to) => {
                    let circle = way.iter().map(|(name, _)| *name).skip_while(|name| *name != to);
                    return Err(circle.map(str::to_owned).collect());
                }
                Some(to) if done.contains(to) => {}
                Some(to) => {
                    on_way.insert(to);
                    way.push((to, references(to)));
                }
                None => {
                    order.push((*name).to_owned());
                    done.insert(*name);
                    on_way.remove(*name);
                    way.pop();
                }
            }
        }
    }
    Ok(order)
}

/// Whether a text can be the name of an environment variable: a letter or `_`, then letters, digits and `_` (POSIX).
#[must_use]
pub fn is_setting_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl fmt::Display for Template {
    /// As it would be written in a manifest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            part.fmt(f)?;
            // Dollars in front of a reference would be taken for an escape.
            if let (Part::Literal(text), Some(_)) = (part, self.parts.get(index + 1)) {
                f.write_str(&"$".repeat(text.len() - text.trim_end_matches('$').len()))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(&escaped(text)),
            Self::Url(service) => write!(f, "${{{service}.url}}"),
            Self::Host(service) => write!(f, "${{{service}.host}}"),
            Self::Port(service) => write!(f, "${{{service}.port}}"),
            Self::Volume(volume) => write!(f, "${{volumes.{volume}}}"),
            Self::Setting(name) => write!(f, "${{env.{name}}}"),
            Self::Release => f.write_str("${release}"),
            Self::Environment => f.write_str("${environment}"),
        }
    }
}

/// The text with every run of `$` before `{` doubled.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut dollars = 0;
    for character in text.chars() {
        if character == '{' {
            escaped.extend(std::iter::repeat_n('$', dollars));
        }
        dollars = if character == '$' { dollars + 1 } else { 0 };
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> Vec<Part> {
        Template::parse(text).expect("valid").parts
    }

    #[test]
    fn reads_every_form() {
        let name = |text: &str| Name::new(text).expect("a name");
        assert_eq!(
            parts("${a.url}/x?${b.host}:${b.port}"),
            [
                Part::Url(name("a")),
                Part::Literal("/x?".into()),
                Part::Host(name("b")),
                Part::Literal(":".into()),
                Part::Port(name("b")),
            ]
        );
        assert_eq!(parts("${volumes.data}"), [Part::Volume(name("data"))]);
        assert_eq!(parts("${env.A_1}"), [Part::Setting("A_1".into())]);
        assert_eq!(parts("${release}${environment}"), [Part::Release, Part::Environment]);
        assert_eq!(parts(""), []);
    }

    #[test]
    fn dollars_before_a_brace_come_in_pairs() {
        assert_eq!(parts("$${a.url}"), [Part::Literal("${a.url}".into())]);
        assert_eq!(parts("$$${release}"), [Part::Literal("$".into()), Part::Release]);
        assert_eq!(parts("$5 $$ {} $"), [Part::Literal("$5 $$ {} $".into())]);
    }

    #[test]
    fn says_where_it_is_wrong() {
        assert_eq!(Template::parse("a ${x").expect_err("unclosed").span, 2..5);
        for text in ["${}", "${x}", "${x.y}", "${.url}", "${env.1}", "${env.}", "${A.url}", "${ release }"] {
            assert!(matches!(Template::parse(text), Err(e) if e.span == (0..text.len())), "{text}");
        }
    }

    fn part() -> impl Strategy<Value = Part> {
        let name = "[a-z]{1,8}".prop_map(|text| Name::new(text).expect("a name"));
        prop_oneof![
            "[${}a.é]{1,8}".prop_map(Part::Literal),
            name.clone()
                .prop_filter("a reserved name", |n| n.as_str() != "env" && n.as_str() != "volumes")
                .prop_map(Part::Url),
            name.prop_map(Part::Volume),
            "[A-Z_][A-Z0-9_]{0,4}".prop_map(Part::Setting),
            Just(Part::Release),
            Just(Part::Environment),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(parts in proptest::collection::vec(part(), 0..6)) {
            let mut template = Template { parts: Vec::new() };
            parts.into_iter().for_each(|part| template.push(part));
            prop_assert_eq!(Template::parse(&template.to_string()), Ok(template));
        }

        #[test]
        fn nothing_panics_and_spans_fit(text in "[${}.a-zé]{0,12}") {
            if let Err(error) = Template::parse(&text) {
                prop_assert!(text.get(error.span).is_some());
            }
        }
    }
}
