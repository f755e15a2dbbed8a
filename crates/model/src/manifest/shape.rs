//! Checks a tree against the schema: unknown keys, wrong types, missing keys. Reports all of them and takes what is
//! wrong out of the tree, so that the rest can be read and checked further.

use super::findings::Findings;
use super::tree::{Node, Path, Value};
use super::words::{expected, nearest, quoted_list};
use serde_json::Value as Json;

/// The schema that a tree is checked against.
pub(super) struct Shape<'a> {
    root: &'a Json,
}

impl<'a> Shape<'a> {
    pub(super) fn new(root: &'a Json) -> Self {
        Self { root }
    }

    /// Checks the whole document.
    pub(super) fn check_document(&self, document: &mut Node, findings: &mut Findings) {
        self.check(document, &Path::default(), self.root, findings);
    }

    /// Follows a reference, if it is one.
    pub(super) fn resolved<'s>(&'s self, schema: &'s Json) -> &'s Json {
        let name = schema.get("$ref").and_then(Json::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
        name.and_then(|name| self.root.get("$defs")?.get(name)).unwrap_or(schema)
    }

    /// False: this value is of no use and has to go.
    fn check(&self, node: &mut Node, path: &Path, schema: &Json, findings: &mut Findings) -> bool {
        let described = schema.get("description").and_then(Json::as_str);
        let target = self.resolved(schema);
        if let Some(branches) = target.get("anyOf").and_then(Json::as_array) {
            return self.check_union(node, path, schema, branches, findings);
        }
        let fits = accepts(target, node);
        if !fits {
            let message = format!("`{path}` must be {}, found {}", expected(self, target), node.kind());
            findings.report(node.shown(), message, help_for_type(path, &[target], node, described));
            findings.break_at(path.clone());
            return false;
        }
        match &mut node.value {
            Value::Table(_) => self.check_table(node, path, target, findings),
            Value::Array(items) => self.check_items(items, path, target, findings),
            Value::String(text) => return check_choice(text, node.span.clone(), path, target, findings),
            Value::Integer(number) => {
                return self.check_range(*number, node.span.clone(), path, target, described, findings);
            }
            _ => {}
        }
        true
    }

    /// Of several shapes the one that fits best says what is wrong.
    fn check_union(&self, node: &mut Node, path: &Path, schema: &Json, branches: &[Json], all: &mut Findings) -> bool {
        let fitting = branches.iter().filter(|branch| accepts(self.resolved(branch), node));
        let best = fitting
            .map(|branch| {
                let (mut copy, mut findings) = (node.clone(), Findings::default());
                let kept = self.check(&mut copy, path, branch, &mut findings);
                (findings.len(), copy, findings, kept)
            })
            .min_by_key(|(errors, ..)| *errors);
        if let Some((_, copy, findings, kept)) = best {
            *node = copy;
            all.merge(findings);
            return kept;
        }
        let target = self.resolved(schema);
        let described = [schema, target].into_iter().find_map(|s| s.get("description")).and_then(Json::as_str);
        let message = format!("`{path}` must be {}, found {}", expected(self, target), node.kind());
        let targets: Vec<&Json> = branches.iter().map(|branch| self.resolved(branch)).collect();
        all.report(node.shown(), message, help_for_type(path, &targets, node, described));
        all.break_at(path.clone());
        false
    }

    fn check_table(&self, node: &mut Node, path: &Path, schema: &Json, findings: &mut Findings) {
        let key_span = node.key_span.clone();
        let Value::Table(entries) = &mut node.value else { return };
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties").filter(|s| s.is_object());
        let known: Vec<&str> = properties.into_iter().flat_map(|p| p.keys()).map(String::as_str).collect();
        for required in schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            if !entries.iter().any(|(key, _)| key == required) {
                let description = properties.and_then(|p| p.get(required)?.get("description")?.as_str());
                let what = if *path == Path::default() { "the file".to_owned() } else { format!("`{path}`") };
                let help = format!("`{required}`: {}", lower_first(description.unwrap_or("it must be there")));
                findings.report(key_span.clone(), format!("{what} has no `{required}`"), help);
                findings.break_at(path.key(required));
            }
        }
        entries.retain_mut(|(key, value)| {
            let at = path.key(key);
            match properties.and_then(|p| p.get(key)).or(others) {
                Some(schema) => self.check(value, &at, schema, findings),
                None => {
                    let place = if *path == Path::default() { String::new() } else { format!(" in `{path}`") };
                    let help = nearest(key, known.iter().copied()).map_or_else(
                        || format!("known here are {}", quoted_list(&known, "and")),
                        |name| format!("did you mean `{name}`?"),
                    );
                    findings.report(value.key_span.clone(), format!("unknown key `{key}`{place}"), help);
                    false
                }
            }
        });
    }

