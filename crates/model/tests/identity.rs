//! Pool ids change exactly when something changes that an instance could notice.

mod common;

use common::{manifest, name, release, revision_of};
use proptest::prelude::*;
use seaworthy_model::manifest::Manifest;
use seaworthy_model::pool::PoolId;
use seaworthy_model::release::Release;
use seaworthy_model::service::{Health, Port, Protocol, Setting, Update};
use seaworthy_model::template::Template;
use seaworthy_model::{Digest, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn ids(release: &Release, manifest: &Manifest, sandbox: bool) -> BTreeMap<Name, PoolId> {
    let revision = revision_of(release, manifest, "dev", sandbox).expect("resolves");
    revision.pools.into_iter().map(|(name, pool)| (name, pool.id)).collect()
}

/// `web` calls `api` calls `store`; `other` calls nobody.
const CHAIN: &str = r#"
app = "shop"
[services.web]
run = ["./web"]
calls = ["api"]
[services.api]
run = ["./api"]
calls = ["store"]
[services.store]
run = ["./store"]
[services.other]
run = ["./other"]
"#;

fn changed_by(change: impl Fn(&mut Release)) -> BTreeSet<String> {
    let manifest = manifest(CHAIN);
    let before = release(&manifest);
    let mut after = before.clone();
    change(&mut after);
    let (before, after) = (ids(&before, &manifest, false), ids(&after, &manifest, false));
    after.iter().filter(|(name, id)| before.get(*name) != Some(id)).map(|(name, _)| name.to_string()).collect()
}

fn changed_in(service: &'static str, change: impl Fn(&mut seaworthy_model::release::ServiceRelease)) -> Vec<String> {
    let change = |release: &mut Release| change(release.services.get_mut(&name(service)).expect("there"));
    changed_by(change).into_iter().collect()
}

#[test]
fn an_id_says_whose_it_is() {
    let manifest = manifest(CHAIN);
    let ids = ids(&release(&manifest), &manifest, false);
    let id = &ids[&name("web")].0;
    let hash = id.strip_prefix("shop-dev-web-").expect("app, environment and service");
    assert!(hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
}

#[test]
fn a_change_reaches_whoever_calls() {
    let image = |service: &mut seaworthy_model::release::ServiceRelease| service.image = Digest::of(b"new");
    assert_eq!(changed_in("store", image), ["api", "store", "web"]);
    assert_eq!(changed_in("api", image), ["api", "web"]);
    assert_eq!(changed_in("web", image), ["web"]);
    assert_eq!(changed_in("other", image), ["other"]);
}

#[test]
fn everything_that_an_instance_notices_counts() {
    assert_eq!(changed_in("other", |s| s.service.run.push("-v".into())), ["other"]);
    assert_eq!(changed_in("other", |s| s.service.before.push(vec!["m".into()])), ["other"]);
    assert_eq!(changed_in("other", |s| s.service.port = Port::None), ["other"]);
    assert_eq!(changed_in("other", |s| s.service.protocol = Protocol::Tcp), ["other"]);
    assert_eq!(changed_in("other", |s| s.service.health = Health::Path("/".into())), ["other"]);
    assert_eq!(changed_in("other", |s| drop(s.service.volumes.insert(name("data"), "/data".into()))), ["other"]);
    assert_eq!(changed_in("other", |s| s.service.calls.push(name("store"))), ["other"]);
    let setting = Setting::Value(Template::literal("1"));
    assert_eq!(changed_in("other", |s| drop(s.service.env.insert("A".into(), setting.clone()))), ["other"]);
}

#[test]
fn tuning_and_words_do_not_count() {
    let none: [&str; 0] = [];
    assert_eq!(changed_in("store", |s| s.service.tuning.replicas = Some(7)), none);
    assert_eq!(changed_in("store", |s| s.service.tuning.grace = Some(Duration::from_secs(1))), none);
    assert_eq!(changed_in("store", |s| s.service.tuning.memory_bytes = Some(1)), none);
    assert_eq!(changed_in("store", |s| s.service.update = Update::Replace), none);
    assert_eq!(changed_in("store", |s| s.service.reversible = false), none);
    assert_eq!(changed_in("store", |s| s.service.team = Some(name("core"))), none);
    assert_eq!(changed_in("store", |s| s.service.callers.push(name("web"))), none);
    assert_eq!(changed_by(|r| drop(r.services.remove(&name("other")))), BTreeSet::new());
}

#[test]
fn a_sandbox_counts() {
    let manifest = manifest(CHAIN);
    let release = release(&manifest);
    assert_ne!(ids(&release, &manifest, false), ids(&release, &manifest, true));
}

/// Any graph of calls among a few services, circular or not.
fn graph() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (1_usize..7).prop_flat_map(|count| {
        let calls = proptest::collection::btree_set(0..count, 0..=count).prop_map(|set| set.into_iter().collect());
        proptest::collection::vec(calls, count)
    })
}

fn text(graph: &[Vec<usize>]) -> String {
    let mut text = "app = \"g\"\n".to_owned();
    for (index, calls) in graph.iter().enumerate() {
        let calls: Vec<String> = calls.iter().map(|callee| format!("s{callee}")).collect();
        text.push_str(&format!("[services.s{index}]\nrun = [\"./s\"]\ncalls = {calls:?}\n"));
    }
    text
}

/// Whoever reaches a service by calls, itself included; by the definition, not by the same algorithm.
fn reaching(graph: &[Vec<usize>], to: usize) -> BTreeSet<String> {
    let mut reaching = BTreeSet::from([to]);
    for _ in graph {
        let more: Vec<usize> =
            (0..graph.len()).filter(|from| graph[*from].iter().any(|callee| reaching.contains(callee))).collect();
        reaching.extend(more);
    }
    reaching.into_iter().map(|index| format!("s{index}")).collect()
}

proptest! {
    #[test]
    fn exactly_who_reaches_a_changed_service_gets_new_instances(graph in graph(), changed: proptest::sample::Index) {
        let changed = changed.index(graph.len());
        let manifest = manifest(&text(&graph));
        let before = release(&manifest);
        let mut after = before.clone();
        after.services.get_mut(&name(&format!("s{changed}"))).expect("there").image = Digest::of(b"new");
        let (before, after) = (ids(&before, &manifest, false), ids(&after, &manifest, false));
        let differ = after.iter().filter(|(name, id)| before[*name] != **id).map(|(name, _)| name.to_string());
        prop_assert_eq!(differ.collect::<BTreeSet<_>>(), reaching(&graph, changed));
    }

    #[test]
    fn ids_are_the_same_every_time(graph in graph()) {
        let manifest = manifest(&text(&graph));
        let release = release(&manifest);
        let one = ids(&release, &manifest, false);
        prop_assert_eq!(&one, &ids(&release, &manifest, false));
        prop_assert_eq!(one.values().collect::<BTreeSet<_>>().len(), one.len());
    }
}
