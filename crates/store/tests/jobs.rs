//! What is remembered of jobs and their runs.

use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_store::{JobPlace, JobRun, JobRunSelection, Store};

const DUE: &str = "2026-11-27T03:30:00Z";

struct World {
    store: Store,
    names: [Name; 3],
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        let names = ["shop", "prod", "nightly"].map(|name| Name::new(name).expect("a name"));
        Self { store, names, _folder: folder }
    }

    fn place(&self) -> JobPlace<'_> {
        let [app, environment, job] = &self.names;
        JobPlace { app, environment, job }
    }

    fn begin(&self, due: Option<&str>) -> Option<JobRun> {
        self.store.begin_job_run(self.place(), 3, due, None).expect("the database")
    }

    fn runs(&self, bad: bool, limit: usize) -> Vec<JobRun> {
        let which = JobRunSelection { app: &self.names[0], environment: None, job: None, bad, limit };
        self.store.job_runs(which).expect("the database")
    }
}

#[test]
fn no_two_runs_of_a_job_are_under_way() {
    let world = World::new();
    world.store.know_job(world.place(), "@daily UTC").expect("the database");
    let run = world.begin(Some(DUE)).expect("the first");
    assert_eq!((run.due_at.as_deref(), run.begun_at.as_deref(), run.revision), (Some(DUE), None, 3));
    assert_eq!(world.begin(None), None);
    assert_eq!(world.store.job_runs_under_way().expect("the database"), std::slice::from_ref(&run));
    world.store.set_job_run_begun(run.id).expect("the database");
    assert!(world.store.job_run(run.id).expect("the database").expect("it is there").begun_at.is_some());
    world.store.end_job_run(&run, "failed", Some("ended with exit code 3")).expect("the database");
    // What has ended stays as it ended.
    world.store.end_job_run(&run, "succeeded", None).expect("the database");
    let ended = world.store.job_run(run.id).expect("the database").expect("it is there");
    assert_eq!((ended.outcome.as_deref(), ended.reason.as_deref()), (Some("failed"), Some("ended with exit code 3")));
    assert!(world.begin(None).is_some());
}

#[test]
fn a_due_time_is_dealt_with_together_with_the_note_of_its_run_or_not_at_all() {
    let world = World::new();
    let new = world.store.know_job(world.place(), "@daily UTC").expect("the database");
    assert!(clock::parse(&new.until).is_some(), "{new:?}");
    let until = || world.store.job(world.place()).expect("the database").expect("known");
    let run = world.begin(Some(DUE)).expect("the first");
    assert_eq!(until().until, DUE);
    assert_eq!(world.begin(Some("2026-11-28T03:30:00Z")), None);
    assert_eq!(until().until, DUE);
    world.store.skip_job(world.place(), "2026-11-28T03:30:00Z").expect("the database");
    assert_eq!((until().until.as_str(), until().skipped), ("2026-11-28T03:30:00Z", 1));
    world.store.end_job_run(&run, "succeeded", None).expect("the database");
    // Asked for: no due time is dealt with by it.
    world.begin(None).expect("the next");
    assert_eq!(until().until, "2026-11-28T03:30:00Z");
}

#[test]
fn a_job_that_is_new_comes_back_or_has_another_schedule_missed_nothing() {
    let world = World::new();
    let [app, environment, job] = &world.names;
    let know = |schedule: &str| world.store.know_job(world.place(), schedule).expect("the database");
    let deal_with = || world.store.skip_job(world.place(), DUE).expect("the database");
    know("@daily UTC");
    deal_with();
    assert_eq!(know("@daily UTC").until, DUE);
    assert_ne!(know("@hourly UTC").until, DUE);
    deal_with();
    world.store.keep_jobs(app, environment, &[job]).expect("the database");
    assert_eq!(know("@hourly UTC").until, DUE);
    world.store.keep_jobs(app, environment, &[]).expect("the database");
    assert_eq!(world.store.job(world.place()).expect("the database"), None);
    assert_ne!(know("@hourly UTC").until, DUE);
}

#[test]
fn the_last_hundred_runs_are_remembered_and_those_that_ended_badly_are_found() {
    let world = World::new();
    for number in 0..130 {
        let run = world.begin(None).expect("nothing is under way");
        let outcome = ["succeeded", "failed", "timed-out", "stopped", "lost"][number % 5];
        world.store.end_job_run(&run, outcome, None).expect("the database");
    }
    let runs = world.runs(false, 1000);
    assert_eq!(runs.len(), 100);
    assert!(runs.is_sorted_by(|newer, older| newer.id > older.id));
    let bad = world.runs(true, 1000);
    assert_eq!(bad.len(), 60);
    assert!(bad.iter().all(|run| !matches!(run.outcome.as_deref(), Some("succeeded" | "stopped"))));
    assert_eq!(world.runs(false, 7).len(), 7);
}