    fn check_items(&self, items: &mut Vec<Node>, path: &Path, schema: &Json, findings: &mut Findings) {
        let Some(schema) = schema.get("items") else { return };
        let mut index = 0;
        items.retain_mut(|item| {
            let kept = self.check(item, &path.index(index), schema, findings);
            index += 1;
            if !kept {
                findings.break_at(path.clone());
            }
            kept
        });
    }

    fn check_range(
        &self,
        number: i64,
        span: std::ops::Range<usize>,
        path: &Path,
        schema: &Json,
        described: Option<&str>,
        findings: &mut Findings,
    ) -> bool {
        let bound = |key: &str| schema.get(key).and_then(Json::as_i64);
        let low = bound("minimum").is_some_and(|minimum| number < minimum);
        let high = bound("maximum").is_some_and(|maximum| number > maximum);
        if low || high {
            let message = format!("`{path}` must be {}, found {number}", expected(self, schema));
            findings.report(span, message, described.map_or("choose a number in this range".to_owned(), lower_first));
            findings.break_at(path.clone());
        }
        !low && !high
    }
}

/// Whether a schema without `anyOf` takes values of this node's type.
fn accepts(schema: &Json, node: &Node) -> bool {
    let kind = schema.get("type").and_then(Json::as_str);
    match &node.value {
        Value::String(_) => kind == Some("string"),
        Value::Integer(_) => matches!(kind, Some("integer" | "number")),
        Value::Float(number) => kind == Some("number") && number.is_finite(),
        Value::Boolean(_) => kind == Some("boolean"),
        Value::Array(_) => kind == Some("array"),
        Value::Table(_) => kind == Some("object"),
        Value::IntegerTooLarge | Value::Datetime(_) => false,
    }
}

fn check_choice(text: &str, span: std::ops::Range<usize>, path: &Path, schema: &Json, findings: &mut Findings) -> bool {
    let Some(choices) = schema.get("enum").and_then(Json::as_array) else { return true };
    let choices: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
    if choices.contains(&text) {
        return true;
    }
    let help = nearest(text, choices.iter().copied())
        .map_or_else(|| format!("it can be {}", quoted_list(&choices, "or")), |name| format!("did you mean `{name}`?"));
    findings.report(span, format!("`{path}` cannot be `{}`", text.escape_debug()), help);
    findings.break_at(path.clone());
    false
}

/// How to make a value fit one of these shapes.
fn help_for_type(path: &Path, shapes: &[&Json], node: &Node, described: Option<&str>) -> String {
    let kind = |wanted: &str| shapes.iter().any(|shape| shape.get("type").and_then(Json::as_str) == Some(wanted));
    let strings = |shape: &&Json| shape.get("items").and_then(|items| items.get("type")?.as_str()) == Some("string");
    // Of a few words, no number becomes one by quotes.
    let words = shapes.iter().any(|shape| shape.get("enum").is_some());
    match &node.value {
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) if words => {
            described.map_or_else(|| "write one of these words".to_owned(), lower_first)
        }
        Value::Integer(number) if kind("string") => format!("put it in quotes: `\"{number}\"`"),
        Value::Float(number) if kind("string") => format!("put it in quotes: `\"{number}\"`"),
        Value::Datetime(date) if kind("string") => format!("put it in quotes: `\"{date}\"`"),
        Value::Boolean(truth) if kind("string") => format!("put it in quotes: `\"{truth}\"`"),
        Value::String(text) if shapes.iter().any(strings) => in_brackets(path, text),
        Value::String(text) if kind("integer") && text.parse::<u32>().is_ok() => {
            format!("leave out the quotes: `{text}`")
        }
        Value::String(text) if kind("boolean") && matches!(text.as_str(), "true" | "false") => {
            format!("leave out the quotes: `{text}`")
        }
        Value::Table(_) | Value::Array(_) => described.map_or_else(|| "write a value".to_owned(), lower_first),
        _ if kind("object") && shapes.len() == 1 => format!("write it as a table: `{}`", path.header()),
        _ => described.map_or_else(|| "change the value".to_owned(), lower_first),
    }
}

/// A program and its arguments are words of their own; what a shell would make of quotes is for a person to say.
fn in_brackets(path: &Path, text: &str) -> String {
    let is_command = matches!(path.last_key(), Some("run" | "before"));
    let plain = !text.contains(['"', '\'', '\\', '$', '`']);
    let words: Vec<&str> = if is_command && plain { text.split_whitespace().collect() } else { vec![text] };
    format!("put it in brackets: `{words:?}`")
}

/// A description as the end of a message: lower case, without the full stop.
fn lower_first(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| format!("{}{}", first.to_lowercase(), characters.as_str()))
}
