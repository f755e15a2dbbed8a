//! Releases, with the environments of their commit and their origin.

use crate::json;
use crate::{Store, StoreError};
use rusqlite::OptionalExtension as _;
use seaworthy_host::clock;
use seaworthy_model::release::{Checked, ReleaseBundle};
use seaworthy_model::{Digest, Name};

impl Store {
    /// Keeps a release. The same release may come again from another commit, with other values beside it: what came
    /// last counts (revisions hold their own values). What a check found stays until another check has looked: that
    /// somebody built it again says nothing about it, but for the tests, if they passed then.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_release(&self, bundle: &ReleaseBundle) -> Result<Digest, StoreError> {
        let digest = bundle.release.digest();
        let app = bundle.release.app.as_str();
        self.write(|transaction| {
            let mut bundle = bundle.clone();
            if bundle.checked.is_none() {
                let mut statement = transaction.prepare_cached("SELECT bundle FROM releases WHERE digest = ?1")?;
                let before: Option<String> = statement.query_row([digest.to_string()], |row| row.get(0)).optional()?;
                let before = before.and_then(|text| json::decode::<ReleaseBundle>("release", &text).ok());
                bundle.checked = before.and_then(|before| before.checked);
                if bundle.tested {
                    bundle.checked = bundle.checked.map(Checked::without_failed_tests);
                }
            }
            transaction.execute(
                "INSERT INTO releases (digest, app, bundle, stored_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (digest) DO UPDATE SET bundle = excluded.bundle, stored_at = excluded.stored_at",
                (digest.to_string(), app, json::encode(&bundle), clock::rfc3339(clock::now())),
            )?;
            // A working tree with changes is not its commit.
            if let Some(commit) = bundle.provenance.commit.as_ref().filter(|_| !bundle.provenance.dirty) {
                transaction.execute(
                    "INSERT OR REPLACE INTO commits (app, commit_id, digest) VALUES (?1, ?2, ?3)",
                    (app, commit, digest.to_string()),
                )?;
            }
            Ok(())
        })?;
        Ok(digest)
    }

    /// A release by its digest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn release(&self, digest: &Digest) -> Result<Option<ReleaseBundle>, StoreError> {
        let text: Option<String> = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT bundle FROM releases WHERE digest = ?1")?;
            Ok(statement.query_row([digest.to_string()], |row| row.get(0)).optional()?)
        })?;
        text.map(|text| json::decode("release", &text)).transpose()
    }

    /// The release that was last built from a commit of an app, without changes beside it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn release_of_commit(&self, app: &Name, commit: &str) -> Result<Option<Digest>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT digest FROM commits WHERE app = ?1 AND commit_id = ?2")?;
            Ok(statement.query_row([app.as_str(), commit], |row| json::word(row, "digest")).optional()?)
        })
    }
}
