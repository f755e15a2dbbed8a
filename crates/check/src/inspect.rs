//! What a file would do.

use crate::{confinement, failure, variables};
use hurl_core::ast::HurlFile;
use seaworthy_checks::wire::{CheckFile, Failure, Inspected};
use std::collections::BTreeSet;

/// Reads a file: its syntax tree, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<HurlFile, Vec<Failure>> {
    let file = hurl_core::parser::parse_hurl_file(text).map_err(|error| vec![failure::of_parser(&error, text)])?;
    if file.entries.is_empty() {
        return Err(vec![failure::without_requests()]);
    }
    let refusals = confinement::refusals(&file, text);
    if refusals.is_empty() { Ok(file) } else { Err(refusals) }
}

/// Answers what a file would do.
pub(crate) fn inspect(file: &CheckFile) -> Inspected {
    let name = file.name.clone();
    match parse(&file.text) {
        Ok(hurl) => Inspected {
            name,
            methods: methods(&hurl),
            variables: variables::expected(&file.text, &hurl),
            failures: Vec::new(),
        },
        Err(failures) => Inspected { name, methods: Vec::new(), variables: Vec::new(), failures },
    }
}

fn methods(file: &HurlFile) -> Vec<String> {
    let methods = file.entries.iter().map(|entry| entry.request.method.to_string().to_ascii_uppercase());
    methods.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inspected(text: &str) -> Inspected {
        inspect(&CheckFile { name: "a.hurl".into(), text: text.into(), ..CheckFile::default() })
    }

    #[test]
    fn names_every_method_once() {
        let text = "POST {{url}}/a\nHTTP 201\n\nGET {{url}}\nHTTP 200\n\nGET {{url}}/b\nHTTP 200\n";
        let answer = inspected(text);
        assert_eq!(answer.methods, ["GET", "POST"]);
        assert_eq!(answer.variables, ["url"]);
        assert_eq!(answer.failures, vec![]);
    }

    #[test]
    fn a_file_without_requests_proves_nothing() {
        let answer = inspected("# later\n");
        assert_eq!(answer.failures[0].message, "there is no request in this check");
    }

    #[test]
    fn says_where_a_file_is_wrong() {
        let answer = inspected("GET {{url}}\nHTTP 200\n[Assert]\nstatus == 200\n");
        let failure = &answer.failures[0];
        assert_eq!(failure.from.map(|from| (from.line, from.column)), Some((3, 2)));
        insta::assert_snapshot!(failure.message, @"the section is not valid. Did you mean Asserts?");
    }

    proptest! {
        #[test]
        fn survives_any_text(text in "(GET|POST|\\[Asserts\\]|HTTP|\\{|\\}|\"|`|\n| |\\PC){0,40}") {
            let answer = inspected(&text);
            prop_assert!(answer.failures.is_empty() != answer.methods.is_empty());
        }
    }
}
