//! ARCHITECTURE.md names every crate.

use super::Problem;
use crate::workspace::Package;

pub(super) fn check(packages: &[Package], page: &str) -> Vec<Problem> {
    packages
        .iter()
        .map(|package| {
            package.name.strip_prefix("seaworthy-").map_or("xtask".to_owned(), |name| format!("crates/{name}"))
        })
        .filter(|folder| !page.contains(&format!("`{folder}`")))
        .map(|folder| Problem::new("ARCHITECTURE.md", 0, format!("does not name `{folder}`")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_is_named() {
        let packages = [Package { name: "seaworthy-model".to_owned(), dependencies: Vec::new() }];
        assert_eq!(check(&packages, "| `crates/model` | words |").len(), 0);
        assert_eq!(check(&packages, "| `crates/models` | words |").len(), 1);
    }
}
