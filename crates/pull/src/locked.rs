//! What names of images meant when they were first used: the section `[images]` of `seaworthy.lock`.

use crate::PullError;
use seaworthy_model::{Digest, ImageName};
use std::collections::BTreeMap;

/// Names of images with their digests. The same lock gives the same image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedImages {
    digests: BTreeMap<String, Digest>,
}

impl LockedImages {
    /// From the section's table: names to digests.
    ///
    /// # Errors
    /// [`PullError::Name`] for a name or a digest that is none.
    pub fn from_table(table: &toml::Table) -> Result<Self, PullError> {
        let mut digests = BTreeMap::new();
        for (name, value) in table {
            let parsed = ImageName::parse(name)?;
            let digest = value.as_str().and_then(|text| Digest::try_from(text.to_owned()).ok());
            let digest = digest.ok_or_else(|| PullError::Name { name: name.clone(), why: "its lock is no digest" })?;
            digests.insert(key(&parsed), digest);
        }
        Ok(Self { digests })
    }

    /// The section's table, sorted by name.
    #[must_use]
    pub fn to_table(&self) -> toml::Table {
        self.digests.iter().map(|(name, digest)| (name.clone(), toml::Value::String(digest.to_string()))).collect()
    }

    /// What a name means: its own digest, else the one that is locked.
    #[must_use]
    pub fn digest<'a>(&'a self, image: &'a ImageName) -> Option<&'a Digest> {
        image.digest.as_ref().or_else(|| self.digests.get(&key(image)))
    }

    /// Locks a name. One that has a digest needs no lock.
    pub fn set(&mut self, image: &ImageName, digest: Digest) {
        if image.digest.is_none() {
            self.digests.insert(key(image), digest);
        }
    }

    /// Forgets every name but these: what the manifest does not name any more.
    pub fn retain(&mut self, images: &[ImageName]) {
        self.digests.retain(|name, _| images.iter().any(|image| key(image) == *name));
    }
}

fn key(image: &ImageName) -> String {
    ImageName { digest: None, ..image.clone() }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_means_what_it_meant_first_and_a_digest_what_it_says() {
        let (first, second) = (Digest::of(b"1"), Digest::of(b"2"));
        let tag = ImageName::parse("r.io/web:1").unwrap();
        let pinned = ImageName::parse(&format!("r.io/web:1@{second}")).unwrap();
        let mut locked = LockedImages::default();
        assert_eq!(locked.digest(&tag), None);
        locked.set(&tag, first.clone());
        locked.set(&pinned, second.clone());
        assert_eq!((locked.digest(&tag), locked.digest(&pinned)), (Some(&first), Some(&second)));
        let text = toml::to_string(&locked.to_table()).unwrap();
        assert_eq!(text, format!("\"r.io/web:1\" = \"{first}\"\n"));
        assert_eq!(LockedImages::from_table(&text.parse().unwrap()).unwrap(), locked);
        locked.retain(&[]);
        assert!(locked.to_table().is_empty());
        assert!(LockedImages::from_table(&"\"r.io/web\" = \"x\"".parse().unwrap()).is_err());
    }
}
