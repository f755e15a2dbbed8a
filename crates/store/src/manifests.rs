//! Manifests and tags that the registry was given, and the images of releases under the same names.

use crate::json;
use crate::{Store, StoreError};
use rusqlite::{OptionalExtension as _, Row, Transaction};
use seaworthy_host::clock;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::{Digest, Name};
use std::collections::BTreeMap;

/// A manifest or an index in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// Where it was put.
    pub repository: String,
    /// Its name.
    pub digest: Digest,
    /// What it was put as.
    pub media_type: String,
    /// What kind of artifact it is, if it is no image.
    pub artifact_type: Option<String>,
    /// What it is about.
    pub subject: Option<Digest>,
}

/// The image of a service in a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseImage {
    /// Its manifest.
    pub image: Digest,
    /// Manifests whose subject it is: the bill of materials, the provenance.
    pub attachments: Vec<Digest>,
}

impl Store {
    /// Keeps a manifest whose blob is here, and points a tag at it if one is given.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_manifest(&self, manifest: &StoredManifest, tag: Option<&str>) -> Result<(), StoreError> {
        let now = clock::rfc3339(clock::now());
        let digest = manifest.digest.to_string();
        self.write(|transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO manifests (repository, digest, media_type, artifact_type, subject, put_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    &manifest.repository,
                    &digest,
                    &manifest.media_type,
                    &manifest.artifact_type,
                    manifest.subject.as_ref().map(ToString::to_string),
                    &now,
                ),
            )?;
            if let Some(tag) = tag {
                transaction.execute(
                    "INSERT OR REPLACE INTO tags (repository, name, digest, set_at) VALUES (?1, ?2, ?3, ?4)",
                    (&manifest.repository, tag, &digest, &now),
                )?;
            }
            Ok(())
        })
    }

    /// A manifest that was put into a repository.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn manifest(&self, repository: &str, digest: &Digest) -> Result<Option<StoredManifest>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT * FROM manifests WHERE repository = ?1 AND digest = ?2")?;
            Ok(statement.query_row([repository, &digest.to_string()], from_row).optional()?)
        })
    }

    /// What a tag that was put points at.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn tag(&self, repository: &str, name: &str) -> Result<Option<Digest>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT digest FROM tags WHERE repository = ?1 AND name = ?2")?;
            Ok(statement.query_row([repository, name], |row| json::word(row, "digest")).optional()?)
        })
    }

    /// At most `limit` names of tags that were put, after this one, in the order of their bytes.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn tags(&self, repository: &str, after: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT name FROM tags WHERE repository = ?1 AND name > ?2 ORDER BY name LIMIT ?3")?;
            let names = statement.query_map((repository, after, limit), |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// Whether anything was ever put under this name and is still there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_repository(&self, repository: &str) -> Result<bool, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT 1 FROM manifests WHERE repository = ?1 LIMIT 1")?;
            Ok(statement.exists([repository])?)
        })
    }

    /// At most `limit` manifests that are about another one, by digest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn referrers(&self, repository: &str, subject: &Digest, limit: u32) -> Result<Vec<StoredManifest>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT * FROM manifests WHERE repository = ?1 AND subject = ?2 ORDER BY digest LIMIT ?3",
            )?;
            let found = statement.query_map((repository, subject.to_string(), limit), from_row)?;
            Ok(found.collect::<Result<_, _>>()?)
        })
    }

    /// Takes a tag away; false: there was none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remove_tag(&self, repository: &str, name: &str) -> Result<bool, StoreError> {
        self.write(|transaction| {
            Ok(transaction.execute("DELETE FROM tags WHERE repository = ?1 AND name = ?2", [repository, name])? > 0)
        })
    }

    /// Takes a manifest out of a repository, with the tags that point at it; false: it was not there.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remove_manifest(&self, repository: &str, digest: &Digest) -> Result<bool, StoreError> {
        self.write(|transaction| remove(transaction, repository, digest))
    }

    /// The image of a service in every release of its app that is here, and what is attached to it, by the release's
    /// short name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn release_images(&self, app: &Name, service: &Name) -> Result<BTreeMap<String, ReleaseImage>, StoreError> {
        let bundles: Vec<(Digest, String)> = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT digest, bundle FROM releases WHERE app = ?1")?;
            let rows =
                statement.query_map([app.as_str()], |row| Ok((json::word(row, "digest")?, row.get("bundle")?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })?;
        let mut images = BTreeMap::new();
        for (digest, text) in bundles {
            let bundle: ReleaseBundle = json::decode("release", &text)?;
            if let Some(found) = bundle.release.services.get(service) {
                let attachments = bundle.attachments.get(service).cloned().unwrap_or_default();
                images.insert(digest.short().to_owned(), ReleaseImage { image: found.image.clone(), attachments });
            }
        }
        Ok(images)
    }
}

fn remove(transaction: &Transaction<'_>, repository: &str, digest: &Digest) -> Result<bool, StoreError> {
    let parameters = [repository, &digest.to_string()];
    transaction.execute("DELETE FROM tags WHERE repository = ?1 AND digest = ?2", parameters)?;
    Ok(transaction.execute("DELETE FROM manifests WHERE repository = ?1 AND digest = ?2", parameters)? > 0)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredManifest> {
    let subject = match row.get_ref("subject")? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(json::word(row, "subject")?),
    };
    Ok(StoredManifest {
        repository: row.get("repository")?,
        digest: json::word(row, "digest")?,
        media_type: row.get("media_type")?,
        artifact_type: row.get("artifact_type")?,
        subject,
    })
}
