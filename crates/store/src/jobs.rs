//! Jobs: up to when they have been dealt with, and their runs.

use crate::{Store, StoreError, json};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use seaworthy_host::clock;
use seaworthy_model::Name;

/// How many runs of a job are remembered.
const RUNS_KEPT: i64 = 100;

/// A job of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobPlace<'a> {
    /// The app.
    pub app: &'a Name,
    /// The environment.
    pub environment: &'a Name,
    /// The job.
    pub job: &'a Name,
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// Due times up to this one have been dealt with (RFC 3339).
    pub until: String,
    /// How many were left out because the run before was under way.
    pub skipped: u64,
}

/// A run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRun {
    /// Counts up over all jobs of the node.
    pub id: u64,
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The job.
    pub job: Name,
    /// The revision in which it runs.
    pub revision: u64,
    /// When it was due (RFC 3339); `None`: somebody asked for it.
    pub due_at: Option<String>,
    /// Who asked for it.
    pub actor: Option<String>,
    /// When it was written down, which comes first (RFC 3339).
    pub started_at: String,
    /// When its program was there (RFC 3339); `None`: it may not be there yet.
    pub begun_at: Option<String>,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// `None` while it is under way.
    pub outcome: Option<String>,
    /// Why it did not succeed.
    pub reason: Option<String>,
}

/// Which runs.
#[derive(Debug, Clone, Copy)]
pub struct JobRunSelection<'a> {
    /// Of this app.
    pub app: &'a Name,
    /// Of this environment alone.
    pub environment: Option<&'a Name>,
    /// Of this job alone.
    pub job: Option<&'a Name>,
    /// Only those that ended badly.
    pub bad: bool,
    /// At most so many, the newest.
    pub limit: usize,
}

