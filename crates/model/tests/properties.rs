//! What holds for any text whatsoever.

mod common;

use common::{release, revision_of};
use proptest::prelude::*;
use seaworthy_diagnostics::render;
use seaworthy_model::manifest::parse;

const MANIFESTS: [&str; 3] = [
    include_str!("manifests/every-key.toml"),
    include_str!("manifests/invoices.toml"),
    include_str!("manifests/unstoppable-echo.toml"),
];

/// Fragments that mean something somewhere.
const FRAGMENTS: [&str; 16] = [
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "=",
    "\n",
    ".",
    "${",
    "${env.A}",
    "é",
    "\u{0}",
    "false",
    "-1",
    "[services.web.env]\n",
];

/// A manifest with some stretches taken out, doubled or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let change = (any::<proptest::sample::Index>(), 0_usize..20, 0..FRAGMENTS.len(), 0..3_u8);
    (0..MANIFESTS.len(), proptest::collection::vec(change, 1..5)).prop_map(|(which, changes)| {
        let mut characters: Vec<char> = MANIFESTS[which].chars().collect();
        for (at, length, fragment, kind) in changes {
            let start = at.index(characters.len());
            let end = (start + length).min(characters.len());
            let replacement: Vec<char> = match kind {
                0 => Vec::new(),
                1 => characters[start..end].repeat(2),
                _ => FRAGMENTS[fragment].chars().collect(),
            };
            characters.splice(start..end, replacement);
        }
        characters.into_iter().collect()
    })
}

/// Never panics; errors can be shown, point into the text and say what to do; what is right can be resolved or refused.
fn check(text: &str) -> Result<(), TestCaseError> {
    match parse("seaworthy.toml", text) {
        Ok(manifest) => {
            for environment in manifest.environments.keys() {
                for sandbox in [false, true] {
                    match revision_of(&release(&manifest), &manifest, environment.as_str(), sandbox) {
                        Ok(revision) => prop_assert_eq!(revision.pools.len(), manifest.services.len()),
                        Err(errors) => prop_assert!(errors.iter().all(|error| error.help.is_some())),
                    }
                }
            }
        }
        Err(errors) => {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(error.help.is_some());
                let place = error.place.as_ref().expect("a place");
                prop_assert!(text.get(place.span.0..place.span.1).is_some());
                prop_assert!(render(&error, false).contains("help: "));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn broken_manifests_are_told_apart(text in mutated()) {
        check(&text)?;
    }

    #[test]
    fn any_text_is_read_or_refused(text: String) {
        check(&text)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes))?;
    }
}

#[test]
fn nesting_has_an_end() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{a=".repeat(50_000)),
        format!("a{} = 1", ".a".repeat(100_000)),
        format!("[a{}]", ".a".repeat(100_000)),
        format!("app = \"a\"\n[services.a]\nrun = [{}]", "\"x\",".repeat(100_000)),
    ] {
        let _ = parse("seaworthy.toml", &text);
    }
}
