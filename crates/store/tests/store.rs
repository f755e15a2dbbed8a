//! What the store remembers, what it refuses, and that it says why.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::{Actor, Outcome, Revision, Rollout, Verb};
use seaworthy_model::follow::{Follow, Notify};
use seaworthy_model::release::{Provenance, RELEASE_FORMAT, Release, ReleaseBundle};
use seaworthy_model::run::{Follower, Run, RunOutcome, RunSource, RunState};
use seaworthy_model::traffic::{EnvironmentTraffic, Variant};
use seaworthy_model::{Digest, Name};
use seaworthy_store::{Blobs, Keep, NewDeployment, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn bundle(app: &str, commit: Option<&str>) -> ReleaseBundle {
    ReleaseBundle {
        release: Release {
            format: RELEASE_FORMAT,
            app: name(app),
            services: BTreeMap::new(),
            routes: BTreeMap::new(),
            jobs: BTreeMap::new(),
        },
        environments: BTreeMap::new(),
        provenance: provenance(commit),
        attachments: BTreeMap::new(),
        gates: Default::default(),
        checked: None,
        tested: false,
    }
}

fn from(source: &str) -> Provenance {
    Provenance { source: source.to_owned(), ..provenance(None) }
}

fn provenance(commit: Option<&str>) -> Provenance {
    Provenance {
        commit: commit.map(str::to_owned),
        dirty: false,
        unlocked: false,
        folder: None,
        source: "here".into(),
        built_at: String::new(),
        platform: String::new(),
    }
}

fn revision(app: &str, release: &Digest) -> Revision {
    Revision {
        number: 0,
        app: name(app),
        environment: name("prod"),
        release: release.clone(),
        provenance: provenance(None),
        pools: BTreeMap::new(),
        routes: BTreeMap::new(),
        jobs: BTreeMap::new(),
        checks: BTreeMap::new(),
        rollout: Rollout { shift: vec![100], shift_every: Duration::ZERO, bake: Duration::ZERO },
        not_enforced: Vec::new(),
    }
}

fn new_deployment(from: Option<u64>, to: Option<u64>) -> NewDeployment {
    NewDeployment {
        app: name("shop"),
        environment: name("prod"),
        verb: Verb::Deploy,
        actor: Actor { user: "ada".into(), claim: None },
        from,
        to,
        plan: serde_json::json!({ "steps": [1] }),
    }
}

fn world() -> (tempfile::TempDir, Store) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(root.path()).expect("a new store opens");
    (root, store)
}

#[test]
fn a_name_belongs_to_the_source_that_used_it_first_until_it_is_taken_over() {
    let (_root, store) = world();
    store.bind_app(&name("shop"), &from("one"), false).unwrap();
    store.bind_app(&name("shop"), &from("one"), false).unwrap();
    let refused: Diagnostic = store.bind_app(&name("shop"), &from("two"), false).unwrap_err().into();
    assert!(refused.help.unwrap().contains("--take-over"));
    store.bind_app(&name("shop"), &from("two"), true).unwrap();
    assert_eq!(store.source(&name("shop")).unwrap().as_deref(), Some("two"));
    assert_eq!(store.apps().unwrap(), [name("shop")]);
}

#[test]
fn releases_are_found_by_digest_and_by_commit_but_not_by_a_changed_working_tree() {
    let (_root, store) = world();
    let digest = store.put_release(&bundle("shop", Some("abc"))).unwrap();
    assert_eq!(store.release(&digest).unwrap(), Some(bundle("shop", Some("abc"))));
    assert_eq!(store.release_of_commit(&name("shop"), "abc").unwrap(), Some(digest));
    let mut changed = bundle("shop", Some("def"));
    changed.provenance.dirty = true;
    store.put_release(&changed).unwrap();
    assert_eq!(store.release_of_commit(&name("shop"), "def").unwrap(), None);
}

