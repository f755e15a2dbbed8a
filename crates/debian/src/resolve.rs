//! From the names that were asked for to every package that they need: a function of its arguments.
//!
//! Like apt, it takes the first alternative that can be had, and goes back on nothing. Unlike apt, it first takes
//! whatever is needed without an alternative, so that a choice is not made before its outcome is known. Recommendations
//! are not followed, and essential packages come only when something depends on them.

use crate::error::Error;
use crate::format::relation::{Alternatives, Relation};
use crate::limits;
use crate::universe::{Record, Universe};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Packages that only maintainer scripts and package management call: nothing runs them here, so a dependency on them
/// is taken for fulfilled. Who wants one asks for it by its name.
pub const NOT_FOLLOWED: &[&str] = &[
    "adduser",
    "cdebconf",
    "debconf",
    "debconf-2.0",
    "dpkg",
    "init-system-helpers",
    "install-info",
    "lsb-base",
    "sysvinit-utils",
    "ucf",
];

/// Every package that these need, themselves included, by name.
pub(crate) fn resolve(universe: &Universe, requested: &[String]) -> Result<Vec<Rc<Record>>, Error> {
    if requested.len() > limits::REQUESTED_MAX {
        return Err(Error::Limit { what: "packages in `base`".to_owned(), most: limits::REQUESTED_MAX as u64 });
    }
    let mut resolver = Resolver { universe, chosen: BTreeMap::new(), certain: VecDeque::new(), open: VecDeque::new() };
    for name in requested {
        let candidate = universe.versions(name)?.first().cloned();
        let Some(record) = candidate else {
            return Err(Error::UnknownPackage {
                name: name.clone(),
                suites: universe.suites(),
                nearest: universe.nearest(name),
            });
        };
        if let Some(obstacle) = resolver.obstacle(&record) {
            let reasons = vec![obstacle];
            return Err(Error::Unresolvable { package: "base".to_owned(), relation: name.clone(), reasons });
        }
        resolver.choose(record, None)?;
    }
    resolver.run()?;
    Ok(resolver.chosen.into_values().map(|chosen| chosen.record).collect())
}

struct Chosen {
    record: Rc<Record>,
    /// Who needed it first.
    because: Option<String>,
}

/// A dependency of a package.
type Need = (String, Alternatives);

struct Resolver<'a> {
    universe: &'a Universe,
    chosen: BTreeMap<String, Chosen>,
    /// Dependencies without alternatives, which come first.
    certain: VecDeque<Need>,
    open: VecDeque<Need>,
}

