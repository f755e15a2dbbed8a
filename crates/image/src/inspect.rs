//! What is in an image, why, and how big it is.

use crate::archive::{Item, Kind};
use crate::difference::visit;
use crate::oci::{APP, image};
use crate::sbom::debian::{self, STATUS_FOLDER};
use crate::{Image, ImageError, Limits, Source};
use seaworthy_model::Digest;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Read as _;

/// How many of the largest files are named.
const LARGEST: usize = 10;
/// The largest list of a package's files that is read, in bytes.
const LIST_BYTES_MAX: u64 = 16 << 20;

/// What is in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// The image's name.
    pub digest: Digest,
    /// `linux/amd64` and the like.
    pub platform: String,
    /// What starts it.
    pub run: Vec<String>,
    /// What it weighs on its way: documents and compressed layers.
    pub size_bytes: u64,
    /// What it weighs unpacked.
    pub unpacked_bytes: u64,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerContents>,
    /// What its files are there for, the heaviest first.
    pub parts: Vec<Part>,
    /// Its largest files.
    pub largest: Vec<LargeFile>,
}

/// What is in a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerContents {
    /// Its name.
    pub digest: Digest,
    /// Compressed.
    pub size_bytes: u64,
    /// The sum of its files.
    pub unpacked_bytes: u64,
    /// How many entries it has.
    pub entries: usize,
}

/// Why some files are in an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum Why {
    /// A Debian package: its name and version.
    Package(String),
    /// An entry of `files`, as it lies in `/app`.
    Files(String),
    /// The base, and none of its packages.
    Base,
}

/// Files that are there for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The reason.
    pub why: Why,
    /// How many files and links.
    pub files: usize,
    /// The sum of their sizes.
    pub size_bytes: u64,
}

/// A large file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LargeFile {
    /// Where it lies.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
}

/// Looks into an image.
///
/// # Errors
/// When it, or one of its layers, cannot be read.
pub fn inspect(source: &dyn Source, name: &Digest, limits: &Limits) -> Result<Contents, ImageError> {
    let image = image(source, name)?;
    let mut files: BTreeMap<String, u64> = BTreeMap::new();
    let mut owners = Owners::default();
    let mut layers = Vec::new();
    for layer in &image.layers {
        let (mut entries, mut unpacked_bytes) = (0, 0);
        visit(source, layer, limits, &mut |item: &Item, content| {
            entries += 1;
            unpacked_bytes += item.size_bytes;
            if item.kind != Kind::Directory {
                files.insert(item.path.clone(), item.size_bytes);
            }
            if item.path.starts_with(STATUS_FOLDER) && item.kind == Kind::File {
                let mut bytes = Vec::new();
                content.take(LIST_BYTES_MAX).read_to_end(&mut bytes).map_err(ImageError::stream("read a layer"))?;
                owners.read(&item.path, &String::from_utf8_lossy(&bytes));
            }
            Ok(())
        })?;
        let (digest, size_bytes) = (layer.digest.clone(), layer.size_bytes);
        layers.push(LayerContents { digest, size_bytes, unpacked_bytes, entries });
    }
    Ok(contents(&image, files, &owners, layers))
}

fn contents(image: &Image, files: BTreeMap<String, u64>, owners: &Owners, layers: Vec<LayerContents>) -> Contents {
    let mut parts: BTreeMap<Why, (usize, u64)> = BTreeMap::new();
    for (path, size_bytes) in &files {
        let part = parts.entry(owners.why(path)).or_default();
        *part = (part.0 + 1, part.1 + size_bytes);
    }
    let part = |(why, (files, size_bytes))| Part { why, files, size_bytes };
    let mut parts: Vec<Part> = parts.into_iter().map(part).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.size_bytes));
    let unpacked_bytes = files.values().sum();
    let large = |(path, size_bytes)| LargeFile { path, size_bytes };
    let mut largest: Vec<LargeFile> = files.into_iter().map(large).collect();
    largest.sort_by_key(|file| std::cmp::Reverse(file.size_bytes));
    largest.truncate(LARGEST);
    let size_bytes = image.config_bytes + layers.iter().map(|layer| layer.size_bytes).sum::<u64>();
    let (digest, platform, run) = (image.digest.clone(), image.platform.clone(), image.run.clone());
    Contents { digest, platform, run, size_bytes, unpacked_bytes, layers, parts, largest }
}

/// Which package each file is of.
#[derive(Default)]
struct Owners {
    /// `name version` by name.
    versions: BTreeMap<String, String>,
    /// A package's name by a file's path.
    files: BTreeMap<String, String>,
}

impl Owners {
    /// Reads a file of [`STATUS_FOLDER`]: a package's paragraph, or the list of its files.
    fn read(&mut self, path: &str, text: &str) {
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Some(package) = name.strip_suffix(".md5sums") {
            let files = text.lines().filter_map(|line| line.split_once("  "));
            self.files.extend(files.map(|(_, file)| (file.trim_start_matches("./").to_owned(), package.to_owned())));
        } else if let Some(package) = debian::paragraph(text) {
            self.versions.insert(name.to_owned(), format!("{} {}", package.name, package.version));
        }
    }

    fn why(&self, path: &str) -> Why {
        if let Some(rest) = path.strip_prefix(APP).and_then(|rest| rest.strip_prefix('/')) {
            return Why::Files(rest.split('/').next().unwrap_or(rest).to_owned());
        }
        match self.files.get(path) {
            Some(package) => Why::Package(self.versions.get(package).unwrap_or(package).clone()),
            None => Why::Base,
        }
    }
}