#[test]
fn revisions_count_from_one_in_each_environment() {
    let (_root, store) = world();
    let digest = Digest::of(b"");
    assert_eq!(store.add_revision(&revision("shop", &digest)).unwrap().number, 1);
    assert_eq!(store.add_revision(&revision("shop", &digest)).unwrap().number, 2);
    assert_eq!(store.add_revision(&revision("mail", &digest)).unwrap().number, 1);
    assert_eq!(store.next_revision_number(&name("shop"), &name("prod")).unwrap(), 3);
    let second = store.revision(&name("shop"), &name("prod"), 2).unwrap().unwrap();
    assert_eq!(second, Revision { number: 2, ..revision("shop", &digest) });
}

#[test]
fn one_deployment_at_a_time_and_the_second_is_told_who() {
    let (_root, store) = world();
    let first = store.begin_deployment(&new_deployment(None, Some(1))).unwrap();
    match store.begin_deployment(&new_deployment(None, Some(2))) {
        Err(StoreError::UnderWay { deployment, actor, .. }) => assert_eq!((deployment, &*actor.user), (first, "ada")),
        other => panic!("{other:?}"),
    }
    store.set_outcome(first, Some(1), Outcome::Baking, None).unwrap();
    assert!(store.begin_deployment(&new_deployment(Some(1), Some(2))).is_err());
    assert_eq!(store.environment(&name("shop"), &name("prod")).unwrap().unwrap().last_good, None);
    store.set_outcome(first, Some(1), Outcome::Succeeded, None).unwrap();
    let environment = store.environment(&name("shop"), &name("prod")).unwrap().unwrap();
    assert_eq!((environment.running, environment.last_good), (Some(1), Some(1)));
    let second = store.begin_deployment(&new_deployment(Some(1), Some(2))).unwrap();
    let failure = Diagnostic::service("it broke").help("mend it");
    store.set_outcome(second, Some(1), Outcome::Failed, Some(&failure)).unwrap();
    let listed = store.deployments(&name("shop"), &name("prod"), 10).unwrap();
    assert_eq!(
        listed.iter().map(|d| (d.id, d.outcome)).collect::<Vec<_>>(),
        [(second, Outcome::Failed), (first, Outcome::Succeeded)]
    );
    assert_eq!(listed[0].failure, Some(failure));
    assert!(listed[0].ended_at.is_some());
    assert_eq!(store.deployment_plan(second).unwrap().unwrap()["steps"][0], 1);
    assert!(matches!(store.set_outcome(99, None, Outcome::Failed, None), Err(StoreError::Unknown { .. })));
}

#[test]
fn rollback_leads_to_the_newest_success_before_what_runs() {
    let (_root, store) = world();
    for (to, outcome) in
        [(1, Outcome::Succeeded), (2, Outcome::Succeeded), (3, Outcome::Returned), (4, Outcome::Succeeded)]
    {
        let id = store.begin_deployment(&new_deployment(None, Some(to))).unwrap();
        store.set_outcome(id, Some(to), outcome, None).unwrap();
    }
    let before = |number| store.good_revision_before(&name("shop"), &name("prod"), number).unwrap();
    assert_eq!((before(4), before(2), before(1)), (Some(2), Some(1), None));
}

#[test]
fn two_owners_of_a_place_are_refused_and_the_owner_named() {
    let (_root, store) = world();
    let place = |host: &str| (host.to_owned(), "/".to_owned());
    store.claim_routes(&name("shop"), &name("prod"), &[place("a"), place("b")]).unwrap();
    store.claim_routes(&name("shop"), &name("prod"), &[place("a")]).unwrap();
    let error = store.claim_routes(&name("mail"), &name("prod"), &[place("c"), place("b")]).unwrap_err();
    assert_eq!(error.to_string(), "`b/` already belongs to `shop` in `prod`");
    store.check_routes(&name("x"), &name("prod"), &[place("c")]).unwrap();
    store.keep_routes(&name("shop"), &name("prod"), &[place("a")]).unwrap();
    store.claim_routes(&name("mail"), &name("prod"), &[place("b")]).unwrap();
    assert!(store.check_routes(&name("mail"), &name("prod"), &[place("a")]).is_err());
}

