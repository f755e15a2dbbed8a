//! Names from folders, packages and processes.

use seaworthy_model::name::NAME_LENGTH_MAX;
use std::collections::BTreeSet;

/// The nearest name: lower case, other characters as hyphens, cut.
pub(super) fn name_from(text: &str) -> String {
    let mut name = String::new();
    for character in text.chars() {
        match character.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => name.push(letter),
            _ if !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name = name[..name.len().min(NAME_LENGTH_MAX)].trim_end_matches('-');
    match name {
        "" => "service".to_owned(),
        // They mean something else in values.
        "env" | "volumes" => format!("{name}-service"),
        name => name.to_owned(),
    }
}

/// The name, or with a number where it is taken.
pub(super) fn unique(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let base = name_from(wanted);
    let mut name = base.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        let ending = format!("-{number}");
        let room = NAME_LENGTH_MAX - ending.len();
        name = format!("{}{ending}", base[..base.len().min(room)].trim_end_matches('-'));
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use seaworthy_model::Name;

    #[test]
    fn names_stay_readable() {
        assert_eq!(name_from("My_Shop.App"), "my-shop-app");
        assert_eq!(name_from("@scope/invoice-service"), "scope-invoice-servic");
        assert_eq!(name_from("42"), "service");
        assert_eq!(name_from("env"), "env-service");
        let mut taken = BTreeSet::new();
        assert_eq!([unique("a", &mut taken), unique("a", &mut taken), unique("A", &mut taken)], ["a", "a-2", "a-3"]);
    }

    proptest! {
        #[test]
        fn every_text_gives_a_name_of_its_own(texts in proptest::collection::vec(".{0,30}", 1..20)) {
            let mut taken = BTreeSet::new();
            for text in &texts {
                prop_assert!(Name::new(unique(text, &mut taken)).is_ok());
            }
            prop_assert_eq!(taken.len(), texts.len());
        }
    }
}
