//! The variables of a file.

use hurl_core::ast::visit::{self, Visitor};
use hurl_core::ast::{Capture, HurlFile, VariableDefinition};
use std::collections::BTreeSet;

/// The variables that a file expects from outside: those that it mentions and does not set itself.
pub(crate) fn expected(text: &str, file: &HurlFile) -> Vec<String> {
    let mut definitions = Definitions(BTreeSet::from(["newDate".to_owned(), "newUuid".to_owned()]));
    definitions.visit_hurl_file(file);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mentioned: BTreeSet<_> = lines.flat_map(mentioned_in).collect();
    mentioned.into_iter().filter(|name| !definitions.0.contains(*name)).map(str::to_owned).collect()
}

fn mentioned_in(line: &str) -> impl Iterator<Item = &str> {
    let inside = |part: &'_ str| part.split_once("}}").map(|(name, _)| name.len());
    line.split("{{").skip(1).filter_map(move |part| inside(part).map(|end| part[..end].trim())).filter(|name| {
        let word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        !name.is_empty() && name.chars().all(word)
    })
}

struct Definitions(BTreeSet<String>);

impl Visitor for Definitions {
    fn visit_capture(&mut self, capture: &Capture) {
        self.0.insert(capture.name.to_string());
        visit::walk_capture(self, capture);
    }

    fn visit_variable_def(&mut self, definition: &VariableDefinition) {
        self.0.insert(definition.name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_not_set_in_the_file() {
        let text = "# {{comment}}\nGET {{url}}/{{ path }}?{{newUuid}}\n[Options]\nvariable: path=hi\nHTTP 200\n\
            [Captures]\ntoken: header \"a\"\n\nGET {{url}}/{{release}}\nA: {{token}}\nHTTP 200\n```\n{ { broken\n```\n";
        let file = hurl_core::parser::parse_hurl_file(text);
        let names = file.map(|file| expected(text, &file)).unwrap_or_default();
        assert_eq!(names, ["release", "url"]);
    }
}