#[test]
fn journal_and_events_come_back_in_order() {
    let (_root, store) = world();
    let id = store.begin_deployment(&new_deployment(None, Some(1))).unwrap();
    for number in 1..=3 {
        store.add_journal_entry(id, &number).unwrap();
        assert_eq!(store.add_event(id, &format!("e{number}")).unwrap().unwrap().sequence, number);
    }
    assert_eq!(store.journal::<u64>(id).unwrap(), [1, 2, 3]);
    let events = store.events(id, 1, 10).unwrap();
    assert_eq!(
        events.iter().map(|e| (e.sequence, e.event.clone())).collect::<Vec<_>>(),
        [(2, "e2".into()), (3, "e3".into())]
    );
    assert!(matches!(store.journal::<String>(id), Err(StoreError::Damaged { .. })));
}

#[test]
fn deployments_are_forgotten_with_all_that_hangs_on_them() {
    let (root, store) = world();
    let first = store.begin_deployment(&new_deployment(None, Some(1))).unwrap();
    store.add_event(first, &"e").unwrap();
    store.set_outcome(first, Some(1), Outcome::Succeeded, None).unwrap();
    let second = store.begin_deployment(&new_deployment(None, Some(2))).unwrap();
    store.add_event(second, &"e").unwrap();
    store.set_outcome(second, Some(1), Outcome::Failed, None).unwrap();
    let connection = rusqlite::Connection::open(root.path().join("store.db")).unwrap();
    let copy = "INSERT INTO deployments (app, environment, verb, actor, plan, outcome, started_at, ended_at)
                SELECT app, environment, verb, actor, plan, outcome, started_at, ended_at
                FROM deployments WHERE id = ?1";
    connection.execute_batch("BEGIN").unwrap();
    for _ in 0..1_000 {
        connection.execute(copy, [second.cast_signed()]).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    store.begin_deployment(&new_deployment(None, Some(2))).unwrap();
    assert_eq!(store.deployment(second).unwrap(), None);
    assert!(store.events(second, 0, 10).unwrap().is_empty());
    assert!(store.deployment(first).unwrap().is_some(), "a rollback needs the last success");
}

#[test]
fn builds_are_remembered() {
    let (_root, store) = world();
    let (input, output) = (Digest::of(b"in"), Digest::of(b"out"));
    assert_eq!(store.recall_build(&input).unwrap(), None);
    store.remember_build(&input, &output).unwrap();
    assert_eq!(store.recall_build(&input).unwrap(), Some(output));
}

#[test]
fn a_newer_schema_is_refused_with_words() {
    let (root, store) = world();
    drop(store);
    let connection = rusqlite::Connection::open(root.path().join("store.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let diagnostic: Diagnostic = Store::open(root.path()).unwrap_err().into();
    assert!(diagnostic.message.contains("has schema 99, this program knows up to 4"), "{diagnostic}");
    assert!(diagnostic.help.unwrap().contains("newer Seaworthy"));
}

#[test]
fn a_file_that_is_no_database_is_refused_with_words() {
    let root = tempfile::tempdir().unwrap();
    seaworthy_host::files::write_atomic(&root.path().join("store.db"), &[b'x'; 4096], 0o600).unwrap();
    let diagnostic: Diagnostic = Store::open(root.path()).unwrap_err().into();
    assert!(diagnostic.help.unwrap().contains("backup"), "{}", diagnostic.message);
}

#[test]
fn a_full_disk_says_what_to_do_and_harms_nothing() {
    let (root, store) = world();
    store.bind_app(&name("shop"), &from("one"), false).unwrap();
    drop(store);
    // SQLite's own limit gives the very error that a full disk gives.
    let connection = rusqlite::Connection::open(root.path().join("store.db")).unwrap();
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "max_page_count", pages).unwrap();
    let error = connection
        .execute("INSERT INTO apps VALUES ('big', ?1, '')", ["x".repeat(100_000)])
        .map_err(|source| StoreError::Database { action: "write", path: root.path().join("store.db"), source })
        .unwrap_err();
    let diagnostic: Diagnostic = error.into();
    assert!(diagnostic.help.unwrap().contains("free some space"));
    drop(connection);
    assert_eq!(Store::open(root.path()).unwrap().source(&name("shop")).unwrap().as_deref(), Some("one"));
}

#[test]
fn a_read_only_store_says_what_to_do() {
    let (root, store) = world();
    drop(store);
    let path = root.path().join("store.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(&path, flags).unwrap();
    let source = connection.execute("DELETE FROM apps", []).unwrap_err();
    let diagnostic: Diagnostic = StoreError::Database { action: "write", path, source }.into();
    assert!(diagnostic.help.unwrap().contains("mount the file system writable"));
}

#[test]
fn two_processes_may_open_a_new_store_at_once() {
    let root = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let root = root.path();
            scope.spawn(move || {
                Store::open(root).unwrap().bind_app(&name(&format!("a{number}")), &from("s"), false).unwrap();
            });
        }
    });
    assert_eq!(Store::open(root.path()).unwrap().apps().unwrap().len(), 8);
}

