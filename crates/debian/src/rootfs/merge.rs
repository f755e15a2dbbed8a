//! Several packages' entries in one tree, as if they had been unpacked one over the other.

use super::{Options, keep};
use crate::deb::{Deb, Kind};
use crate::error::{Error, Malformed};
use crate::format::deb822;
use crate::format::relation::{self, Relation};
use crate::format::version;
use seaworthy_image::tree::{Content, Entry, Tree};
use std::collections::BTreeMap;

/// Links that one path may lead over, as the kernel has it (path_resolution(7)).
const LINKS_MAX: usize = 40;

pub(super) struct Merge<'a> {
    debs: &'a [&'a Deb],
    replaces: Vec<Vec<Relation>>,
    /// Where links are and where they lead: what lies below one is put where it leads.
    links: BTreeMap<String, String>,
    /// By place: the package, and its entry.
    entries: BTreeMap<String, (usize, Entry)>,
}

impl<'a> Merge<'a> {
    /// Begins with links that are there before all packages.
    pub(super) fn new(debs: &'a [&'a Deb], first: &[(&str, &str)]) -> Result<Self, Error> {
        let mut replaces = Vec::new();
        for deb in debs {
            let bad = |error: Malformed| Error::malformed(format!("{} control", deb.package.name), error);
            let fields = deb822::only_paragraph(&deb.unpacked.control).map_err(|error| bad(error.into()))?;
            let list = relation::parse_flat(fields.get("Replaces").unwrap_or_default());
            replaces.push(list.map_err(|error| bad(error.into()))?);
        }
        let links = first.iter().map(|(path, to)| ((*path).to_owned(), (*to).to_owned())).collect();
        let mut merge = Self { debs, replaces, links, entries: BTreeMap::new() };
        merge.add_links()?;
        Ok(merge)
    }

    /// Every link of every package, so that it does not matter which package comes first. Links are put in order of
    /// their depth: one may lie below another.
    fn add_links(&mut self) -> Result<(), Error> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        for deb in self.debs {
            found.extend(deb.unpacked.entries.iter().filter_map(|entry| match &entry.kind {
                Kind::Link { to } => Some((entry.path.as_str(), to.as_str())),
                _ => None,
            }));
        }
        found.sort_by_key(|(path, _)| (path.split('/').count(), *path));
        for (path, to) in found {
            let place = self.place(path)?;
            self.links.entry(place).or_insert_with(|| to.to_owned());
        }
        Ok(())
    }

    /// Where a path of a package comes to lie: the links above it are followed, it itself is not.
    fn place(&self, path: &str) -> Result<String, Error> {
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut done: Vec<String> = Vec::new();
        let mut hops = 0;
        while let Some(part) = rest.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(part),
            }
            if rest.is_empty() {
                break;
            }
            let Some(to) = self.links.get(&done.join("/")) else { continue };
            hops += 1;
            if hops > LINKS_MAX {
                return Err(Error::content(path, "its links lead in a circle"));
            }
            done.pop();
            if to.starts_with('/') {
                done.clear();
            }
            rest.extend(to.split('/').rev().map(str::to_owned));
        }
        Ok(done.join("/"))
    }

    /// The tree of all that is kept.
    pub(super) fn merged(mut self, options: &Options) -> Result<Tree, Error> {
        for number in 0..self.debs.len() {
            let deb = self.debs[number];
            let mut files: BTreeMap<&str, Entry> = BTreeMap::new();
            for entry in &deb.unpacked.entries {
                let made = match &entry.kind {
                    Kind::Directory { mode } => Entry::Directory { mode: *mode },
                    Kind::Link { to } => Entry::Link { to: to.clone() },
                    Kind::File { mode, number, .. } => {
                        let content = Content::Path(deb.folder.join(number.to_string()));
                        let file = Entry::File { mode: *mode, content };
                        files.insert(&entry.path, file.clone());
                        file
                    }
                    Kind::Same { path } => files.get(path.as_str()).cloned().ok_or_else(|| {
                        Error::content(&deb.package.name, format!("`{}` is a link to nothing", entry.path))
                    })?,
                };
                let place = self.place(&entry.path)?;
                if keep::keeps(&place, matches!(made, Entry::Link { .. }), options) {
                    self.insert(number, place, made)?;
                }
            }
        }
        let mut tree = Tree::default();
        tree.entries.extend(self.entries.into_iter().map(|(place, (_, entry))| (place, entry)));
        Ok(tree)
    }

    fn insert(&mut self, number: usize, place: String, entry: Entry) -> Result<(), Error> {
        // A folder where a link is: the link stays, and what lies in the folder was put where it leads.
        if matches!(entry, Entry::Directory { .. }) && self.links.contains_key(&place) {
            return Ok(());
        }
        let Some((owner, there)) = self.entries.get(&place) else {
            self.entries.insert(place, (number, entry));
            return Ok(());
        };
        let owner = *owner;
        let is_same = matches!((there, &entry), (Entry::Directory { .. }, Entry::Directory { .. })) || *there == entry;
        if is_same || self.does_replace(owner, number) {
            return Ok(());
        }
        if owner == number || self.does_replace(number, owner) {
            self.entries.insert(place, (number, entry));
            return Ok(());
        }
        let name = |number: usize| self.debs[number].package.name.clone();
        Err(Error::Overlap { one: name(owner), other: name(number), path: place })
    }

    /// Whether one package says that it replaces files of the other (Debian policy 7.6).
    fn does_replace(&self, one: usize, other: usize) -> bool {
        let package = &self.debs[other].package;
        let version = version::parse(&package.version);
        self.replaces[one].iter().any(|relation| {
            relation.name == package.name && version.as_ref().is_ok_and(|version| relation.takes(version))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deb::{self, Unpacked};
    use crate::lock::LockedPackage;

    fn deb(name: &str, control: &str, entries: &[(&str, Kind)]) -> Deb {
        let entries = entries.iter().map(|(path, kind)| deb::Entry { path: (*path).to_owned(), kind: kind.clone() });
        let text = |text: &str| text.to_owned();
        Deb {
            package: LockedPackage {
                name: text(name),
                version: text("1"),
                architecture: text("all"),
                size: 1,
                sha256: text("0"),
                path: text("x"),
                suite: text("s"),
            },
            unpacked: Unpacked {
                control: format!("Package: {name}\n{control}"),
                md5sums: None,
                entries: entries.collect(),
            },
            folder: name.into(),
        }
    }

    fn link(to: &str) -> Kind {
        Kind::Link { to: to.to_owned() }
    }

    const FILE: Kind = Kind::File { mode: 0o755, number: 0, size: 1 };
    const FOLDER: Kind = Kind::Directory { mode: 0o755 };

    fn merged(debs: &[&Deb]) -> Result<Vec<String>, Error> {
        let merge = Merge::new(debs, &[("bin", "usr/bin"), ("lib", "usr/lib"), ("var/run", "/run")])?;
        let tree = merge.merged(&Options::default())?;
        let shown = tree.entries.into_iter().map(|(path, entry)| match entry {
            Entry::Directory { .. } => format!("{path}/"),
            Entry::Link { to } => format!("{path} -> {to}"),
            Entry::File { content: Content::Path(from), .. } => format!("{path} = {}", from.display()),
            Entry::File { .. } => path,
        });
        Ok(shown.collect())
    }

    #[test]
    fn files_come_to_lie_where_links_lead() {
        let one = deb("one", "", &[("bin", FOLDER), ("bin/sh", FILE), ("opt/x", link("../srv/x")), ("lib/a", FOLDER)]);
        let two = deb("two", "", &[("opt/x", FOLDER), ("opt/x/f", FILE), ("var/run/two", FILE), ("lib/a/b", FILE)]);
        let expected = [
            "opt/x -> ../srv/x",
            "run/two = two/0",
            "srv/x/f = two/0",
            "usr/bin/sh = one/0",
            "usr/lib/a/",
            "usr/lib/a/b = two/0",
        ];
        assert_eq!(merged(&[&one, &two]).unwrap(), expected);
        assert_eq!(merged(&[&two, &one]).unwrap(), expected);
    }

    #[test]
    fn the_same_file_twice_needs_a_word_about_it() {
        let one = deb("one", "", &[("bin/x", FILE)]);
        let two = deb("two", "Replaces: one (<< 2)\n", &[("usr/bin/x", FILE)]);
        let other = deb("other", "Replaces: one (<< 1)\n", &[("usr/bin/x", FILE)]);
        assert_eq!(merged(&[&one, &two]).unwrap(), ["usr/bin/x = two/0"]);
        assert_eq!(merged(&[&two, &one]).unwrap(), ["usr/bin/x = two/0"]);
        assert_eq!(
            merged(&[&one, &other]).unwrap_err().to_string(),
            "`one` and `other` both have the file `/usr/bin/x`"
        );
    }

    #[test]
    fn hard_links_are_the_same_file_and_circles_are_refused() {
        let same = |path: &str| Kind::Same { path: path.to_owned() };
        let one = deb("one", "", &[("bin/x", FILE), ("bin/y", same("bin/x"))]);
        assert_eq!(merged(&[&one]).unwrap(), ["usr/bin/x = one/0", "usr/bin/y = one/0"]);
        let nothing = deb("one", "", &[("bin/y", same("bin/x"))]);
        assert!(merged(&[&nothing]).is_err());
        let circle = deb("one", "", &[("a", link("b")), ("b", link("a")), ("a/x", FILE)]);
        assert!(merged(&[&circle]).is_err());
    }
}
