//! Versions and their order (deb-version(7)), which the `debversion` crate knows.

use debversion::Version;

/// A version that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version")]
pub struct VersionError(pub String);

/// Reads a version: `[epoch:]upstream[-revision]`.
///
/// # Errors
/// [`VersionError`] when it is longer than 256 bytes or not of that form.
pub fn parse(text: &str) -> Result<Version, VersionError> {
    let plausible = text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let version = if plausible { text.parse::<Version>().ok() } else { None };
    version.ok_or_else(|| VersionError(text.chars().take(80).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tilde_comes_before_the_end_and_numbers_count() {
        let ascending = ["1.0~~", "1.0~rc1", "1.0", "1.0-1", "1.0-1+deb12u2", "1.0-1+deb12u10", "1.0a", "1.0+b", "1:0"];
        for pair in ascending.windows(2) {
            assert!(parse(pair[0]).unwrap() < parse(pair[1]).unwrap(), "{} < {}", pair[0], pair[1]);
        }
        assert!(parse("1 0").is_err() && parse("").is_err() && parse(&"1".repeat(300)).is_err());
    }

    /// What dpkg says, where there is dpkg.
    fn dpkg(one: &str, operator: &str, other: &str) -> Option<bool> {
        let mut command = seaworthy_host::process::command("/usr/bin/dpkg");
        command.args(["--compare-versions", one, operator, other]);
        command.stderr(std::process::Stdio::null()).status().ok().map(|status| status.success())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn the_order_is_dpkgs(
            one in "([0-2]:)?[0-9][0-9a-c.+~]{0,6}(-[0-9a-b.+~]{1,4})?",
            other in "([0-2]:)?[0-9][0-9a-c.+~]{0,6}(-[0-9a-b.+~]{1,4})?",
        ) {
            let (left, right) = (parse(&one).unwrap(), parse(&other).unwrap());
            if let Some(less) = dpkg(&one, "lt", &other) {
                prop_assert_eq!(left < right, less, "{} < {}", one, other);
                prop_assert_eq!(left == right, dpkg(&one, "eq", &other).unwrap(), "{} = {}", one, other);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", other in "[0-9:~.+a-z-]{0,40}") {
            if let (Ok(one), Ok(other)) = (parse(&text), parse(&other)) {
                prop_assert_eq!(one.cmp(&other), other.cmp(&one).reverse());
            }
        }
    }
}