fn keep(spare_s: u64) -> Keep {
    Keep { revisions: 1, spare: Duration::from_secs(spare_s), images: BTreeSet::new() }
}

#[test]
fn garbage_is_what_no_revision_can_return_to() {
    let (root, store) = world();
    let blobs = Blobs::open(root.path()).unwrap();
    let digests: Vec<Digest> =
        ["a", "b", "c", "d", "e"].iter().map(|app| store.put_release(&bundle(app, None)).unwrap()).collect();
    for digest in &digests[..4] {
        store.add_revision(&revision("shop", digest)).unwrap();
    }
    // 1 still drains, 2 runs, 3 is nothing any more, 4 is the newest; the fifth was never deployed.
    let id = store.begin_deployment(&new_deployment(None, Some(2))).unwrap();
    store.set_outcome(id, Some(2), Outcome::Succeeded, None).unwrap();
    let leaving = Variant { revision: 1, weight: 0, routes: BTreeMap::new(), pools: BTreeMap::new() };
    store
        .set_traffic(&EnvironmentTraffic {
            app: name("shop"),
            environment: name("prod"),
            variants: vec![leaving],
            held: Vec::new(),
            answered_by: BTreeMap::new(),
            pinned: None,
        })
        .unwrap();
    let blob = blobs.put_bytes(b"nobody's").unwrap();
    let spared = store.collect_garbage(&blobs, &keep(3600)).unwrap();
    assert_eq!((spared.releases.len(), spared.blobs), (0, 0));
    let mut removed = store.collect_garbage(&blobs, &keep(0)).unwrap();
    removed.releases.sort();
    let mut expected = vec![digests[2].clone(), digests[4].clone()];
    expected.sort();
    assert_eq!((removed.releases, removed.blobs, removed.blobs_bytes), (expected, 1, 8));
    assert!(!blobs.contains(&blob));
}

fn followed_run(commit: &str) -> Run {
    Run {
        id: 0,
        app: name("shop"),
        source: RunSource::Branch { repository: "/srv/shop.git".into(), branch: "main".into() },
        commit: commit.into(),
        environments: vec![name("qa")],
        state: RunState::Queued,
        outcome: None,
        failure: None,
        release: None,
        deployments: BTreeMap::new(),
        arrivals: BTreeMap::new(),
        attempts: 0,
        queued_at: "2026-01-01T00:00:00.000000Z".into(),
        started_at: None,
        since: None,
        ended_at: None,
        log: None,
        bundle: None,
        waits_for: None,
    }
}

