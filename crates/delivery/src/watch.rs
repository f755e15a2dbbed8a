//! Which branches are watched, for which environments.

use seaworthy_model::Name;
use seaworthy_model::follow::{Follow, Repository};
use seaworthy_model::run::{Follower, RunSource};
use std::collections::BTreeSet;

/// A branch of a repository, and the environments that follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The repository.
    pub repository: Repository,
    /// The branch.
    pub branch: String,
    /// The manifest's path in it.
    pub manifest: String,
    /// Its followers: the same app's, sorted by name.
    pub followers: Vec<Follower>,
}

impl Watched {
    /// As runs name it.
    #[must_use]
    pub fn source(&self) -> RunSource {
        RunSource::Branch { repository: self.repository.to_string(), branch: self.branch.clone() }
    }

    /// The environments that follow it.
    #[must_use]
    pub fn environments(&self) -> Vec<Name> {
        self.followers.iter().map(|follower| follower.environment.clone()).collect()
    }
}

/// What one app's followers watch, each branch once.
#[must_use]
pub fn watched(followers: &[Follower]) -> Vec<Watched> {
    let mut all: Vec<Watched> = Vec::new();
    for follower in followers {
        let (Follow::Branch(branch), Some(repository)) = (&follower.follows, &follower.repository) else { continue };
        let same = |one: &&mut Watched| {
            (&one.repository, &one.branch, &one.manifest) == (repository, branch, &follower.manifest)
        };
        match all.iter_mut().find(same) {
            Some(one) => one.followers.push(follower.clone()),
            None => all.push(Watched {
                repository: repository.clone(),
                branch: branch.clone(),
                manifest: follower.manifest.clone(),
                followers: vec![follower.clone()],
            }),
        }
    }
    all
}

/// The branch that reaches an environment, through others or at once; `None`: a person's deployments alone do.
#[must_use]
pub fn branch_behind<'a>(followers: &'a [Follower], environment: &Name) -> Option<&'a str> {
    let mut environment = environment;
    // No chain is longer; one that leads back to itself ends, too.
    for _ in followers {
        let follower = followers.iter().find(|follower| follower.environment == *environment)?;
        match &follower.follows {
            Follow::Branch(branch) => return Some(branch),
            Follow::Environment { name, .. } => environment = name,
        }
    }
    None
}

/// The environments whose values a branch's manifest may change: those that follow it, and those that follow these.
#[must_use]
pub fn within_reach(followers: &[Follower], source: &RunSource) -> BTreeSet<Name> {
    let of_branch = |follower: &&Follower| match (&follower.follows, &follower.repository, source) {
        (Follow::Branch(branch), Some(from), RunSource::Branch { repository, branch: wanted }) => {
            branch == wanted && from.as_str() == repository
        }
        _ => false,
    };
    let mut reached: BTreeSet<Name> = match source {
        RunSource::Environment(name) => BTreeSet::from([name.clone()]),
        RunSource::Branch { .. } => followers.iter().filter(of_branch).map(|f| f.environment.clone()).collect(),
        // Whoever sends it may deploy anything, and does it as a person.
        RunSource::Sent { .. } => return BTreeSet::new(),
    };
    loop {
        let before = reached.len();
        for follower in followers {
            if matches!(&follower.follows, Follow::Environment { name, .. } if reached.contains(name)) {
                reached.insert(follower.environment.clone());
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn follower(environment: &str, follows: Follow) -> Follower {
        Follower {
            app: Name::new("shop").unwrap(),
            environment: Name::new(environment).unwrap(),
            follows,
            repository: Some(Repository::new("/srv/shop.git").unwrap()),
            manifest: "seaworthy.toml".to_owned(),
            notify: seaworthy_model::follow::Notify::default(),
            forge: None,
            by: "root".to_owned(),
        }
    }

    fn after(name: &str) -> Follow {
        Follow::Environment { name: Name::new(name).unwrap(), soak: Duration::ZERO }
    }

    #[test]
    fn a_branch_reaches_its_followers_and_theirs_and_nobody_else() {
        let all = [
            follower("dev", Follow::Branch("wild".to_owned())),
            follower("prod", after("stage")),
            follower("qa", Follow::Branch("main".to_owned())),
            follower("stage", after("qa")),
        ];
        let branches = watched(&all);
        assert_eq!(branches.len(), 2);
        let reach = |one: &Watched| {
            within_reach(&all, &one.source()).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(reach(&branches[0]), "dev");
        assert_eq!(reach(&branches[1]), "prod qa stage");
        let behind = |name: &str| branch_behind(&all, &Name::new(name).unwrap());
        assert_eq!([behind("prod"), behind("dev"), behind("other")], [Some("main"), Some("wild"), None]);
        let circle = [follower("dev", after("qa")), follower("qa", after("dev"))];
        assert_eq!(branch_behind(&circle, &circle[0].environment), None);
    }
}
