//! Which folders an image's root consists of.

use crate::Image;
use crate::oci::{LayerDescriptor, SERVICE};
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
    let own = usize::from(image.labels.contains_key(SERVICE));
    let (base, files) = image.layers.split_at(image.layers.len().saturating_sub(own));
    [base, files].into_iter().filter(|layers| !layers.is_empty()).map(root).collect()
}

fn root(layers: &[LayerDescriptor]) -> Root {
    let name = match layers {
        [one] => one.diff_id.clone(),
        several => Digest::of_json(&several.iter().map(|layer| &layer.diff_id).collect::<Vec<_>>()),
    };
    Root { name, layers: layers.to_vec() }
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
        let labels = ours.then(|| (SERVICE.to_owned(), "web".to_owned())).into_iter();
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
            labels: labels.collect::<BTreeMap<_, _>>(),
        }
    }

    fn names(image: &Image) -> Vec<Digest> {
        roots(image).into_iter().map(|root| root.name).collect()
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
