//! What people read when a manifest is wrong: one broken manifest per kind, and one with many errors.

use seaworthy_diagnostics::render;
use seaworthy_model::manifest::parse;

/// All errors of a manifest, as a terminal shows them.
fn rendered(text: &str) -> String {
    match parse("seaworthy.toml", text) {
        Ok(_) => panic!("nothing is wrong with:\n{text}"),
        Err(errors) => {
            for error in &errors {
                assert!(error.help.is_some(), "no help: {error}");
                assert!(error.place.is_some(), "no place: {error}");
            }
            errors.iter().map(|error| render(error, false)).collect::<Vec<_>>().join("\n")
        }
    }
}

/// The errors of every case of a file; each case begins with `# name`.
fn report(cases: &str) -> String {
    let mut report = String::new();
    for case in cases.split("\n# ").skip(1) {
        let (name, text) = case.split_once('\n').expect("a case has a body");
        report.push_str(&format!("=== {name}\n{}\n", rendered(text)));
    }
    report
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(report(include_str!(concat!("broken/", stringify!($name), ".txt"))));
        }
    )*};
}

cases!(syntax, shape, names, values, services, references, settings, routes, jobs, environments, gates);

#[test]
fn many_errors_come_at_once() {
    insta::assert_snapshot!(rendered(include_str!("broken/many.toml")));
}

#[test]
fn more_jobs_than_anybody_can_oversee_are_refused() {
    let job = |number: usize| format!("[jobs.n{number}]\nservice = \"a\"\nrun = [\"./a\"]\nschedule = \"@daily\"\n");
    let app = "app = \"a\"\n[services.a]\nrun = [\"./a\"]\n";
    let with = |count: usize| app.to_owned() + &(0..count).map(job).collect::<String>();
    assert_eq!(parse("seaworthy.toml", &with(100)).expect("not too many").jobs.len(), 100);
    let errors = parse("seaworthy.toml", &with(101)).expect_err("too many");
    insta::assert_snapshot!(render(&errors[0], false));
}

#[test]
fn a_file_without_end_is_refused() {
    let errors = parse("seaworthy.toml", &"#".repeat(2 << 20)).expect_err("too large");
    insta::assert_snapshot!(render(&errors[0], false), @r"
    error: `seaworthy.toml` is larger than 1MiB
    help: keep what is not a manifest elsewhere
    ");
}
