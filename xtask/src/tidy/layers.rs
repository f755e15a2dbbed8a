//! Dependencies between crates run one way, and some never run at all.

use super::Problem;
use crate::workspace::Package;

/// Leaves first: a crate may depend only on those before it.
const ORDER: &[&str] = &[
    "seaworthy-diagnostics",
    "seaworthy-model",
    "seaworthy-host",
    "seaworthy-confine",
    "seaworthy-outbound",
    "seaworthy-delivery",
    "seaworthy-image",
    "seaworthy-debian",
    "seaworthy-reports",
    "seaworthy-pipeline",
    "seaworthy-store",
    "seaworthy-jobs",
    "seaworthy-registry",
    "seaworthy-pull",
    "seaworthy-bases",
    "seaworthy-deploy",
    "seaworthy-engine",
    "seaworthy-gateway",
    "seaworthy-checks",
    "seaworthy-check",
    "seaworthy-api",
    "seaworthy-node",
    "seaworthy-cli",
    "xtask",
];

/// Arrows that the order would allow and the architecture does not: from, to, why.
const NEVER: &[(&str, &str, &str)] = &[
    ("seaworthy-gateway", "seaworthy-store", "the data plane serves while the node and its store are away"),
    ("seaworthy-gateway", "seaworthy-deploy", "the data plane knows nothing of deployments"),
    ("seaworthy-gateway", "seaworthy-engine", "the data plane reaches instances by address or by the shim's socket"),
    ("seaworthy-gateway", "seaworthy-pipeline", "the data plane knows nothing of builds"),
    ("seaworthy-engine", "seaworthy-pipeline", "a target does not know where releases come from"),
    ("seaworthy-deploy", "seaworthy-store", "the planner and the executor are handed what they need"),
    ("seaworthy-deploy", "seaworthy-pipeline", "a deployment takes a release, however it was built"),
    ("seaworthy-store", "seaworthy-pipeline", "the store keeps what it is given"),
    ("seaworthy-checks", "seaworthy-gateway", "checks speak HTTP"),
    ("seaworthy-model", "seaworthy-host", "the model does no IO"),
];

pub(super) fn check(packages: &[Package]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in packages {
        let Some(rank) = rank(&package.name) else {
            problems.push(problem(&package.name, "has no place in the order of xtask/src/tidy/layers.rs"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind.is_none()) {
            if self::rank(&dependency.name).is_some_and(|other| other >= rank) {
                problems.push(problem(&package.name, &format!("depends on {}, which comes after it", dependency.name)));
            }
            for (_, _, why) in NEVER.iter().filter(|(from, to, _)| *from == package.name && *to == dependency.name) {
                problems.push(problem(&package.name, &format!("depends on {}: {why}", dependency.name)));
            }
        }
    }
    problems
}

fn rank(name: &str) -> Option<usize> {
    ORDER.iter().position(|crate_name| *crate_name == name)
}

fn problem(package: &str, message: &str) -> Problem {
    let folder = match package.strip_prefix("seaworthy-") {
        Some(name) => format!("crates/{name}/Cargo.toml"),
        None => format!("{package}/Cargo.toml"),
    };
    Problem::new(folder, 0, format!("{package} {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependency: &str, kind: Option<&str>) -> Package {
        let dependency = Dependency { name: dependency.to_owned(), kind: kind.map(str::to_owned) };
        Package { name: name.to_owned(), dependencies: vec![dependency] }
    }

    #[test]
    fn arrows_run_one_way() {
        assert_eq!(check(&[package("seaworthy-node", "seaworthy-model", None)]).len(), 0);
        assert_eq!(check(&[package("seaworthy-model", "seaworthy-node", None)]).len(), 1);
        assert_eq!(check(&[package("seaworthy-model", "seaworthy-node", Some("dev"))]).len(), 0);
        assert_eq!(check(&[package("seaworthy-model", "serde", None)]).len(), 0);
    }

    #[test]
    fn the_data_plane_stands_alone() {
        assert_eq!(check(&[package("seaworthy-gateway", "seaworthy-store", None)]).len(), 1);
    }

    #[test]
    fn an_unknown_crate_is_seen() {
        assert_eq!(check(&[package("seaworthy-new", "serde", None)]).len(), 1);
    }
}
