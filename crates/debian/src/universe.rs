//! Every package that the suites of an archive have.

use crate::error::{Error, Malformed};
use crate::format::deb822::{self, Paragraph};
use crate::format::relation::{self, Alternatives, Relation};
use crate::format::version;
use crate::limits;
use crate::trust::release::sha256_text;
use debversion::Version;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// One package in one version, as a list of packages describes it.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) version: Version,
    pub(crate) version_text: String,
    pub(crate) architecture: String,
    /// `Priority`, 0 for `required`.
    pub(crate) rank: u8,
    /// `Pre-Depends`, then `Depends`.
    pub(crate) depends: Vec<Alternatives>,
    /// `Conflicts` and `Breaks`.
    pub(crate) excludes: Vec<Relation>,
    pub(crate) provides: Vec<Relation>,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// `Filename`.
    pub(crate) path: String,
    /// The suite as it is asked for.
    pub(crate) suite: String,
}

impl Record {
    /// Whether a relation means this package, by its name or by what it provides.
    pub(crate) fn fulfils(&self, relation: &Relation) -> bool {
        (self.name == relation.name && relation.takes(&self.version)) || self.provides_for(relation)
    }

    /// Whether it provides what a relation means.
    pub(crate) fn provides_for(&self, relation: &Relation) -> bool {
        let provided = self.provides.iter().filter(|provided| provided.name == relation.name);
        provided.into_iter().any(|p| relation.takes_provided(p.versions.as_ref().map(|(_, version)| version)))
    }
}

struct Index {
    suite: String,
    /// Packages of suites that are not automatic come last.
    is_last: bool,
    text: String,
}

/// The packages of all suites, read when they are asked for.
#[derive(Default)]
pub(crate) struct Universe {
    indexes: Vec<Index>,
    places: BTreeMap<String, Vec<(usize, Range<usize>)>>,
    providers: BTreeMap<String, Vec<String>>,
    read: RefCell<BTreeMap<String, Rc<[Rc<Record>]>>>,
}

impl Universe {
    /// Adds a list of packages.
    pub(crate) fn add(&mut self, suite: &str, is_last: bool, text: String) -> Result<(), Error> {
        let number = self.indexes.len();
        let mut paragraphs = deb822::paragraphs(&text);
        loop {
            let start = paragraphs.position();
            let Some(paragraph) = paragraphs.next() else { break };
            let paragraph = paragraph.map_err(|error| Error::malformed(format!("{suite} Packages"), error))?;
            let Some(name) = paragraph.get("Package").filter(|name| relation::is_package_name(name)) else {
                return Err(Error::content(format!("{suite} Packages"), "a package without a name"));
            };
            for provided in paragraph.get("Provides").unwrap_or_default().split(',') {
                let end = provided.find(['(', ':']).unwrap_or(provided.len());
                let provided = provided[..end].trim();
                if !provided.is_empty() {
                    self.providers.entry(provided.to_owned()).or_default().push(name.to_owned());
                }
            }
            self.places.entry(name.to_owned()).or_default().push((number, start..paragraphs.position()));
        }
        self.indexes.push(Index { suite: suite.to_owned(), is_last, text });
        Ok(())
    }

    /// The versions of a package, the one to take first: the highest one, of an automatic suite if there is one.
    pub(crate) fn versions(&self, name: &str) -> Result<Rc<[Rc<Record>]>, Error> {
        if let Some(known) = self.read.borrow().get(name) {
            return Ok(Rc::clone(known));
        }
        let mut found = Vec::new();
        for (number, range) in self.places.get(name).into_iter().flatten() {
            let index = &self.indexes[*number];
            let record = record(&index.text[range.clone()], &index.suite);
            found.push((
                index.is_last,
                record.map_err(|source| Error::malformed(format!("{} {name}", index.suite), source))?,
            ));
        }
        // Equal ones stay in the order of the suites.
        found.sort_by(|(one_last, one), (other_last, other)| {
            one_last.cmp(other_last).then_with(|| other.version.cmp(&one.version))
        });
        let records: Rc<[Rc<Record>]> = found.into_iter().map(|(_, record)| Rc::new(record)).collect();
        self.read.borrow_mut().insert(name.to_owned(), Rc::clone(&records));
        Ok(records)
    }

