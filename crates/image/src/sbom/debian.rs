//! Which Debian packages a layer holds: `var/lib/dpkg/status.d/PACKAGE`, one paragraph each, as scanners look for it in
//! images without dpkg; and `var/lib/dpkg/status`, all of them, in images with it.

use super::{Ecosystem, Package};
use crate::archive::Kind;
use crate::difference::visit;
use crate::oci::LayerDescriptor;
use crate::{ImageError, Limits, Source};
use std::collections::BTreeSet;
use std::io::Read as _;

/// Where the paragraphs are.
pub const STATUS_FOLDER: &str = "var/lib/dpkg/status.d/";
/// Where all paragraphs are, where dpkg is.
const STATUS_FILE: &str = "var/lib/dpkg/status";
/// The largest such file that is read, in bytes.
const STATUS_BYTES_MAX: u64 = 64 << 20;
/// The largest paragraph that is read, in bytes.
const PARAGRAPH_BYTES_MAX: u64 = 1 << 20;

/// A package, as its paragraph names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paragraph {
    pub(crate) name: String,
    pub(crate) version: String,
    architecture: Option<String>,
}

/// The packages of a layer.
///
/// # Errors
/// When it cannot be read.
pub fn packages(
    source: &dyn Source,
    layer: &LayerDescriptor,
    limits: &Limits,
) -> Result<BTreeSet<Package>, ImageError> {
    let mut packages = BTreeSet::new();
    visit(source, layer, limits, &mut |item, content| {
        let name = item.path.strip_prefix(STATUS_FOLDER);
        let wanted = name.is_some_and(|name| !name.contains('/') && !name.ends_with(".md5sums"));
        let is_all = item.path == STATUS_FILE;
        if (wanted || is_all) && item.kind == Kind::File {
            let mut bytes = Vec::new();
            let limit = if is_all { STATUS_BYTES_MAX } else { PARAGRAPH_BYTES_MAX };
            content.take(limit).read_to_end(&mut bytes).map_err(ImageError::stream("read a layer"))?;
            let text = String::from_utf8_lossy(&bytes);
            packages.extend(text.split("\n\n").filter_map(paragraph).map(package));
        }
        Ok(())
    })?;
    Ok(packages)
}

fn package(paragraph: Paragraph) -> Package {
    let mut package = Package::new(Ecosystem::Debian, &paragraph.name, &paragraph.version);
    package.qualifiers.extend(paragraph.architecture.map(|architecture| ("arch".to_owned(), architecture)));
    package
}

/// The first paragraph of a text; `None` when it names no package and version.
pub(crate) fn paragraph(text: &str) -> Option<Paragraph> {
    let field = |wanted: &str| {
        let lines = text.lines().take_while(|line| !line.trim().is_empty());
        let mut fields = lines.filter(|line| !line.starts_with([' ', '\t'])).filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
    };
    Some(Paragraph { name: field("Package")?, version: field("Version")?, architecture: field("Architecture") })
}
