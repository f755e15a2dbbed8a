//! What keeps builds apart, and who builds Dockerfiles.

use super::{Finding, Standing, version};
use seaworthy_confine::Walls;
use seaworthy_host::{files, peer};
use seaworthy_pipeline::dockerfile_programs;
use std::path::Path;

/// Where the first of the ids begin that users may give away, as `useradd` has it.
const SUBORDINATE_FIRST: u64 = 100_000;
/// How many a user gets.
const SUBORDINATE_COUNT: u64 = 65_536;

/// What this machine gives to keep builds and tests apart.
pub(super) fn walls() -> Finding {
    let (what, walls) = ("builds", Walls::find());
    let parts = [
        (walls.namespaces, "they see this machine's files"),
        (walls.users, "they run as you"),
        (walls.memory, "no limit of memory"),
        (walls.processes, "no limit of processes"),
    ];
    let missing: Vec<&str> = parts.into_iter().filter(|(there, _)| !there).map(|(_, says)| says).collect();
    if missing.is_empty() {
        let says = "kept apart, with limits of memory and processes".to_owned();
        return Finding { what, standing: Standing::Good, says, help: None };
    }
    let help = "`namespaces` and `limits` above say how to get them; a node run by root builds as nobody";
    Finding { what, standing: Standing::Missing, says: missing.join("; "), help: Some(help.into()) }
}

/// Who builds Dockerfiles, and whether it can do so for this user.
pub(super) fn dockerfiles() -> Finding {
    let what = "Dockerfiles";
    let missing = |says, help| Finding { what, standing: Standing::Missing, says, help: Some(help) };
    let Some((tool, says)) = dockerfile_programs().into_iter().find_map(|tool| Some((tool, version(tool, None)?)))
    else {
        let says = "neither `buildah`, `podman` nor `docker` is there".to_owned();
        return missing(says, "only services with a `dockerfile` need one: `apt-get install buildah`".into());
    };
    let uid = peer::effective_uid();
    let name = peer::user_name(uid).unwrap_or_else(|| uid.to_string());
    let known = ["/etc/subuid", "/etc/subgid"].map(|file| Subordinates::read(Path::new(file)));
    // Docker's daemon is root's, and root has all ids.
    if tool == "docker" || peer::is_root() || known.iter().all(|known| known.has(&name, uid)) {
        return Finding { what, standing: Standing::Good, says, help: None };
    }
    let first = known.iter().map(Subordinates::free).max().unwrap_or(SUBORDINATE_FIRST);
    let range = format!("{first}-{}", first + SUBORDINATE_COUNT - 1);
    let says =
        format!("`{tool}` is there, but `{name}` has no subordinate ids: it can unpack no image of several users");
    missing(says, format!("by root: `usermod --add-subuids {range} --add-subgids {range} {name}`").into())
}

/// Which ids users may give away (subuid(5)): whose, the first, how many.
struct Subordinates(Vec<(String, u64, u64)>);

impl Subordinates {
    fn read(file: &Path) -> Self {
        Self::parse(&String::from_utf8_lossy(&files::read(file).unwrap_or_default()))
    }

    fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let mut parts = line.split(':');
            Some((parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?.trim().parse().ok()?))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    /// Whether a user, who may be written as a number, has any.
    fn has(&self, name: &str, uid: u32) -> bool {
        let uid = uid.to_string();
        self.0.iter().any(|(whose, _, count)| (*whose == name || *whose == uid) && *count > 0)
    }

    /// The first that nobody has.
    fn free(&self) -> u64 {
        let ends = self.0.iter().map(|(_, first, count)| first.saturating_add(*count));
        ends.max().unwrap_or_default().max(SUBORDINATE_FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subordinate_ids_are_known_by_name_and_number() {
        let known = Subordinates::parse("ann:100000:65536\n1001:165536:65536\nbob:300000:0\nodd\n");
        assert!(known.has("ann", 1000) && known.has("carl", 1001));
        assert!(!known.has("bob", 1002) && !known.has("odd", 1003));
        assert_eq!((known.free(), Subordinates::parse("").free()), (300_000, SUBORDINATE_FIRST));
    }
}