impl Store {
    /// What is known of a job.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn job(&self, place: JobPlace<'_>) -> Result<Option<JobRecord>, StoreError> {
        self.read(|connection| Ok(record(connection, place)?.map(|(record, _)| record)))
    }

    /// What is known of a job with this schedule. One that is new, or had another schedule, has been dealt with up to
    /// now.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn know_job(&self, place: JobPlace<'_>, schedule: &str) -> Result<JobRecord, StoreError> {
        let known = self.read(|connection| record(connection, place))?;
        if let Some((record, _)) = known.filter(|(_, known)| known == schedule) {
            return Ok(record);
        }
        let until = clock::rfc3339(clock::now());
        self.write(|transaction| {
            let [app, environment, job] = names(place);
            transaction.execute(
                "INSERT INTO jobs (app, environment, job, schedule, until) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET schedule = excluded.schedule, until = excluded.until",
                params![app, environment, job, schedule, until],
            )?;
            Ok(())
        })?;
        Ok(JobRecord { until, skipped: 0 })
    }

    /// Forgets up to when jobs of an environment were dealt with, but for these: whoever comes back begins anew.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn keep_jobs(&self, app: &Name, environment: &Name, keep: &[&Name]) -> Result<(), StoreError> {
        let known: Vec<Name> = self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT job FROM jobs WHERE app = ?1 AND environment = ?2")?;
            let jobs = statement.query_map([app.as_str(), environment.as_str()], |row| json::word(row, "job"))?;
            Ok(jobs.collect::<Result<_, _>>()?)
        })?;
        for job in known.iter().filter(|job| !keep.contains(job)) {
            self.write(|transaction| {
                transaction.execute(
                    "DELETE FROM jobs WHERE app = ?1 AND environment = ?2 AND job = ?3",
                    [app.as_str(), environment.as_str(), job.as_str()],
                )?;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Takes note of a run before anything of it exists; `None`: one is under way.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn begin_job_run(
        &self,
        place: JobPlace<'_>,
        revision: u64,
        due_at: Option<&str>,
        actor: Option<&str>,
    ) -> Result<Option<JobRun>, StoreError> {
        let started_at = clock::rfc3339(clock::now());
        let [app, environment, job] = names(place);
        self.write(|transaction| {
            let added = transaction.execute(
                "INSERT INTO job_runs (app, environment, job, revision, due_at, actor, started_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
                params![app, environment, job, revision.cast_signed(), due_at, actor, started_at],
            )?;
            if added == 0 {
                return Ok(None);
            }
            let id = transaction.last_insert_rowid();
            if let Some(due) = due_at {
                transaction.execute(
                    "UPDATE jobs SET until = ?4 WHERE app = ?1 AND environment = ?2 AND job = ?3",
                    params![app, environment, job, due],
                )?;
            }
            Ok(transaction.query_row("SELECT * FROM job_runs WHERE id = ?1", [id], run).optional()?)
        })
    }

    /// Takes note that a run's program is there: from now on, nobody may start it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_job_run_begun(&self, id: u64) -> Result<(), StoreError> {
        let begun_at = clock::rfc3339(clock::now());
        self.write(|transaction| {
            transaction
                .execute("UPDATE job_runs SET begun_at = ?2 WHERE id = ?1", params![id.cast_signed(), begun_at])?;
            Ok(())
        })
    }

    /// Takes note of a due time that was left out because a run was under way.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn skip_job(&self, place: JobPlace<'_>, due_at: &str) -> Result<(), StoreError> {
        let [app, environment, job] = names(place);
        self.write(|transaction| {
            transaction.execute(
                "UPDATE jobs SET until = ?4, skipped = skipped + 1 WHERE app = ?1 AND environment = ?2 AND job = ?3",
                params![app, environment, job, due_at],
            )?;
            Ok(())
        })
    }

    /// Takes note of how a run ended, and forgets the oldest ones. What has ended stays as it ended.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end_job_run(&self, ended: &JobRun, outcome: &str, reason: Option<&str>) -> Result<(), StoreError> {
        let ended_at = clock::rfc3339(clock::now());
        let place = JobPlace { app: &ended.app, environment: &ended.environment, job: &ended.job };
        let [app, environment, job] = names(place);
        self.write(|transaction| {
            transaction.execute(
                "UPDATE job_runs SET ended_at = ?2, outcome = ?3, reason = ?4 WHERE id = ?1 AND outcome IS NULL",
                params![ended.id.cast_signed(), ended_at, outcome, reason],
            )?;
            transaction.execute(
                "DELETE FROM job_runs WHERE app = ?1 AND environment = ?2 AND job = ?3 AND outcome IS NOT NULL
                 AND id NOT IN (SELECT id FROM job_runs WHERE app = ?1 AND environment = ?2 AND job = ?3
                                ORDER BY id DESC LIMIT ?4)",
                params![app, environment, job, RUNS_KEPT],
            )?;
            Ok(())
        })
    }

    /// Every run that is under way.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn job_runs_under_way(&self) -> Result<Vec<JobRun>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT * FROM job_runs WHERE outcome IS NULL ORDER BY id")?;
            Ok(statement.query_map([], run)?.collect::<Result<_, _>>()?)
        })
    }

    /// The last runs of jobs, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn job_runs(&self, which: JobRunSelection<'_>) -> Result<Vec<JobRun>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT * FROM job_runs WHERE app = ?1 AND (?2 IS NULL OR environment = ?2)
                 AND (?3 IS NULL OR job = ?3) AND (NOT ?4 OR outcome IN ('failed', 'timed-out', 'lost'))
                 ORDER BY id DESC LIMIT ?5",
            )?;
            let limit = i64::try_from(which.limit).unwrap_or(i64::MAX);
            let (environment, job) = (which.environment.map(Name::as_str), which.job.map(Name::as_str));
            let values = params![which.app.as_str(), environment, job, which.bad, limit];
            Ok(statement.query_map(values, run)?.collect::<Result<_, _>>()?)
        })
    }

    /// A run by its number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn job_run(&self, id: u64) -> Result<Option<JobRun>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM job_runs WHERE id = ?1")?;
            Ok(statement.query_row([id.cast_signed()], run).optional()?)
        })
    }
}

/// What is known of a job, and its schedule.
fn record(connection: &Connection, place: JobPlace<'_>) -> Result<Option<(JobRecord, String)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT until, skipped, schedule FROM jobs WHERE app = ?1 AND environment = ?2 AND job = ?3")?;
    let record = |row: &Row<'_>| {
        let skipped = row.get::<_, i64>("skipped")?.cast_unsigned();
        Ok((JobRecord { until: row.get("until")?, skipped }, row.get("schedule")?))
    };
    Ok(statement.query_row(names(place), record).optional()?)
}

fn names(place: JobPlace<'_>) -> [String; 3] {
    [place.app, place.environment, place.job].map(|name| name.as_str().to_owned())
}

fn run(row: &Row<'_>) -> rusqlite::Result<JobRun> {
    Ok(JobRun {
        id: row.get::<_, i64>("id")?.cast_unsigned(),
        app: json::word(row, "app")?,
        environment: json::word(row, "environment")?,
        job: json::word(row, "job")?,
        revision: row.get::<_, i64>("revision")?.cast_unsigned(),
        due_at: row.get("due_at")?,
        actor: row.get("actor")?,
        started_at: row.get("started_at")?,
        begun_at: row.get("begun_at")?,
        ended_at: row.get("ended_at")?,
        outcome: row.get("outcome")?,
        reason: row.get("reason")?,
    })
}
