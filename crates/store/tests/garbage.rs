//! Garbage collection removes exactly what nothing needs: compared with a second, simpler account of what is needed,
//! over random histories; killed in the middle; and while blobs arrive.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use seaworthy_host::process;
use seaworthy_image::links::OCI_MANIFEST;
use seaworthy_model::deployment::{Actor, Outcome, Verb};
use seaworthy_model::manifest::parse;
use seaworthy_model::release::{EnvironmentSpec, Provenance, RELEASE_FORMAT, Release, ReleaseBundle, ServiceRelease};
use seaworthy_model::resolve::{Wanted, resolve};
use seaworthy_model::{Digest, Name};
use seaworthy_store::{Blobs, JobPlace, Keep, NewDeployment, Store, StoredManifest};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// How many images there are in the world of these histories.
const IMAGES: u8 = 8;
/// The last revisions that are kept.
const KEPT: u32 = 2;

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

/// What a history does, in the order of its steps.
#[derive(Debug, Clone)]
enum Step {
    /// A release of two images arrives.
    Release(u8, u8),
    /// An environment gets a revision of a release of these images, with this outcome.
    Deploy(bool, u8, u8, bool),
    /// An environment goes back to one of its revisions.
    Back(bool, u8),
    /// A tag is pointed at an image.
    Tag(u8, u8),
    /// A tag is taken away.
    Untag(u8),
    /// Something about an image arrives, and something about that.
    Refer(u8, u8),
    /// What nothing needs is removed.
    Collect,
}

fn step() -> impl Strategy<Value = Step> {
    let image = 0..IMAGES;
    prop_oneof![
        (image.clone(), image.clone()).prop_map(|(a, b)| Step::Release(a, b)),
        (any::<bool>(), image.clone(), image.clone(), any::<bool>())
            .prop_map(|(e, a, b, ok)| Step::Deploy(e, a, b, ok)),
        (any::<bool>(), any::<u8>()).prop_map(|(e, n)| Step::Back(e, n)),
        (0..3u8, image.clone()).prop_map(|(tag, image)| Step::Tag(tag, image)),
        (0..3u8).prop_map(Step::Untag),
        (image, any::<u8>()).prop_map(|(image, n)| Step::Refer(image, n)),
        Just(Step::Collect),
    ]
}

