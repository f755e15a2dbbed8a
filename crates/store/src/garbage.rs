//! Removes what nobody can return to.

use crate::json;
use crate::{Blobs, Store, StoreError};
use rusqlite::Connection;
use seaworthy_host::clock;
use seaworthy_model::Digest;
use seaworthy_model::release::{RELEASE_FORMAT, ReleaseBundle};
use std::collections::BTreeSet;
use std::time::Duration;

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Releases.
    pub releases: Vec<Digest>,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of blobs.
    pub blobs_bytes: u64,
}

impl Store {
    /// Removes the releases, and then the blobs, that none of these uses: the last `keep` revisions of every
    /// environment, what runs, what was last good, what a deployment under way comes from and leads to, and what still
    /// carries traffic. What is younger than `spare` stays: it may be on its way into a deployment.
    ///
    /// # Errors
    /// When something cannot be read: nothing that might be needed is removed then.
    pub fn collect_garbage(&self, blobs: &Blobs, keep: u32, spare: Duration) -> Result<Collected, StoreError> {
        let now = clock::now();
        let oldest = now.checked_sub(spare).unwrap_or(now);
        let removed = self.write(|transaction| {
            let needed = needed_releases(transaction, keep)?;
            let mut statement = transaction.prepare("SELECT digest FROM releases WHERE stored_at < ?1")?;
            let old = statement.query_map([clock::rfc3339(oldest)], |row| json::word(row, "digest"))?;
            let old: Vec<Digest> = old.collect::<Result<_, _>>()?;
            let unneeded: Vec<Digest> = old.into_iter().filter(|digest| !needed.contains(digest)).collect();
            for digest in &unneeded {
                transaction.execute("DELETE FROM releases WHERE digest = ?1", [digest.to_string()])?;
            }
            Ok(unneeded)
        })?;
        let used = self.used_blobs(blobs)?;
        let (count, size_bytes) = blobs.retain(&used, oldest)?;
        Ok(Collected { releases: removed, blobs: count, blobs_bytes: size_bytes })
    }

    /// Every blob that some release here needs.
    fn used_blobs(&self, blobs: &Blobs) -> Result<BTreeSet<Digest>, StoreError> {
        let bundles: Vec<String> = self.read(|connection| {
            let mut statement = connection.prepare("SELECT bundle FROM releases")?;
            Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        })?;
        let mut used = BTreeSet::new();
        for text in bundles {
            let bundle: ReleaseBundle = json::decode("release", &text)?;
            // Releases of the first format name no images, and do not run any more.
            for manifest in bundle.manifests().filter(|_| bundle.release.format == RELEASE_FORMAT) {
                // A release whose blobs never arrived has no manifest to read.
                if blobs.contains(manifest) && used.insert(manifest.clone()) {
                    used.extend(blobs.references(manifest).map_err(StoreError::Image)?);
                }
            }
            used.extend(bundle.release.blobs().cloned());
        }
        Ok(used)
    }
}

fn needed_releases(connection: &Connection, keep: u32) -> Result<BTreeSet<Digest>, StoreError> {
    let mut statement = connection.prepare(
        "WITH ranked AS (
             SELECT *, row_number() OVER (PARTITION BY app, environment ORDER BY number DESC) AS age FROM revisions
         ), in_use (app, environment, number) AS (
             SELECT app, environment, running FROM environments
             UNION SELECT app, environment, last_good FROM environments
             UNION SELECT app, environment, from_revision FROM deployments WHERE ended_at IS NULL
             UNION SELECT app, environment, to_revision FROM deployments WHERE ended_at IS NULL
             UNION SELECT app, environment, json_extract(variant.value, '$.revision')
                   FROM environments, json_each(traffic, '$.variants') AS variant
         )
         SELECT DISTINCT digest FROM ranked WHERE age <= ?1 OR (app, environment, number) IN in_use",
    )?;
    let digests = statement.query_map([keep], |row| json::word(row, "digest"))?;
    Ok(digests.collect::<Result<_, _>>()?)
}