    /// The packages that provide what a relation means, the one to take first: by priority, then by name.
    pub(crate) fn providers(&self, relation: &Relation) -> Result<Vec<Rc<Record>>, Error> {
        let mut found: Vec<Rc<Record>> = Vec::new();
        for name in self.providers.get(&relation.name).into_iter().flatten() {
            let first = self.versions(name)?.first().cloned();
            found.extend(first.filter(|record| record.provides_for(relation)));
        }
        found.sort_by(|one, other| (one.rank, &one.name).cmp(&(other.rank, &other.name)));
        found.dedup_by(|one, other| one.name == other.name);
        Ok(found)
    }

    /// Known names that look like this one, the nearest first.
    pub(crate) fn nearest(&self, name: &str) -> Vec<String> {
        let likeness = |known: &String| {
            // A name that continues this one is near however long it is.
            let begins = known.strip_prefix(name).is_some_and(|rest| rest.len() <= 8);
            if begins { 1.0 } else { strsim::normalized_damerau_levenshtein(known, name) }
        };
        let mut near: Vec<(f64, &String)> =
            self.places.keys().map(|known| (likeness(known), known)).filter(|(like, _)| *like >= 0.7).collect();
        near.sort_by(|one, other| {
            other.0.total_cmp(&one.0).then_with(|| one.1.len().cmp(&other.1.len())).then_with(|| one.1.cmp(other.1))
        });
        near.into_iter().take(3).map(|(_, known)| known.clone()).collect()
    }

    /// The suites' names, for messages.
    pub(crate) fn suites(&self) -> String {
        let mut names: Vec<String> = self.indexes.iter().map(|index| index.suite.clone()).collect();
        names.dedup();
        crate::error::quoted(&names)
    }
}

fn record(text: &str, suite: &str) -> Result<Record, Malformed> {
    let fields = deb822::only_paragraph(text)?;
    let need = |name: &str| {
        let value = fields.get(name).filter(|value| !value.is_empty());
        value.map(str::to_owned).ok_or_else(|| Malformed::Content(format!("`{name}` is missing")))
    };
    let version_text = need("Version")?;
    let path = need("Filename")?;
    if path.len() > limits::PATH_BYTES_MAX || path.split('/').any(|part| part == "..") || path.contains("://") {
        return Err(Malformed::Content("its `Filename` is no path in the archive".to_owned()));
    }
    let size = need("Size")?.parse().ok().filter(|size| *size <= limits::PACKAGE_BYTES_MAX);
    Ok(Record {
        name: need("Package")?,
        version: version::parse(&version_text)?,
        version_text,
        architecture: need("Architecture")?,
        rank: rank(fields.get("Priority").unwrap_or_default()),
        depends: [relations(&fields, "Pre-Depends")?, relations(&fields, "Depends")?].concat(),
        excludes: [flat(&fields, "Conflicts")?, flat(&fields, "Breaks")?].concat(),
        provides: flat(&fields, "Provides")?,
        size: size.ok_or_else(|| Malformed::Content("its `Size` is no size of a package".to_owned()))?,
        sha256: sha256_text(&need("SHA256")?).ok_or_else(|| Malformed::Content("its `SHA256` is none".to_owned()))?,
        path,
        suite: suite.to_owned(),
    })
}

fn relations(fields: &Paragraph<'_>, name: &str) -> Result<Vec<Alternatives>, Malformed> {
    Ok(relation::parse(fields.get(name).unwrap_or_default())?)
}

fn flat(fields: &Paragraph<'_>, name: &str) -> Result<Vec<Relation>, Malformed> {
    Ok(relation::parse_flat(fields.get(name).unwrap_or_default())?)
}

fn rank(priority: &str) -> u8 {
    let known = ["required", "important", "standard", "optional"];
    known.iter().position(|name| *name == priority).unwrap_or(known.len()) as u8
}