#[test]
fn runs_are_kept_with_how_they_stand_and_the_oldest_that_are_done_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let waiting = store.add_run(&followed_run("waits")).unwrap();
    for number in 0..250 {
        let run = store.add_run(&followed_run(&number.to_string())).unwrap();
        store.set_run(&Run { state: RunState::Done, outcome: Some(RunOutcome::Deployed), ..run }).unwrap();
    }
    store.add_run(&followed_run("newest")).unwrap();
    let runs = store.runs(&name("shop"), 1000).unwrap();
    assert!(runs.len() <= 202, "{}", runs.len());
    assert_eq!(runs[0].commit, "newest");
    let unfinished: Vec<String> = store.unfinished_runs().unwrap().into_iter().map(|run| run.commit).collect();
    assert_eq!(unfinished, ["waits", "newest"]);
    assert_eq!(store.run(waiting.id).unwrap(), Some(waiting));
    assert!(store.set_run(&followed_run("never kept")).is_err());
}

#[test]
fn an_environment_follows_one_thing_until_it_follows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let follower = Follower {
        app: name("shop"),
        environment: name("qa"),
        follows: Follow::Branch("main".into()),
        repository: None,
        manifest: "seaworthy.toml".into(),
        notify: Notify::default(),
        forge: None,
        by: "ada".into(),
    };
    store.set_follower(&follower).unwrap();
    let other = Follower { follows: Follow::Branch("next".into()), ..follower };
    store.set_follower(&other).unwrap();
    assert_eq!(store.followers().unwrap(), [other]);
    assert!(store.remove_follower(&name("shop"), &name("qa")).unwrap());
    assert!(!store.remove_follower(&name("shop"), &name("qa")).unwrap());
    assert_eq!(store.followers().unwrap(), []);
}

#[test]
fn what_a_check_found_outlives_a_build_without_one() {
    use seaworthy_model::finding::{Finding, Severity, Source};
    use seaworthy_model::release::Checked;
    let home = tempfile::tempdir().expect("a folder");
    let store = Store::open(home.path()).expect("a store");
    let found = |rule: &str| {
        let findings = vec![Finding::new(Source::Scan, rule, Severity::High, "m")];
        ReleaseBundle { checked: Some(Checked { at: String::new(), findings }), ..bundle("shop", None) }
    };
    let rule = |digest: &Digest| {
        let checked = store.release(digest).expect("a release").expect("a release").checked;
        checked.map(|checked| checked.findings[0].rule.clone())
    };
    let release = store.put_release(&found("one")).expect("a release");
    store.put_release(&bundle("shop", None)).expect("a release");
    assert_eq!(rule(&release).as_deref(), Some("one"), "nobody looked again");
    store.put_release(&found("two")).expect("a release");
    assert_eq!(rule(&release).as_deref(), Some("two"));
}

#[test]
fn a_failed_test_is_forgotten_when_a_build_comes_whose_tests_passed() {
    use seaworthy_model::finding::{Finding, Severity, Source, rule};
    use seaworthy_model::release::Checked;
    let home = tempfile::tempdir().expect("a folder");
    let store = Store::open(home.path()).expect("a store");
    let finding = |source, rule: &str| Finding::new(source, rule, Severity::High, "m");
    let findings = vec![finding(Source::Test, rule::FAILED_TEST), finding(Source::Scan, "CVE-1")];
    let found = ReleaseBundle { checked: Some(Checked { at: String::new(), findings }), ..bundle("shop", None) };
    let rules = |digest: &Digest| {
        let checked = store.release(digest).expect("a release").expect("a release").checked;
        checked.expect("checked").findings.into_iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    let release = store.put_release(&found).expect("a release");
    store.put_release(&bundle("shop", None)).expect("a release");
    assert_eq!(rules(&release), [rule::FAILED_TEST, "CVE-1"], "nobody has tested it again");
    // Somebody else builds it, who knows nothing of the check: promoting reads what is here.
    store.put_release(&ReleaseBundle { tested: true, ..bundle("shop", None) }).expect("a release");
    assert_eq!(rules(&release), ["CVE-1"]);
}
