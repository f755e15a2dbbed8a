//! Manifests: any text is read or refused, and what is refused says where it is wrong and what to do.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_diagnostics::render;
use seaworthy_model::manifest::parse;

fuzz_target!(|text: &str| {
    let Err(errors) = parse("seaworthy.toml", text) else { return };
    assert!(!errors.is_empty());
    for error in errors {
        if let Some(place) = &error.place {
            assert!(text.get(place.span.0..place.span.1).is_some());
        }
        assert!(render(&error, false).contains("help: "));
    }
});
