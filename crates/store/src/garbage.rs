//! Removes what nobody can return to.

use crate::json;
use crate::reach::Reach;
use crate::sweep::before;
use crate::{Blobs, Store, StoreError};
use rusqlite::{Connection, Transaction};
use seaworthy_host::clock;
use seaworthy_model::Digest;
use seaworthy_model::deployment::Revision;
use seaworthy_model::release::ReleaseBundle;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// What is kept.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    /// Of every environment, the last so many revisions, and the last so many that were good.
    pub revisions: u32,
    /// What came in, was used or was asked about within this time: it may be on its way into a deployment.
    pub spare: Duration,
    /// Images that are needed for another reason: something runs them.
    pub images: BTreeSet<Digest>,
}

/// What was removed, and what is needed elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Releases that are gone.
    pub releases: Vec<Digest>,
    /// How many manifests the registry has forgotten.
    pub manifests: u64,
    /// How many blobs are gone.
    pub blobs: u64,
    /// Bytes of these blobs.
    pub blobs_bytes: u64,
    /// The layers of all images that are kept, by their names before they were compressed (`diff_id`): what
    /// [`crate::layers::collect`] must not remove.
    pub layers: BTreeSet<Digest>,
    /// The images that are kept, and everything else that is named by a document; likewise.
    pub images: BTreeSet<Digest>,
}

/// Where looking for what is needed begins.
#[derive(Default)]
struct Roots {
    images: BTreeSet<Digest>,
    checks: BTreeSet<Digest>,
}

impl Store {
    /// Removes the releases, manifests and then blobs that nothing of this needs: of every environment, the last
    /// revisions and the last good ones, what runs, where `rollback` leads, what a deployment under way comes from and
    /// leads to, what still carries traffic, and what jobs run in; the images that `keep` names; every tag. What is
    /// about something that is kept (`subject`) is kept with it.
    ///
    /// The caller sees to it that nobody plans a deployment of what is stored here meanwhile; blobs, releases and
    /// manifests may arrive at any time.
    ///
    /// # Errors
    /// When something cannot be read: no blob is removed then.
    pub fn collect_garbage(&self, blobs: &Blobs, keep: &Keep) -> Result<Collected, StoreError> {
        let oldest = before(keep.spare);
        let (releases, roots) = self.write(|transaction| {
            let removed = remove_releases(transaction, keep.revisions, oldest)?;
            Ok((removed, roots(transaction, keep.revisions, oldest)?))
        })?;
        let mut reach = Reach::default();
        for image in roots.images.iter().chain(&keep.images) {
            reach.follow(blobs, image)?;
        }
        roots.checks.into_iter().for_each(|digest| reach.add(digest));
        reach.follow_referrers(blobs)?;
        let manifests = self.write(|transaction| remove_manifests(transaction, &reach, oldest))?;
        let (blobs, blobs_bytes) = blobs.retain(&reach.blobs, oldest)?;
        Ok(Collected { releases, manifests, blobs, blobs_bytes, layers: reach.layers, images: reach.documents })
    }
}

fn remove_releases(transaction: &Transaction<'_>, keep: u32, oldest: SystemTime) -> Result<Vec<Digest>, StoreError> {
    let needed: BTreeSet<Digest> =
        needed_revisions(transaction, keep)?.into_iter().map(|revision| revision.release).collect();
    let mut statement = transaction.prepare("SELECT digest FROM releases WHERE stored_at < ?1")?;
    let old = statement.query_map([clock::rfc3339(oldest)], |row| json::word(row, "digest"))?;
    let old: Vec<Digest> = old.collect::<Result<_, _>>()?;
    let unneeded: Vec<Digest> = old.into_iter().filter(|digest| !needed.contains(digest)).collect();
    for digest in &unneeded {
        transaction.execute("DELETE FROM releases WHERE digest = ?1", [digest.to_string()])?;
    }
    Ok(unneeded)
}

