//! What is written, read by the programs of others: Debian's junitparser, and jsonschema with the schema of OASIS.

mod support;

use seaworthy_reports::{junit, sarif};
use std::io::Write as _;
use std::path::Path;

/// Runs a Python program with a file as its argument, in Debian's Python; `None` where it lacks a module.
fn python(module: &str, program: &str, file: &Path) -> Option<String> {
    let python = |arguments: &[&str]| {
        let mut command = seaworthy_host::process::command("/usr/bin/python3");
        command.args(arguments).arg(file).output()
    };
    let there = python(&["-c", &format!("import {module}")]).is_ok_and(|ran| ran.status.success());
    if !there {
        let _ = writeln!(std::io::stderr(), "skipped: needs Python's {module}");
        return None;
    }
    let ran = python(&["-c", program]).expect("Python");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(String::from_utf8_lossy(&ran.stdout).into_owned())
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("a file");
    file
}

#[test]
fn junitparser_reads_what_is_written() {
    let program = "
import sys
from junitparser import JUnitXml
for suite in JUnitXml.fromfile(sys.argv[1]):
    for case in suite:
        results = case.result if isinstance(case.result, list) else [case.result]
        print(suite.name, '|', case.classname, case.name, '|', *[type(r).__name__ for r in results if r])
    print(suite.tests, suite.failures, suite.errors, suite.skipped)
";
    let written = file(&junit::write(&support::bad()));
    if let Some(read) = python("junitparser", program, written.path()) {
        insta::assert_snapshot!(read);
    }
}

#[test]
fn sarif_keeps_to_the_schema() {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/sarif-2.1.0.json");
    let program = format!(
        "
import json, sys
from jsonschema import Draft7Validator
schema = json.load(open({schema:?}))
document = json.load(open(sys.argv[1]))
for error in Draft7Validator(schema).iter_errors(document):
    print(list(error.absolute_path), error.message)
# A document that is wrong is seen to be.
document['runs'][0]['results'][0]['level'] = 'awful'
assert list(Draft7Validator(schema).iter_errors(document))
"
    );
    for verdict in [support::bad(), support::late()] {
        let written = file(&sarif::write(&verdict, "", "0.1.0"));
        if let Some(errors) = python("jsonschema", &program, written.path()) {
            assert_eq!(errors, "");
        }
    }
}