impl Resolver<'_> {
    fn run(&mut self) -> Result<(), Error> {
        while let Some((package, alternatives)) = self.certain.pop_front().or_else(|| self.open.pop_front()) {
            if !alternatives.iter().any(|relation| self.is_fulfilled(relation)) {
                let record = self.find(&package, &alternatives)?;
                self.choose(record, Some(package))?;
            }
        }
        Ok(())
    }

    fn choose(&mut self, record: Rc<Record>, because: Option<String>) -> Result<(), Error> {
        if self.chosen.len() == limits::PACKAGES_MAX {
            return Err(Error::Limit { what: "packages of one base".to_owned(), most: limits::PACKAGES_MAX as u64 });
        }
        for alternatives in &record.depends {
            let queue = if alternatives.len() == 1 { &mut self.certain } else { &mut self.open };
            queue.push_back((record.name.clone(), alternatives.clone()));
        }
        self.chosen.entry(record.name.clone()).or_insert(Chosen { record, because });
        Ok(())
    }

    fn is_fulfilled(&self, relation: &Relation) -> bool {
        let by_name = self.chosen.get(&relation.name).is_some_and(|chosen| relation.takes(&chosen.record.version));
        by_name
            || NOT_FOLLOWED.contains(&relation.name.as_str())
            || self.chosen.values().any(|chosen| chosen.record.provides_for(relation))
    }

    /// The first package that fulfils one of the alternatives and gets along with the chosen ones.
    fn find(&self, package: &str, alternatives: &[Relation]) -> Result<Rc<Record>, Error> {
        let mut reasons = Vec::new();
        for relation in alternatives {
            let versions = self.universe.versions(&relation.name)?;
            let taken: Vec<_> = versions.iter().filter(|record| relation.takes(&record.version)).cloned().collect();
            let providers = self.universe.providers(relation)?;
            if taken.is_empty() && providers.is_empty() {
                reasons.push(match versions.first() {
                    None => format!("`{}` is not in {}", relation.name, self.universe.suites()),
                    Some(record) => format!("`{}` is there in version {} only", relation.name, record.version_text),
                });
            }
            for record in taken.into_iter().chain(providers) {
                match self.obstacle(&record) {
                    None => return Ok(record),
                    Some(obstacle) => reasons.push(obstacle),
                }
            }
        }
        let relation = alternatives.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        reasons.extend(self.chain(package));
        reasons.dedup();
        Err(Error::Unresolvable { package: package.to_owned(), relation, reasons })
    }

    /// Why a package cannot stand beside the chosen ones.
    fn obstacle(&self, record: &Record) -> Option<String> {
        if let Some(chosen) = self.chosen.get(&record.name).filter(|chosen| chosen.record.version != record.version) {
            let (name, taken) = (&record.name, &chosen.record.version_text);
            return Some(format!("`{name}` {} is out: {taken} is already needed", record.version_text));
        }
        let excludes = |one: &Record, other: &Record| {
            one.name != other.name && one.excludes.iter().any(|relation| other.fulfils(relation))
        };
        let other = self.chosen.values().find(|c| excludes(record, &c.record) || excludes(&c.record, record))?;
        let (name, other) = (&record.name, &other.record.name);
        Some(format!("`{name}` {} and `{other}` exclude each other", record.version_text))
    }

    /// Who asked for whom, down to what was asked for first.
    fn chain(&self, package: &str) -> Option<String> {
        let mut names = vec![format!("`{package}`")];
        let mut current = package;
        while let Some(because) = self.chosen.get(current).and_then(|chosen| chosen.because.as_deref()) {
            names.push(format!("`{because}`"));
            current = because;
        }
        (names.len() > 1).then(|| names.join(" is needed by "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use seaworthy_diagnostics::Diagnostic;

    /// `name version; Field: value; …`, one package a line.
    fn universe(lines: &str) -> Universe {
        let mut universe = Universe::default();
        let text = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
            let (head, fields) = line.split_once(';').unwrap_or((line, ""));
            let (name, version) = head.trim().split_once(' ').unwrap();
            let fields: String = fields.split(';').map(|field| format!("{}\n", field.trim())).collect();
            let sum = "0".repeat(64);
            format!(
                "Package: {name}\nVersion: {version}\nArchitecture: all\nFilename: pool/{name}.deb\nSize: 1\n\
                 SHA256: {sum}\n{}\n\n",
                fields.trim()
            )
        });
        universe.add("stable", false, text.collect()).unwrap();
        universe
    }

    fn names(universe: &Universe, requested: &[&str]) -> Result<String, Diagnostic> {
        let requested: Vec<String> = requested.iter().map(|name| (*name).to_owned()).collect();
        let records = resolve(universe, &requested)?;
        Ok(records.iter().map(|r| format!("{}={}", r.name, r.version_text)).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn takes_what_is_needed_and_no_more() {
        let universe = universe(
            "app 1; Depends: lib (>= 2), awk | mawk, debconf, virtual-mta; Pre-Depends: base; Recommends: extra
             lib 1\nlib 2.1\nlib 2.0\nbase 1; Essential: yes\nmawk 1\ngawk 1; Provides: awk\nextra 1\ndebconf 1
             postfix 3; Provides: virtual-mta; Priority: optional\nexim 4; Provides: virtual-mta; Priority: standard
             other 1; Essential: yes",
        );
        assert_eq!(names(&universe, &["app"]).unwrap(), "app=1 base=1 exim=4 gawk=1 lib=2.1");
        assert_eq!(names(&universe, &["app", "mawk"]).unwrap(), "app=1 base=1 exim=4 lib=2.1 mawk=1");
        assert_eq!(names(&universe, &["postfix", "debconf", "app", "mawk"]).unwrap().split(' ').count(), 6);
    }

    #[test]
    fn a_choice_waits_for_what_is_certain() {
        let universe = universe("a 1; Depends: one | two, b\nb 1; Depends: c\nc 1; Depends: two\none 1\ntwo 1");
        assert_eq!(names(&universe, &["a"]).unwrap(), "a=1 b=1 c=1 two=1");
    }

    #[test]
    fn versioned_provides_count_and_plain_ones_do_not() {
        let universe = universe(
            "old 1; Depends: libssl3 (>= 3.0)\nlibssl3t64 3.2; Provides: libssl3 (= 3.2)\nplain 1; Provides: libfoo
             new 1; Depends: libfoo (>= 1)",
        );
        assert_eq!(names(&universe, &["old"]).unwrap(), "libssl3t64=3.2 old=1");
        let error = names(&universe, &["new"]).unwrap_err();
        assert_eq!(error.message, "`new` needs `libfoo (>= 1)`, which cannot be had");
    }

    #[test]
    fn what_excludes_a_chosen_one_is_passed_over_or_named() {
        let universe = universe(
            "a 1; Depends: bad | good\nbad 1; Conflicts: a\ngood 1\nb 1; Depends: c\nc 1; Depends: d (= 1), e
             d 1; Breaks: b\ne 1\nself 1; Provides: mta; Conflicts: mta\nf 1; Depends: g (<< 1)\ng 2",
        );
        assert_eq!(names(&universe, &["a"]).unwrap(), "a=1 good=1");
        assert_eq!(names(&universe, &["self"]).unwrap(), "self=1");
        let errors = [names(&universe, &["b"]), names(&universe, &["f"]), names(&universe, &["d", "b"])];
        let shown: Vec<String> =
            errors.into_iter().map(|error| seaworthy_diagnostics::render(&error.unwrap_err(), false)).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_ones() {
        let universe = universe("python3 1\npython3-minimal 1\nruby 1\nnodejs 1");
        let error = names(&universe, &["pyton3"]).unwrap_err();
        assert_eq!(error.help.as_deref(), Some("the nearest names are `python3`"));
        let error = names(&universe, &["quux"]).unwrap_err();
        assert_eq!(error.message, "there is no package `quux` in `stable`");
    }

    proptest! {
        #[test]
        fn it_ends_and_whatever_is_taken_has_what_it_needs(
            packages in prop::collection::vec(prop::collection::vec(0..12_usize, 0..4), 12),
            requested in prop::collection::vec(0..12_usize, 1..4),
        ) {
            let lines = packages.iter().enumerate().map(|(number, needs)| {
                let needs: Vec<String> = needs.iter().map(|need| format!("p{need}")).collect();
                let field = if needs.len() == 3 { needs.join(" | ") } else { needs.join(", ") };
                let field = if field.is_empty() { String::new() } else { format!("; Depends: {field}") };
                format!("p{number} 1{field}\n")
            });
            let universe = universe(&lines.collect::<String>());
            let mut requested: Vec<String> = requested.iter().map(|number| format!("p{number}")).collect();
            let chosen = resolve(&universe, &requested).unwrap();
            let has = |relation: &Relation| chosen.iter().any(|record| record.fulfils(relation));
            prop_assert!(chosen.iter().all(|r| r.depends.iter().all(|group| group.iter().any(has))));
            prop_assert!(requested.iter().all(|name| chosen.iter().any(|record| record.name == *name)));
            requested.dedup();
            let again = resolve(&universe, &requested).unwrap();
            let names = |all: &[Rc<Record>]| all.iter().map(|record| record.name.clone()).collect::<Vec<_>>();
            prop_assert_eq!(names(&chosen), names(&again));
        }
    }
}
