use super::*;
use seaworthy_model::release::{RouteLimits, RouteSpec};
use seaworthy_model::routing::Destination;
use seaworthy_model::service::{Port, Protocol, Update};
use seaworthy_model::{Digest, Name};
use std::time::Duration;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn pool(id: &str, service: &str) -> PoolSpec {
    PoolSpec {
        id: PoolId(id.to_owned()),
        app: name("shop"),
        environment: name("prod"),
        service: name(service),
        image: Digest::of(b""),
        run: vec!["./web".to_owned()],
        before: Vec::new(),
        reversible: true,
        port: Port::Given,
        protocol: Protocol::Http,
        health: Health::Path("/healthz".to_owned()),
        update: Update::Beside,
        calls: BTreeMap::new(),
        volumes: BTreeMap::new(),
        env: BTreeMap::new(),
        sandbox: None,
        tuning: seaworthy_model::pool::PoolTuning {
            replicas: 1,
            healthy_for: Duration::ZERO,
            start_timeout: Duration::from_secs(1),
            grace: Duration::from_secs(1),
            drain: Duration::from_secs(7),
            hold: Duration::from_secs(9),
        },
    }
}

fn variant(revision: u64, weight: u8, pool: &str, host: &str) -> Variant {
    let route = RouteSpec {
        host: host.to_owned(),
        path: "/".to_owned(),
        to: RouteTo::Service(name("web")),
        sticky: None,
        limits: RouteLimits::default(),
        checks: Vec::new(),
    };
    Variant {
        revision,
        weight,
        routes: BTreeMap::from([(name("web"), route)]),
        pools: BTreeMap::from([(name("web"), PoolId(pool.to_owned()))]),
    }
}

fn table(traffic: EnvironmentTraffic, pools: &[&str], running: &[&str]) -> RoutingTable {
    let pools = pools.iter().map(|id| (PoolId((*id).to_owned()), pool(id, "web"))).collect();
    let endpoint = |id: &&str| Endpoint {
        id: format!("{id}-0"),
        address: std::net::SocketAddr::from(([127, 0, 0, 1], 20_000)).into(),
    };
    let endpoints = running.iter().map(|id| (PoolId((*id).to_owned()), vec![endpoint(id)])).collect();
    let environments = [traffic];
    compile(Facts {
        environments: &environments,
        pools: &pools,
        endpoints: &endpoints,
        listeners: BTreeMap::new(),
        generation: 3,
    })
}

fn traffic(variants: Vec<Variant>) -> EnvironmentTraffic {
    EnvironmentTraffic {
        app: name("shop"),
        environment: name("prod"),
        variants,
        held: Vec::new(),
        answered_by: BTreeMap::new(),
        pinned: None,
    }
}

#[test]
fn two_revisions_share_a_place_and_draw_by_weight() {
    let both = vec![variant(1, 90, "old", "Shop.localhost"), variant(2, 10, "new", "shop.localhost")];
    let table = table(traffic(both), &["old", "new"], &["old", "new"]);
    let [route] = table.routes.as_slice() else { panic!("one place, one route: {:?}", table.routes) };
    assert_eq!((route.host.as_str(), route.group.as_str()), ("shop.localhost", "shop/prod"));
    let to = |revision: &str| route.variants[revision].to.clone();
    assert_eq!((to("1"), to("2")), (Destination::Pool("old".into()), Destination::Pool("new".into())));
    let weights: Vec<_> = table.groups["shop/prod"].variants.iter().map(|v| (v.variant.as_str(), v.weight)).collect();
    assert_eq!(weights, [("1", 90), ("2", 10)]);
}

#[test]
fn a_route_that_moved_leads_each_revision_to_its_own_place() {
    let both = vec![variant(1, 100, "old", "a.localhost"), variant(2, 0, "new", "b.localhost")];
    let table = table(traffic(both), &["old", "new"], &["old", "new"]);
    let places: Vec<_> = table.routes.iter().map(|r| (r.host.as_str(), r.variants.len())).collect();
    assert_eq!(places, [("a.localhost", 1), ("b.localhost", 1)]);
}

#[test]
fn who_changes_over_is_held_and_then_answered_for() {
    let mut changing = traffic(vec![variant(1, 100, "old", "a.localhost")]);
    changing.held = vec![PoolId("old".into())];
    changing.answered_by = BTreeMap::from([(PoolId("old".into()), PoolId("new".into()))]);
    let table = table(changing, &["old", "new"], &["new"]);
    assert_eq!(table.pools["old"].held, Some(Duration::from_secs(9)));
    assert_eq!(table.pools["new"].held, None);
    assert_eq!(table.pools["old"].endpoints, table.pools["new"].endpoints);
    assert_eq!(table.pools["old"].endpoints[0].id, "new-0");
}
