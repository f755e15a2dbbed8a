//! What never becomes part of the main binary.

use super::Problem;
use crate::failure::Failure;
use crate::shell;
use std::path::Path;

/// Crates that link C libraries which a plain machine lacks, or that drag them in.
const NEVER: &[&str] =
    &["hurl", "hurl_core", "libxml", "curl", "curl-sys", "openssl", "openssl-sys", "native-tls", "bindgen"];

pub(super) fn check(root: &Path) -> Result<Vec<Problem>, Failure> {
    let words = ["cargo", "tree", "--package=seaworthy-cli", "--edges=normal,build", "--prefix=none", "--offline"];
    Ok(check_tree(&shell::capture(root, &words)?))
}

/// `tree` has one crate a line: name, version and more.
fn check_tree(tree: &str) -> Vec<Problem> {
    let names: std::collections::BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    NEVER
        .iter()
        .filter(|name| names.contains(**name))
        .map(|name| Problem::new("crates/cli/Cargo.toml", 0, format!("the main binary would link `{name}`")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_binary_links_libc_alone() {
        assert_eq!(check_tree("seaworthy-cli v0.1.0 (path)\nserde v1.0.0\nserde v1.0.0 (*)\n").len(), 0);
        assert_eq!(check_tree("seaworthy-cli v0.1.0 (path)\nopenssl-sys v0.9.1\n").len(), 1);
    }
}
