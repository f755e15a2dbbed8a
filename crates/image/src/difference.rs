//! What differs between two images that should be the same: the first thing, in words.

use crate::archive::{self, Expected, Item, Kind};
use crate::hashed::Hashed;
use crate::oci::LayerDescriptor;
use crate::{Image, ImageError, Limits, Source};
use seaworthy_model::Digest;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read};

/// An image and where its content is.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// Its content.
    pub source: &'a dyn Source,
    /// Itself.
    pub image: &'a Image,
}

/// The first difference, as a sentence without a full stop; `None` when the images are the same.
///
/// # Errors
/// When a layer that differs cannot be read.
pub fn first(left: Side<'_>, right: Side<'_>, limits: &Limits) -> Result<Option<String>, ImageError> {
    if left.image.digest == right.image.digest {
        return Ok(None);
    }
    let (mine, others) = (&left.image.layers, &right.image.layers);
    let mut pairs = mine.iter().zip(others).enumerate();
    if let Some((index, (mine, other))) = pairs.find(|(_, (mine, other))| mine.digest != other.digest) {
        let number = index + 1;
        if mine.diff_id == other.diff_id {
            return Ok(Some(format!("layer {number} holds the same, compressed in another way")));
        }
        let what = layers(left.source, mine, right.source, other, limits)?;
        return Ok(Some(format!("layer {number}: {what}")));
    }
    if mine.len() != others.len() {
        return Ok(Some(format!("the one has {} layers, the other {}", mine.len(), others.len())));
    }
    Ok(Some(documents(left.image, right.image)))
}

fn documents(left: &Image, right: &Image) -> String {
    let pairs = [
        ("the program", format!("{:?}", left.run), format!("{:?}", right.run)),
        ("the environment", format!("{:?}", left.environment), format!("{:?}", right.environment)),
        ("the working folder", format!("{:?}", left.working_folder), format!("{:?}", right.working_folder)),
        ("the user", format!("{:?}", left.user), format!("{:?}", right.user)),
        ("the platform", left.platform.clone(), right.platform.clone()),
        ("the labels", format!("{:?}", left.labels), format!("{:?}", right.labels)),
    ];
    let differs = pairs.into_iter().find(|(_, left, right)| left != right);
    differs.map_or_else(
        || "the manifests are written in another way".to_owned(),
        |(what, left, right)| format!("{what} is `{left}` and `{right}`"),
    )
}

type Listing = BTreeMap<String, (Item, Digest)>;

fn layers(
    left: &dyn Source,
    mine: &LayerDescriptor,
    right: &dyn Source,
    other: &LayerDescriptor,
    limits: &Limits,
) -> Result<String, ImageError> {
    let (listed, others) = (listing(left, mine, limits)?, listing(right, other, limits)?);
    for path in listed.keys().chain(others.keys()).collect::<std::collections::BTreeSet<_>>() {
        let what = match (listed.get(path), others.get(path)) {
            (Some(_), None) => "only the first has it".to_owned(),
            (None, Some(_)) => "only the second has it".to_owned(),
            (Some((item, content)), Some((other_item, other_content))) => match items(item, other_item) {
                Some(what) => what,
                None if content == other_content => continue,
                None => content_differs(path, (left, mine), (right, other), limits)?,
            },
            (None, None) => continue,
        };
        return Ok(format!("`{path}`: {what}"));
    }
    Ok("the same entries in another order, or in another dialect".to_owned())
}

fn items(left: &Item, right: &Item) -> Option<String> {
    let kind = |item: &Item| match &item.kind {
        Kind::Directory => "a folder".to_owned(),
        Kind::File => "a file".to_owned(),
        Kind::Link(to) => format!("a link to `{to}`"),
        Kind::Same(other) => format!("another name of `{other}`"),
        Kind::Special => "a device".to_owned(),
    };
    if left.kind != right.kind {
        return Some(format!("{} in the first, {} in the second", kind(left), kind(right)));
    }
    if left.mode != right.mode {
        return Some(format!("mode {:04o} in the first, {:04o} in the second", left.mode, right.mode));
    }
    if left.time != right.time {
        return Some(format!("its time is {} in the first, {} in the second", left.time, right.time));
    }
    None
}

/// Where two files differ first, and what stands there.
fn content_differs(
    path: &str,
    left: (&dyn Source, &LayerDescriptor),
    right: (&dyn Source, &LayerDescriptor),
    limits: &Limits,
) -> Result<String, ImageError> {
    let (mine, others) = (content(left, path, limits)?, content(right, path, limits)?);
    let at = mine.iter().zip(&others).position(|(one, other)| one != other);
    let sizes = if mine.len() == others.len() {
        format!("of {} bytes", mine.len())
    } else {
        format!("of {} bytes in the first, {} in the second", mine.len(), others.len())
    };
    let Some(at) = at else { return Ok(format!("one is the beginning of the other, {sizes}")) };
    let mut text = format!("differs from byte {at} on, {sizes}");
    let shown = |bytes: &[u8]| bytes[at.saturating_sub(16)..bytes.len().min(at + 32)].escape_ascii().to_string();
    let _ = write!(text, ": `{}` in the first, `{}` in the second", shown(&mine), shown(&others));
    Ok(text)
}

/// The largest file whose bytes are compared.
const COMPARED_BYTES_MAX: u64 = 1 << 30;

fn content(
    (source, layer): (&dyn Source, &LayerDescriptor),
    path: &str,
    limits: &Limits,
) -> Result<Vec<u8>, ImageError> {
    let mut found = Vec::new();
    visit(source, layer, limits, &mut |item, content| {
        if item.path == path {
            found.clear();
            content.take(COMPARED_BYTES_MAX).read_to_end(&mut found).map_err(ImageError::stream("read a layer"))?;
        }
        Ok(())
    })?;
    Ok(found)
}

fn listing(source: &dyn Source, layer: &LayerDescriptor, limits: &Limits) -> Result<Listing, ImageError> {
    let mut listing = Listing::new();
    visit(source, layer, limits, &mut |item, content| {
        let mut hashed = Hashed::new(content);
        io::copy(&mut hashed, &mut io::sink()).map_err(ImageError::stream("read a layer"))?;
        listing.insert(item.path.clone(), (item.clone(), hashed.finish().1));
        Ok(())
    })?;
    Ok(listing)
}

/// Calls `visit` for every entry of a layer that a source has.
pub(crate) fn visit(
    source: &(impl Source + ?Sized),
    layer: &LayerDescriptor,
    limits: &Limits,
    visit: &mut dyn FnMut(&Item, &mut dyn Read) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let compressed = layer.compressed().ok_or_else(|| ImageError::Document {
        document: "layer",
        why: format!("its media type `{}` is not known", layer.media_type),
    })?;
    let (digest, diff_id, size_bytes) = (&layer.digest, &layer.diff_id, layer.size_bytes);
    let expected = Expected { digest, diff_id, size_bytes, compressed };
    archive::layer(source.open(digest)?, &expected, limits, visit)
}
