//! Versions: their order is one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_debian::format::version::parse;

fuzz_target!(|texts: (&str, &str, &str)| {
    let (Ok(a), Ok(b), Ok(c)) = (parse(texts.0), parse(texts.1), parse(texts.2)) else { return };
    assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    assert_eq!(a == b, a.cmp(&b).is_eq());
    if a <= b && b <= c {
        assert!(a <= c);
    }
});
