//! What can be asked of a bench. Known without the product, which takes minutes to compile: whoever mistypes an option
//! is told at once, and measures nothing.

use crate::failure::Failure;
use std::collections::BTreeMap;

const USAGE: &str = "usage: cargo xtask bench gateway [--rounds N] [--seconds N] [--connections N] [--binary PATH]
       cargo xtask bench deploy [--rounds N] [--services N] [--peers] [--built]
       cargo xtask bench pipeline [--rounds N] [--binary PATH]
       cargo xtask bench start [--rounds N]
       cargo xtask bench internal [--rounds N] [--seconds N] [--connections N] [--binary PATH]";

/// What follows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Number,
    Path,
}

const ROUNDS: (&str, Takes) = ("--rounds", Takes::Number);
const SECONDS: (&str, Takes) = ("--seconds", Takes::Number);
const CONNECTIONS: (&str, Takes) = ("--connections", Takes::Number);
const BINARY: (&str, Takes) = ("--binary", Takes::Path);

/// The benches, each with its options.
const KNOWN: [(&str, &[(&str, Takes)]); 5] = [
    ("gateway", &[ROUNDS, SECONDS, CONNECTIONS, BINARY]),
    ("deploy", &[ROUNDS, ("--services", Takes::Number), ("--peers", Takes::Nothing), ("--built", Takes::Nothing)]),
    ("pipeline", &[ROUNDS, BINARY]),
    ("start", &[ROUNDS]),
    ("internal", &[ROUNDS, SECONDS, CONNECTIONS, BINARY]),
];

/// A bench, and what was typed behind it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Its name.
    pub(crate) bench: &'static str,
    given: BTreeMap<&'static str, String>,
}

/// The bench that these words ask for.
pub(crate) fn parse(arguments: &[String]) -> Result<Options, Failure> {
    let wrong = || Failure::Usage(USAGE);
    let (name, rest) = arguments.split_first().ok_or_else(wrong)?;
    let &(bench, known) = KNOWN.iter().find(|(bench, _)| bench == name).ok_or_else(wrong)?;
    let mut given = BTreeMap::new();
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        let &(option, takes) = known.iter().find(|(option, _)| option == word).ok_or_else(wrong)?;
        let value = match takes {
            Takes::Nothing => String::new(),
            Takes::Number | Takes::Path => rest.next().ok_or_else(wrong)?.clone(),
        };
        if takes == Takes::Number && value.parse::<u64>().is_err() {
            return Err(wrong());
        }
        given.insert(option, value);
    }
    Ok(Options { bench, given })
}

#[cfg(any(feature = "bench", test))]
impl Options {
    /// Whether `--NAME` was typed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// The value of `--NAME VALUE`.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// The number of `--NAME N`.
    pub(crate) fn number(&self, name: &str, default: u64) -> u64 {
        self.text(name).and_then(|value| value.parse().ok()).unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_a_bench_knows_is_taken() {
        let options = parse(&words("deploy --services 0 --built --rounds 3")).expect("known options");
        assert_eq!((options.bench, options.number("--rounds", 7), options.number("--services", 200)), ("deploy", 3, 0));
        assert!(options.has("--built") && !options.has("--peers"));
        let options = parse(&words("gateway --binary ./a")).expect("known options");
        assert_eq!((options.text("--binary"), options.number("--seconds", 4)), (Some("./a"), 4));
    }

    #[test]
    fn what_it_does_not_know_is_answered_by_the_usage() {
        for wrong in [
            "",
            "deply",
            "--help",
            "deploy --help",
            "deploy --round 3",
            "deploy extra",
            "deploy --rounds",
            "deploy --rounds many",
            "start --seconds 3",
            "pipeline --binary",
        ] {
            assert!(matches!(parse(&words(wrong)), Err(Failure::Usage(USAGE))), "`{wrong}` is taken");
        }
    }

    #[test]
    fn the_usage_names_every_option_of_every_bench() {
        for (bench, options) in KNOWN {
            let line = USAGE.lines().find(|line| line.contains(&format!("xtask bench {bench}"))).expect("its line");
            let shown = |(option, takes): &(&str, Takes)| match takes {
                Takes::Nothing => format!("[{option}]"),
                Takes::Number => format!("[{option} N]"),
                Takes::Path => format!("[{option} PATH]"),
            };
            let all: Vec<String> = options.iter().map(shown).collect();
            assert!(line.ends_with(&format!("bench {bench} {}", all.join(" "))), "{line}");
        }
    }
}