/// The world, and a second account of it.
struct World {
    root: tempfile::TempDir,
    store: Store,
    blobs: Blobs,
    /// Every manifest that was ever made, with all blobs that it needs, itself included.
    needs: BTreeMap<Digest, BTreeSet<Digest>>,
    /// What is about what.
    about: Vec<(Digest, Digest)>,
    tags: BTreeMap<u8, Digest>,
    /// By environment: the images of each revision and whether it was good; and which runs.
    revisions: BTreeMap<bool, Vec<(BTreeSet<Digest>, bool)>>,
    running: BTreeMap<bool, usize>,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(root.path()).expect("a store");
        let blobs = Blobs::open(root.path()).expect("blobs");
        Self {
            root,
            store,
            blobs,
            needs: BTreeMap::new(),
            about: Vec::new(),
            tags: BTreeMap::new(),
            revisions: BTreeMap::new(),
            running: BTreeMap::new(),
        }
    }

    /// An image: its neighbours have one layer in common with it.
    fn image(&mut self, number: u8) -> Digest {
        let layers = [format!("layer {number}"), format!("layer {}", number / 2 + 100)];
        self.manifest(&format!("config {number}"), &layers, None)
    }

    fn manifest(&mut self, config: &str, layers: &[String], subject: Option<&Digest>) -> Digest {
        let put = |text: &str| self.blobs.put_bytes(text.as_bytes()).expect("a blob");
        let mut all: BTreeSet<Digest> = layers.iter().map(|layer| put(layer)).collect();
        all.insert(put(config));
        let descriptor = |digest: &Digest| json!({ "mediaType": "application/x", "digest": digest, "size": 1 });
        let mut document = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor(&Digest::of(config.as_bytes())),
            "layers": layers.iter().map(|layer| descriptor(&Digest::of(layer.as_bytes()))).collect::<Vec<_>>() });
        if let Some(subject) = subject {
            document["subject"] = descriptor(subject);
        }
        let digest = put(&document.to_string());
        all.insert(digest.clone());
        self.needs.insert(digest.clone(), all);
        digest
    }

    fn release(&mut self, first: u8, second: u8) -> (ReleaseBundle, BTreeSet<Digest>) {
        let manifest = parse("m", "app = \"shop\"\n[services.one]\nrun = [\"a\"]\n[services.two]\nrun = [\"b\"]\n");
        let services = manifest.expect("a manifest").services;
        let images = [self.image(first), self.image(second)];
        let services = services.into_iter().zip(&images).map(|((name, service), image)| {
            (name, ServiceRelease { image: image.clone(), service: service.service, checks: Vec::new(), origin: None })
        });
        let release = Release {
            format: RELEASE_FORMAT,
            app: name("shop"),
            services: services.collect(),
            routes: BTreeMap::new(),
            jobs: BTreeMap::new(),
        };
        let provenance = Provenance {
            commit: None,
            dirty: false,
            unlocked: false,
            folder: None,
            source: "here".into(),
            built_at: String::new(),
            platform: String::new(),
        };
        let environments = ["prod", "qa"].map(|place| (name(place), EnvironmentSpec::default()));
        let (environments, attachments) = (BTreeMap::from(environments), BTreeMap::new());
        let gates = seaworthy_model::gate::Gates::default();
        let bundle =
            ReleaseBundle { release, environments, provenance, attachments, gates, checked: None, tested: false };
        self.store.put_release(&bundle).expect("a release");
        (bundle, BTreeSet::from(images))
    }

    fn deploy(&mut self, environment: bool, images: (u8, u8), good: bool) {
        let (bundle, images) = self.release(images.0, images.1);
        let place = name(if environment { "qa" } else { "prod" });
        let number = self.store.next_revision_number(&name("shop"), &place).unwrap();
        let revision = resolve(&Wanted {
            release: &bundle.release,
            environments: &bundle.environments,
            provenance: &bundle.provenance,
            environment: &place,
            number,
            sandbox: false,
        });
        self.store.add_revision(&revision.expect("a revision")).unwrap();
        let all = self.revisions.entry(environment).or_default();
        all.push((images, good));
        if good {
            self.running.insert(environment, all.len() - 1);
        }
        self.end(environment, &place, number, good);
    }

    fn end(&self, environment: bool, place: &Name, number: u64, good: bool) {
        let running = self.running.get(&environment).map(|index| *index as u64 + 1);
        let new = NewDeployment {
            app: name("shop"),
            environment: place.clone(),
            verb: Verb::Deploy,
            actor: Actor { user: "ada".into(), claim: None },
            from: None,
            to: Some(number),
            plan: json!({}),
        };
        let id = self.store.begin_deployment(&new).unwrap();
        let outcome = if good { Outcome::Succeeded } else { Outcome::Failed };
        self.store.set_outcome(id, running, outcome, None).unwrap();
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Release(first, second) => drop(self.release(first, second)),
            Step::Deploy(environment, first, second, good) => self.deploy(environment, (first, second), good),
            Step::Back(environment, number) => {
                let kept = self.kept(environment);
                let Some(&index) = kept.iter().nth(usize::from(number) % kept.len().max(1)) else { return };
                self.running.insert(environment, index);
                self.revisions.get_mut(&environment).unwrap()[index].1 = true;
                let place = name(if environment { "qa" } else { "prod" });
                self.end(environment, &place, index as u64 + 1, true);
            }
            Step::Tag(tag, number) => {
                let digest = self.image(number);
                let manifest = StoredManifest {
                    repository: "shop/web".into(),
                    digest: digest.clone(),
                    media_type: OCI_MANIFEST.into(),
                    artifact_type: None,
                    subject: None,
                };
                self.store.put_manifest(&manifest, Some(&format!("t{tag}"))).unwrap();
                self.tags.insert(tag, digest);
            }
            Step::Untag(tag) => {
                self.store.remove_tag("shop/web", &format!("t{tag}")).unwrap();
                self.tags.remove(&tag);
            }
            Step::Refer(number, salt) => {
                let image = self.image(number);
                let first = self.manifest("{}", &[format!("about {salt}")], Some(&image));
                let second = self.manifest("{}", &[format!("about that {salt}")], Some(&first));
                self.about.extend([(first.clone(), image), (second, first)]);
            }
            Step::Collect => self.collect(),
        }
    }

    /// The revisions of an environment that are kept: what runs, the one before it that was good, the last good ones
    /// and the last ones.
    fn kept(&self, environment: bool) -> BTreeSet<usize> {
        let Some(all) = self.revisions.get(&environment) else { return BTreeSet::new() };
        let good: Vec<usize> = (0..all.len()).filter(|index| all[*index].1).collect();
        let running = self.running.get(&environment);
        let before = running.and_then(|running| good.iter().rfind(|index| *index < running));
        let last = all.len().saturating_sub(KEPT as usize)..all.len();
        let last_good = good.iter().rev().take(KEPT as usize);
        last.chain(last_good.copied()).chain(running.copied()).chain(before.copied()).collect()
    }

    fn expected(&self) -> BTreeSet<Digest> {
        let mut roots: BTreeSet<Digest> = self.tags.values().cloned().collect();
        for environment in [false, true] {
            for index in self.kept(environment) {
                roots.extend(self.revisions[&environment][index].0.iter().cloned());
            }
        }
        while let Some((about, _)) =
            self.about.iter().find(|(about, subject)| roots.contains(subject) && !roots.contains(about))
        {
            roots.insert(about.clone());
        }
        roots.iter().flat_map(|root| &self.needs[root]).cloned().collect()
    }

    fn collect(&mut self) {
        self.store.collect_garbage(&self.blobs, &keep(0)).expect("a collection");
        let expected = self.expected();
        assert_eq!(there(self.root.path()), expected);
        // What was about an image that went does not come back with it.
        self.about.retain(|(about, _)| expected.contains(about));
    }
}

