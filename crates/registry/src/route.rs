//! What a path means. The name of a repository may have any number of parts, so the end of the path decides.

use crate::names::{InvalidName, Reference, Repository, digest};
use seaworthy_model::Digest;

/// The longest path that is looked at, in bytes: the longest name, the longest reference, and the words between them.
const PATH_BYTES_MAX: usize = 512;

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`: is this a registry, and may I?
    Base,
    /// `/v2/NAME/blobs/DIGEST`
    Blob(Repository, Digest),
    /// `/v2/NAME/blobs/uploads/`
    Uploads(Repository),
    /// `/v2/NAME/blobs/uploads/ID`
    Upload(Repository, String),
    /// `/v2/NAME/manifests/REFERENCE`
    Manifest(Repository, Reference),
    /// `/v2/NAME/tags/list`
    Tags(Repository),
    /// `/v2/NAME/referrers/DIGEST`
    Referrers(Repository, Digest),
}

impl Route {
    /// Reads a path; `None`: nothing of this API.
    ///
    /// # Errors
    /// [`InvalidName`] when a name in it is none.
    pub fn parse(path: &str) -> Result<Option<Self>, InvalidName> {
        if path == "/v2" || path == "/v2/" {
            return Ok(Some(Self::Base));
        }
        let Some(rest) = path.strip_prefix("/v2/").filter(|_| path.len() <= PATH_BYTES_MAX) else { return Ok(None) };
        let Some((rest, last)) = rest.rsplit_once('/') else { return Ok(None) };
        if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            let name = Repository::parse(name)?;
            return Ok(Some(if last.is_empty() { Self::Uploads(name) } else { Self::Upload(name, last.to_owned()) }));
        }
        let Some((name, kind)) = rest.rsplit_once('/') else { return Ok(None) };
        Ok(Some(match (kind, last) {
            ("blobs", "uploads") => Self::Uploads(Repository::parse(name)?),
            ("blobs", _) => Self::Blob(Repository::parse(name)?, digest(last)?),
            ("manifests", _) => Self::Manifest(Repository::parse(name)?, Reference::parse(last)?),
            ("tags", "list") => Self::Tags(Repository::parse(name)?),
            ("referrers", _) => Self::Referrers(Repository::parse(name)?, digest(last)?),
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Repository {
        Repository::parse(text).unwrap()
    }

    #[test]
    fn the_end_of_a_path_decides() {
        let digest = Digest::of(b"x");
        let parse = |path: &str| Route::parse(path).unwrap();
        assert_eq!(parse("/v2/"), Some(Route::Base));
        assert_eq!(parse(&format!("/v2/a/blobs/{digest}")), Some(Route::Blob(name("a"), digest.clone())));
        assert_eq!(parse("/v2/a/b/blobs/uploads/"), Some(Route::Uploads(name("a/b"))));
        assert_eq!(parse("/v2/a/b/blobs/uploads"), Some(Route::Uploads(name("a/b"))));
        assert_eq!(parse("/v2/a/blobs/uploads/0f"), Some(Route::Upload(name("a"), "0f".into())));
        // Words of the API may be names, too.
        let tag = Reference::Tag("list".into());
        assert_eq!(parse("/v2/blobs/tags/manifests/list"), Some(Route::Manifest(name("blobs/tags"), tag)));
        assert_eq!(parse("/v2/a/tags/list"), Some(Route::Tags(name("a"))));
        assert_eq!(parse(&format!("/v2/a/referrers/{digest}")), Some(Route::Referrers(name("a"), digest)));
        for nothing in ["", "/", "/v1/", "/v2/a", "/v2/tags/list", "/v2/a/b/c", "/v2/a/tags/other", "/v2x/"] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
        for wrong in ["/v2/A/tags/list", "/v2/../manifests/x", "/v2/a/manifests/.x", "/v2/a/blobs/sha256:0"] {
            assert!(Route::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_path_is_too_odd(path in "/v2/([a-z./:-]|blobs|uploads|manifests|tags|list|\\PC){0,20}") {
            let _ = Route::parse(&path);
        }
    }
}
