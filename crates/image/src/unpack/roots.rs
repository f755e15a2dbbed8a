//! Which folders an image's root consists of.

use crate::Image;
use crate::oci::LayerDescriptor;
use seaworthy_model::Digest;

/// Layers that are unpacked together into one folder, which images share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The folder's name: the diff id of a single layer, else the digest of all of theirs.
    pub name: Digest,
    /// The layers, the lowest first; never none.
    pub layers: Vec<LayerDescriptor>,
}

/// The folders of an image, the lowest first. An image that was made here has two: what it stands on, which it shares
/// with others, and its own files, which remove nothing below them. Of any other image, layers may remove what is in
/// those below: they are unpacked together.
#[must_use]
pub fn roots(image: &Image) -> Vec<Root> {
    let parts = parts(&image.layers, image.is_ours);
    let name = |layers: &[LayerDescriptor]| name(&layers.iter().map(|layer| &layer.diff_id).collect::<Vec<_>>());
    parts.into_iter().map(|layers| Root { name: name(layers), layers: layers.to_vec() }).collect()
}

/// The names of the folders of an image, from its diff ids and whether it was made here: those of [`roots`].
#[must_use]
pub fn root_names(diff_ids: &[Digest], is_ours: bool) -> Vec<Digest> {
    parts(diff_ids, is_ours).into_iter().map(|ids| name(&ids.iter().collect::<Vec<_>>())).collect()
}

/// What lies below a service's own files, and the files.
fn parts<T>(layers: &[T], is_ours: bool) -> Vec<&[T]> {
    let (base, files) = layers.split_at(layers.len().saturating_sub(usize::from(is_ours)));
    [base, files].into_iter().filter(|layers| !layers.is_empty()).collect()
}

fn name(diff_ids: &[&Digest]) -> Digest {
    match diff_ids {
        [one] => (*one).clone(),
        several => Digest::of_json(&several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::LAYER;
    use std::collections::BTreeMap;

    fn image(layers: &[&str], ours: bool) -> Image {
        let layer = |text: &&str| LayerDescriptor {
            media_type: LAYER.to_owned(),
            digest: Digest::of(format!("{text}.gz").as_bytes()),
            size_bytes: 1,
            diff_id: Digest::of(text.as_bytes()),
        };
        Image {
            digest: Digest::of(b"manifest"),
            config: Digest::of(b"config"),
            config_bytes: 1,
            layers: layers.iter().map(layer).collect(),
            run: Vec::new(),
            environment: Vec::new(),
            working_folder: None,
            user: None,
            platform: "linux/amd64".to_owned(),
            labels: BTreeMap::new(),
            is_ours: ours,
        }
    }

    fn names(image: &Image) -> Vec<Digest> {
        let names: Vec<Digest> = roots(image).into_iter().map(|root| root.name).collect();
        let diff_ids: Vec<Digest> = image.layers.iter().map(|layer| layer.diff_id.clone()).collect();
        assert_eq!(root_names(&diff_ids, image.is_ours), names);
        names
    }

    #[test]
    fn own_files_lie_apart_from_what_they_stand_on() {
        assert_eq!(names(&image(&["base", "files"], true)), [Digest::of(b"base"), Digest::of(b"files")]);
        assert_eq!(names(&image(&["files"], true)), [Digest::of(b"files")]);
        let one = names(&image(&["one", "two", "files"], true));
        let other = names(&image(&["one", "two", "others"], true));
        assert_eq!((one.len(), &one[0]), (2, &other[0]), "images on the same base share it");
    }

    #[test]
    fn layers_of_others_are_unpacked_together() {
        assert_eq!(names(&image(&["one", "two"], false)).len(), 1);
        assert_ne!(names(&image(&["one", "two"], false)), names(&image(&["two", "one"], false)));
    }
}
