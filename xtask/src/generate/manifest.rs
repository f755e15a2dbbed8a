//! docs/manifest.schema.json, and whether docs/manifest.md names every key.

use super::{Document, Program};
use crate::failure::Failure;
use crate::workspace;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = "docs/manifest.md";

pub(super) fn schema(root: &Path, program: &Program) -> Result<Document, Failure> {
    let content = program.ask(root, &["schema"])?;
    Ok(Document { file: "docs/manifest.schema.json", content })
}

/// The page is written by hand: it must name every key that the schema has.
pub(super) fn check_page(root: &Path, schema: &str) -> Result<(), Failure> {
    let schema: Value = serde_json::from_str(schema)
        .map_err(|source| Failure::Json { command: "seaworthy schema".to_owned(), source })?;
    let page = workspace::text(root, Path::new(PAGE))?.unwrap_or_default();
    let mut keys = BTreeSet::new();
    collect(&schema, &mut keys);
    let missing: Vec<&str> = keys.into_iter().filter(|key| !names(&page, key)).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::Source { file: PAGE, message: format!("does not name {}", missing.join(", ")) })
    }
}

fn collect<'a>(schema: &'a Value, keys: &mut BTreeSet<&'a str>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                keys.extend(properties.keys().map(String::as_str));
            }
            object.values().for_each(|value| collect(value, keys));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}

/// As a whole word between backticks.
fn names(page: &str, key: &str) -> bool {
    page.split('`')
        .skip(1)
        .step_by(2)
        .any(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_at_any_depth() {
        let schema = serde_json::json!({
            "properties": { "app": {} }, "$defs": { "S": { "anyOf": [{ "properties": { "run": {} } }] } }
        });
        let mut keys = BTreeSet::new();
        collect(&schema, &mut keys);
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["app", "run"]);
        assert!(names("| `env.NAME`, `run` |", "env") && names("`run`", "run") && !names("run `runs`", "run"));
    }
}
