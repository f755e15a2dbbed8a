//! The table of the gateway's limits in docs/gateway.md, from `crates/gateway/src/limits.rs`.

use super::Document;
use crate::failure::Failure;
use crate::workspace;
use std::path::Path;

const SOURCE: &str = "crates/gateway/src/limits.rs";
const PAGE: &str = "docs/gateway.md";
const BEGIN: &str = "<!-- generated: limits -->\n";
const END: &str = "<!-- end -->";

pub(super) fn document(root: &Path) -> Result<Document, Failure> {
    let source = workspace::text(root, Path::new(SOURCE))?.unwrap_or_default();
    let page = workspace::text(root, Path::new(PAGE))?.unwrap_or_default();
    let failure = |message: &str| Failure::Source { file: PAGE, message: message.to_owned() };
    let (head, rest) = page.split_once(BEGIN).ok_or_else(|| failure("has no place for the limits"))?;
    let (_, tail) = rest.split_once(END).ok_or_else(|| failure("the limits' place has no end"))?;
    Ok(Document { file: PAGE, content: format!("{head}{BEGIN}{}{END}{tail}", table(&source)?) })
}

/// Field by field: its doc comment, its name, and its value in `DEFAULT`.
fn table(source: &str) -> Result<String, Failure> {
    let failure = |message: String| Failure::Source { file: SOURCE, message };
    let (fields, defaults) =
        source.split_once("const DEFAULT").ok_or_else(|| failure("has no `DEFAULT`".to_owned()))?;
    let mut table = "| limit | default | meaning |\n|---|---|---|\n".to_owned();
    let mut comment = Vec::new();
    for line in fields.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            comment.push(text);
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            let value = defaults
                .lines()
                .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": ")?.strip_suffix(','))
                .ok_or_else(|| failure(format!("`{name}` has no default")))?;
            let value = readable(name, value).ok_or_else(|| failure(format!("cannot read `{name}: {value}`")))?;
            table += &format!("| `{name}` | {value} | {} |\n", comment.join(" ").trim_end_matches('.'));
            comment.clear();
        } else {
            comment.clear();
        }
    }
    Ok(table)
}

fn readable(name: &str, value: &str) -> Option<String> {
    if let Some(seconds) = value.strip_prefix("Duration::from_secs(") {
        return Some(match number(seconds.strip_suffix(')')?)? {
            hours if hours % 3600 == 0 => format!("{} h", hours / 3600),
            minutes if minutes % 60 == 0 => format!("{} min", minutes / 60),
            seconds => format!("{seconds} s"),
        });
    }
    if let Some(milliseconds) = value.strip_prefix("Duration::from_millis(") {
        return Some(format!("{} ms", number(milliseconds.strip_suffix(')')?)?));
    }
    let product = value.split(" * ").map(number).product::<Option<u64>>()?;
    Some(match product {
        amount if !name.contains("bytes") => amount.to_string(),
        gibibytes if gibibytes % (1 << 30) == 0 => format!("{} GiB", gibibytes >> 30),
        mebibytes if mebibytes % (1 << 20) == 0 => format!("{} MiB", mebibytes >> 20),
        kibibytes if kibibytes % (1 << 10) == 0 => format!("{} KiB", kibibytes >> 10),
        bytes => format!("{bytes} B"),
    })
}

fn number(text: &str) -> Option<u64> {
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_gets_a_row() {
        let source = "pub struct Limits {\n    /// The longest\n    /// head.\n    pub head_bytes_max: usize,\n    \
                      /// Idle.\n    pub idle: Duration,\n}\nconst DEFAULT: Self = Self {\n    \
                      head_bytes_max: 64 * 1024,\n    idle: Duration::from_secs(120),\n};\n";
        let rows = table(source).unwrap();
        assert!(
            rows.ends_with("| `head_bytes_max` | 64 KiB | The longest head |\n| `idle` | 2 min | Idle |\n"),
            "{rows}"
        );
        assert!(table(&source.replace("    idle: Duration::", "    lazy: Duration::")).is_err());
    }
}
