//! The words of messages: what a schema expects, which name was meant, lists.

use super::shape::Shape;
use serde_json::Value as Json;

/// What a schema takes, such as `a string or an array of strings`.
pub(super) fn expected(shape: &Shape<'_>, schema: &Json) -> String {
    let schema = shape.resolved(schema);
    if let Some(branches) = schema.get("anyOf").and_then(Json::as_array) {
        let mut texts: Vec<String> = branches.iter().map(|branch| expected(shape, branch)).collect();
        // Whoever takes any number takes whole ones.
        if texts.iter().any(|text| text == "a number") {
            texts.retain(|text| text != "a whole number");
        }
        return listed(&texts, "or");
    }
    if let Some(choices) = schema.get("enum").and_then(Json::as_array) {
        return quoted_list(&choices.iter().filter_map(Json::as_str).collect::<Vec<_>>(), "or");
    }
    if let Some(constant) = schema.get("const") {
        return format!("`{constant}`");
    }
    match schema.get("type").and_then(Json::as_str) {
        Some("string") => "a string".to_owned(),
        Some("boolean") => "a boolean".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("integer") => match (schema.get("minimum"), schema.get("maximum")) {
            (Some(minimum), Some(maximum)) => format!("a whole number from {minimum} to {maximum}"),
            _ => "a whole number".to_owned(),
        },
        Some("array") => {
            let items = schema.get("items").map(|items| expected(shape, items)).unwrap_or_default();
            format!("an array of {}", plural(&items))
        }
        _ => "a table".to_owned(),
    }
}

fn plural(text: &str) -> String {
    match text {
        "a string" => "strings".to_owned(),
        "an array of strings" => "arrays of strings".to_owned(),
        "a string or a table" => "strings or tables".to_owned(),
        other => other.to_owned(),
    }
}

/// The candidate that was probably meant.
pub(crate) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&text, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

/// `` `a`, `b` and `c` ``, with this word before the last.
pub(super) fn quoted_list<T: AsRef<str>>(items: &[T], word: &str) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("`{}`", item.as_ref())).collect();
    listed(&quoted, word)
}

fn listed(items: &[String], word: &str) -> String {
    match items {
        [] => "none".to_owned(),
        [single] => single.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}