fn roots(connection: &Connection, keep: u32, oldest: SystemTime) -> Result<Roots, StoreError> {
    let mut roots = Roots::default();
    let mut statement = connection.prepare("SELECT bundle FROM releases")?;
    for text in statement.query_map([], |row| row.get::<_, String>(0))? {
        let ReleaseBundle { release, .. } = json::decode("release", &text?)?;
        let images: BTreeSet<Digest> = release.services.values().map(|service| service.image.clone()).collect();
        roots.checks.extend(release.blobs().filter(|digest| !images.contains(digest)).cloned());
        roots.images.extend(images);
    }
    // A revision says itself what it runs: its release may be another one by now (`deploy --only`).
    for revision in needed_revisions(connection, keep)? {
        let checks = revision.checks.values().chain(revision.routes.values().map(|route| &route.checks));
        roots.checks.extend(checks.flatten().map(|check| check.digest.clone()));
        roots.images.extend(revision.pools.into_values().map(|pool| pool.image));
    }
    let mut statement =
        connection.prepare("SELECT digest FROM tags UNION SELECT digest FROM manifests WHERE put_at >= ?1")?;
    let manifests = statement.query_map([clock::rfc3339(oldest)], |row| json::word(row, "digest"))?;
    roots.images.extend(manifests.collect::<Result<Vec<Digest>, _>>()?);
    Ok(roots)
}

/// What the registry remembers of manifests that are about to go. A tag, or putting it again, keeps one.
fn remove_manifests(transaction: &Transaction<'_>, reach: &Reach, oldest: SystemTime) -> Result<u64, StoreError> {
    let mut statement = transaction.prepare(
        "SELECT DISTINCT digest FROM manifests WHERE put_at < ?1 AND digest NOT IN (SELECT digest FROM tags)",
    )?;
    let old = statement.query_map([clock::rfc3339(oldest)], |row| json::word(row, "digest"))?;
    let old: Vec<Digest> = old.collect::<Result<_, _>>()?;
    let mut removed = 0;
    for digest in old.iter().filter(|digest| !reach.blobs.contains(digest)) {
        let parameters = [digest.to_string(), clock::rfc3339(oldest)];
        removed += transaction.execute("DELETE FROM manifests WHERE digest = ?1 AND put_at < ?2", parameters)?;
    }
    Ok(removed as u64)
}

fn needed_revisions(connection: &Connection, keep: u32) -> Result<Vec<Revision>, StoreError> {
    let mut statement = connection.prepare(
        "WITH ranked AS (
             SELECT *, row_number() OVER (PARTITION BY app, environment ORDER BY number DESC) AS age FROM revisions
         ), good AS (
             SELECT app, environment, to_revision AS number FROM deployments
             WHERE outcome = 'succeeded' AND to_revision IS NOT NULL GROUP BY app, environment, to_revision
         ), ranked_good AS (
             SELECT *, row_number() OVER (PARTITION BY app, environment ORDER BY number DESC) AS age FROM good
         ), in_use (app, environment, number) AS (
             SELECT app, environment, running FROM environments
             UNION SELECT app, environment, last_good FROM environments
             UNION SELECT app, environment, from_revision FROM deployments WHERE ended_at IS NULL
             UNION SELECT app, environment, to_revision FROM deployments WHERE ended_at IS NULL
             UNION SELECT app, environment, revision FROM job_runs WHERE outcome IS NULL
             UNION SELECT app, environment, number FROM ranked_good WHERE age <= ?1
             UNION SELECT environments.app, environments.environment, max(number) FROM environments
                   JOIN good USING (app, environment) WHERE number < running GROUP BY 1, 2
             UNION SELECT app, environment, json_extract(variant.value, '$.revision')
                   FROM environments, json_each(traffic, '$.variants') AS variant
         )
         SELECT revision FROM ranked WHERE age <= ?1 OR (app, environment, number) IN in_use",
    )?;
    let rows = statement.query_map([keep], |row| row.get::<_, String>(0))?;
    rows.map(|text| json::decode("revision", &text?)).collect()
}
