//! Dependencies: what is shown is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_debian::format::relation::parse;

fuzz_target!(|text: &str| {
    let Ok(read) = parse(text) else { return };
    let groups = read.iter().map(|group| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "));
    let shown = groups.collect::<Vec<_>>().join(", ");
    let again = parse(&shown).expect("what is shown can be read");
    assert_eq!(read, again, "{shown}");
});