fn keep(spare_s: u64) -> Keep {
    Keep { revisions: KEPT, spare: Duration::from_secs(spare_s), images: BTreeSet::new() }
}

fn there(root: &Path) -> BTreeSet<Digest> {
    let entries = std::fs::read_dir(root.join("blobs/sha256")).expect("the folder of blobs");
    let digest = |name: String| Digest::try_from(format!("sha256:{name}")).expect("a blob's name");
    entries.map(|entry| digest(entry.unwrap().file_name().into_string().unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_what_is_needed_stays_whatever_happened(steps in proptest::collection::vec(step(), 1..24)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.apply(step));
        let before = there(world.root.path());
        world.store.collect_garbage(&world.blobs, &keep(3600)).unwrap();
        prop_assert_eq!(there(world.root.path()), before, "what is young is spared");
        world.collect();
    }
}

#[test]
fn images_that_something_runs_stay_and_their_layers_are_named() {
    let mut world = World::new();
    let layer = Digest::of(b"unpacked");
    let config = json!({ "rootfs": { "type": "layers", "diff_ids": [layer] } }).to_string();
    let image = world.manifest(&config, &["packed".to_owned()], None);
    let keep = Keep { images: BTreeSet::from([image.clone()]), ..keep(0) };
    let collected = world.store.collect_garbage(&world.blobs, &keep).unwrap();
    assert_eq!((collected.blobs, collected.layers), (0, BTreeSet::from([layer])));
    assert_eq!(collected.images, BTreeSet::from([image.clone()]));
    world.collect();
    assert!(!world.blobs.contains(&image));
}

#[test]
fn what_a_job_runs_in_stays_until_it_has_ended() {
    let mut world = World::new();
    world.deploy(false, (1, 2), true);
    let image = world.image(1);
    let (app, environment, job) = (name("shop"), name("prod"), name("nightly"));
    let place = JobPlace { app: &app, environment: &environment, job: &job };
    let run = world.store.begin_job_run(place, 1, None, None).unwrap().expect("the first");
    for number in 0..8 {
        world.deploy(false, (10 + 2 * number, 11 + 2 * number), true);
    }
    world.store.collect_garbage(&world.blobs, &keep(0)).expect("a collection");
    assert!(world.blobs.contains(&image));
    world.store.end_job_run(&run, "succeeded", None).unwrap();
    world.store.collect_garbage(&world.blobs, &keep(0)).expect("a collection");
    assert!(!world.blobs.contains(&image));
}

#[test]
fn an_image_that_cannot_be_understood_stops_the_collection() {
    let mut world = World::new();
    world.deploy(true, (1, 2), true);
    let image = world.image(1);
    seaworthy_host::files::write_atomic(&world.blobs.path(&image), b"{}}", 0o644).unwrap();
    let stray = world.blobs.put_bytes(b"stray").unwrap();
    assert!(world.store.collect_garbage(&world.blobs, &keep(0)).is_err());
    assert!(world.blobs.contains(&stray));
}

#[test]
fn old_builds_go_and_what_a_young_document_needs_stays() {
    let mut world = World::new();
    let image = world.image(1);
    let stray = world.blobs.put_bytes(b"stray").unwrap();
    let old = seaworthy_host::clock::now() - Duration::from_secs(7200);
    for digest in there(world.root.path()) {
        std::fs::File::open(world.blobs.path(&digest)).unwrap().set_modified(old).unwrap();
    }
    assert!(world.blobs.renew(&image));
    let collected = world.blobs.collect_old(Duration::from_secs(3600)).unwrap();
    assert_eq!(collected.blobs, 1);
    assert!(!world.blobs.contains(&stray));
    assert_eq!(there(world.root.path()), world.needs[&image]);
}

/// Whoever was told that a blob is there must find it there, however closely a collection follows.
#[test]
fn a_blob_that_was_asked_about_does_not_go_away() {
    let world = World::new();
    let old = seaworthy_host::clock::now() - Duration::from_secs(7200);
    for round in 0..50 {
        let digests: Vec<Digest> =
            (0..20).map(|n| world.blobs.put_bytes(format!("{round} {n}").as_bytes()).unwrap()).collect();
        for digest in &digests {
            std::fs::File::open(world.blobs.path(digest)).unwrap().set_modified(old).unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| world.store.collect_garbage(&world.blobs, &keep(3600)).unwrap());
            let missing = world.blobs.missing(&digests);
            let told: Vec<&Digest> = digests.iter().filter(|digest| !missing.contains(digest)).collect();
            assert!(told.iter().all(|digest| world.blobs.contains(digest)));
        });
    }
}

const ROOT: &str = "SEAWORTHY_TEST_COLLECT_IN";

/// Not a test of its own: the process that the next one kills.
#[test]
fn collects_where_it_is_told_to() {
    if let Some(root) = std::env::var_os(ROOT) {
        let root = Path::new(&root);
        let _ = Store::open(root).unwrap().collect_garbage(&Blobs::open(root).unwrap(), &keep(0));
    }
}

#[test]
fn a_collection_that_is_killed_in_the_middle_has_removed_nothing_that_is_needed() {
    let mut world = World::new();
    world.deploy(true, (1, 2), true);
    world.apply(&Step::Tag(1, 5));
    world.apply(&Step::Refer(5, 7));
    let garbage = 3000;
    for number in 0..garbage {
        world.blobs.put_bytes(format!("garbage {number}").as_bytes()).unwrap();
    }
    let needed = world.expected();
    for left in [2500, 1500, 500] {
        let mut child = process::command(std::env::current_exe().unwrap())
            .args(["--exact", "collects_where_it_is_told_to"])
            .env(ROOT, world.root.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while there(world.root.path()).len() > left && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(there(world.root.path()).is_superset(&needed));
    }
    world.collect();
}
