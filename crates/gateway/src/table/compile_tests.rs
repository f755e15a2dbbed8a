use super::*;
use crate::pool::PoolState;
use proptest::prelude::*;
use seaworthy_model::routing::{Group, ListenAddress, Listener, Pool, ROUTING_FORMAT, WeightedVariant};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn pool(label: &str) -> Pool {
    let drain = Duration::from_secs(1);
    let protocol = Protocol::Http;
    Pool { label: label.to_owned(), protocol, endpoints: Vec::new(), health_path: None, held: None, drain }
}

fn variant(pool: &str) -> RouteVariant {
    RouteVariant { to: Destination::Pool(pool.to_owned()), sticky: None, limits: RouteLimits::default() }
}

fn route(group: &str, host: &str, path: &str, variants: &[(&str, &str)]) -> Route {
    let variants = variants.iter().map(|(label, pool)| ((*label).to_owned(), variant(pool)));
    Route {
        id: format!("{host}{path}"),
        group: group.to_owned(),
        host: host.to_owned(),
        path: path.to_owned(),
        variants: variants.collect(),
    }
}

fn group(weights: &[(&str, u8)]) -> Group {
    let variants =
        weights.iter().map(|(variant, weight)| WeightedVariant { variant: (*variant).into(), weight: *weight });
    Group { variants: variants.collect() }
}

fn listener(purpose: Purpose) -> Listener {
    Listener { address: ListenAddress::Tcp(([127, 0, 0, 1], 1).into()), purpose }
}

/// Routes of two apps; every pool that a route names is there.
fn table(routes: Vec<Route>, groups: &[(&str, Group)]) -> RoutingTable {
    let internal = Purpose::Internal { pool: "callee".to_owned(), caller: Some("caller".to_owned()) };
    let pinned = Purpose::Pinned { group: "shop".to_owned(), variant: "2".to_owned() };
    let listeners = [("public", Purpose::Public), ("pinned", pinned), ("internal", internal)];
    let ids: BTreeSet<String> = routes
        .iter()
        .flat_map(|route| route.variants.values())
        .map(|variant| match &variant.to {
            Destination::Pool(pool) => pool.clone(),
            Destination::Fanout { .. } => unreachable!("these tests have none"),
        })
        .chain(["callee".to_owned()])
        .collect();
    RoutingTable {
        format: ROUTING_FORMAT,
        generation: 1,
        listeners: listeners.into_iter().map(|(id, purpose)| (id.to_owned(), listener(purpose))).collect(),
        groups: groups.iter().map(|(label, group)| ((*label).to_owned(), group.clone())).collect(),
        routes,
        pools: ids.into_iter().map(|id| (id.clone(), pool(&id))).collect(),
    }
}

fn compile(table: &RoutingTable) -> CompiledTable {
    let pools = PoolRegistry::default();
    pools.update(table);
    CompiledTable::compile(table, &pools)
}

fn connection(listener: &str) -> ConnectionContext {
    ConnectionContext::new(listener.into(), None)
}

fn pool_of(routed: &Routed) -> &str {
    match routed {
        Routed::Pool { pool, .. } => pool.id(),
        Routed::NotFound => "-",
        Routed::Fanout { .. } => "*",
    }
}

fn ask(table: &CompiledTable, context: &mut ConnectionContext, host: &str, path: &str) -> String {
    pool_of(&table.route(context, host, path, |_| None)).to_owned()
}

#[test]
fn the_longest_prefix_on_a_segment_boundary_wins() {
    let routes = vec![
        route("shop", "a.test", "/", &[("1", "root")]),
        route("shop", "a.test", "/api", &[("1", "api")]),
        route("shop", "a.test", "/api/v2/", &[("1", "v2")]),
        route("shop", "b.test", "/only", &[("1", "only")]),
    ];
    let table = compile(&table(routes, &[("shop", group(&[("1", 100)]))]));
    let mut context = connection("public");
    let cases = [
        ("a.test", "/", "root"),
        ("a.test", "/other", "root"),
        ("a.test", "/api", "api"),
        ("a.test", "/api/", "api"),
        ("a.test", "/api/v1", "api"),
        ("a.test", "/apis", "root"),
        ("a.test", "/api/v2", "v2"),
        ("a.test", "/api/v2/x", "v2"),
        ("a.test", "/api/v22", "api"),
        ("b.test", "/only/x", "only"),
        ("b.test", "/onlyx", "-"),
        ("b.test", "/", "-"),
        ("c.test", "/", "-"),
        ("", "/", "-"),
    ];
    for (host, path, expected) in cases {
        assert_eq!(ask(&table, &mut context, host, path), expected, "{host}{path}");
    }
}

#[test]
fn a_pinned_listener_reaches_one_variant_of_one_group_whatever_its_weight() {
    let routes = vec![
        route("shop", "a.test", "/", &[("1", "old"), ("2", "new")]),
        route("shop", "a.test", "/gone", &[("1", "old")]),
        route("blog", "b.test", "/", &[("2", "blog")]),
    ];
    let groups = [("shop", group(&[("1", 100)])), ("blog", group(&[("2", 100)]))];
    let table = compile(&table(routes, &groups));
    let mut pinned = connection("pinned");
    assert_eq!(ask(&table, &mut pinned, "a.test", "/"), "new");
    assert_eq!(ask(&table, &mut pinned, "a.test", "/gone"), "-", "the candidate lacks this route");
    assert_eq!(ask(&table, &mut pinned, "b.test", "/"), "-", "another group's route");
    for _ in 0..100 {
        assert_eq!(ask(&table, &mut connection("public"), "a.test", "/"), "old");
    }
}

#[test]
fn an_internal_listener_goes_straight_to_its_pool_and_an_unknown_one_nowhere() {
    let table = compile(&table(Vec::new(), &[]));
    let routed = table.route(&mut connection("internal"), "whatever", "/", |_| None);
    let Routed::Pool { pool, route } = routed else { panic!("{routed:?}") };
    assert_eq!((pool.id(), route.caller.as_deref()), ("callee", Some("caller")));
    assert_eq!(ask(&table, &mut connection("gone"), "a.test", "/"), "-");
}

#[test]
fn a_connection_keeps_its_variant_until_that_has_no_weight_any_more() {
    let routes = || {
        vec![
            route("shop", "a.test", "/", &[("1", "old"), ("2", "new")]),
            route("shop", "a.test", "/api", &[("1", "old-api"), ("2", "new-api")]),
        ]
    };
    let even = compile(&table(routes(), &[("shop", group(&[("1", 50), ("2", 50)]))]));
    let mostly_new = compile(&table(routes(), &[("shop", group(&[("1", 1), ("2", 99)]))]));
    let new = compile(&table(routes(), &[("shop", group(&[("1", 0), ("2", 100)]))]));
    let only_new =
        compile(&table(vec![route("shop", "a.test", "/", &[("2", "new")])], &[("shop", group(&[("2", 100)]))]));
    let nothing = compile(&table(routes(), &[("shop", group(&[("1", 0), ("2", 0)]))]));
    let mut contexts: Vec<_> = (0..200).map(|_| connection("public")).collect();
    for context in &mut contexts {
        let drawn = ask(&even, context, "a.test", "/");
        for _ in 0..5 {
            assert_eq!(ask(&even, context, "a.test", "/api"), format!("{drawn}-api"), "one variant for all its routes");
            assert_eq!(ask(&mostly_new, context, "a.test", "/"), drawn);
        }
        assert_eq!(ask(&nothing, context, "a.test", "/"), "-");
        assert_eq!(ask(&new, context, "a.test", "/"), "new");
        assert_eq!(ask(&only_new, context, "a.test", "/"), "new");
        assert_eq!(ask(&even, context, "a.test", "/"), "new", "it stays where it was sent");
    }
}

#[test]
fn a_sticky_cookie_decides_for_the_connection_and_not_the_other_way_round() {
    let mut sticky = route("shop", "a.test", "/", &[("1", "old"), ("2", "new")]);
    sticky.variants.get_mut("2").unwrap().sticky = Some("user".to_owned());
    let table = compile(&table(vec![sticky], &[("shop", group(&[("1", 50), ("2", 50)]))]));
    let with = |context: &mut ConnectionContext, user: &'static str| {
        pool_of(&table.route(context, "a.test", "/", |name| (name == "user").then_some(user.as_bytes()))).to_owned()
    };
    let mut seen = BTreeSet::new();
    let mut shared = connection("public");
    for user in ["ada", "bob", "cleo", "dan", "eve", "fay", "gus", "hal"] {
        let drawn = with(&mut connection("public"), user);
        for _ in 0..5 {
            assert_eq!(with(&mut connection("public"), user), drawn);
            assert_eq!(with(&mut shared, user), drawn, "users of one connection do not share a draw");
        }
        seen.insert(drawn);
    }
    assert_eq!(seen.len(), 2, "all fell on one variant");
}

#[test]
fn pools_and_endpoints_outlive_tables_that_keep_their_ids() {
    let registry = PoolRegistry::default();
    let mut first = table(vec![route("shop", "a.test", "/", &[("1", "stays"), ("2", "goes")])], &[]);
    let endpoint = |id: &str, port| seaworthy_model::routing::Endpoint {
        id: id.into(),
        address: std::net::SocketAddr::from(([127, 0, 0, 1], port)).into(),
    };
    first.pools.get_mut("stays").unwrap().endpoints = vec![endpoint("a", 1), endpoint("b", 2)];
    registry.update(&first);
    let (stays, goes) = (registry.get("stays").unwrap(), registry.get("goes").unwrap());
    let endpoints: Vec<_> = stays.settings().endpoints.clone();
    stays.count(200);

    let mut second = first.clone();
    second.pools.remove("goes");
    // The same instance, an instance that came back on another port, and a new one.
    second.pools.get_mut("stays").unwrap().endpoints = vec![endpoint("c", 3), endpoint("b", 9), endpoint("a", 1)];
    let retired = registry.update(&second);
    assert_eq!(retired.len(), 1);
    registry.follow(&CompiledTable::compile(&second, &registry), &retired);
    assert!(Arc::ptr_eq(&stays, &registry.get("stays").unwrap()));
    assert_eq!(registry.get("stays").unwrap().counted(), (1, 0));
    let now: Vec<_> = stays.settings().endpoints.clone();
    assert!(Arc::ptr_eq(&now[2], &endpoints[0]));
    assert_ne!(now[1].key, endpoints[1].key);
    assert!(goes.is_retired() && registry.get("goes").is_none());
    registry.update(&first);
    assert!(!registry.get("goes").unwrap().is_retired());
}

#[test]
fn a_table_that_names_what_it_does_not_define_is_no_reason_to_fall() {
    let mut table = table(vec![route("shop", "a.test", "/", &[("1", "x")])], &[("shop", group(&[("1", 100)]))]);
    table.pools = BTreeMap::new();
    table.routes.push(route("no-such-group", "b.test", "/", &[("1", "y")]));
    let compiled = compile(&table);
    assert_eq!(ask(&compiled, &mut connection("public"), "a.test", "/"), "x");
    assert_eq!(ask(&compiled, &mut connection("public"), "b.test", "/"), "-");
    assert_eq!(PoolState::new("x").in_flight(), 0);
}

/// The rule as DESIGN says it, without any structure for looking up.
fn expected<'a>(routes: &'a [(String, &'static str)], host: &str, path: &str) -> Option<&'a str> {
    let prefix = |route: &str| {
        let prefix = route.trim_end_matches('/').to_owned();
        (path == prefix || path.starts_with(&format!("{prefix}/"))).then_some(prefix.len())
    };
    let matching = routes.iter().filter(|(_, of)| *of == host).filter_map(|(route, _)| Some((prefix(route)?, route)));
    matching.max_by_key(|(length, _)| *length).map(|(_, route)| route.as_str())
}

proptest! {
    #[test]
    fn looking_up_is_as_the_rule_says(
        paths in proptest::collection::btree_set("(/[ab]{1,2}){1,3}", 1..8),
        path in "(/[ab]{1,2}){1,4}/?",
        seed: u64,
    ) {
        let hosts = ["a.test", "b.test"];
        let routes: Vec<(String, &'static str)> =
            paths.into_iter().enumerate().map(|(i, p)| (p, hosts[(seed >> i & 1) as usize])).collect();
        let model = routes.iter().map(|(path, host)| route("shop", host, path, &[("1", path)])).collect();
        let compiled = compile(&table(model, &[("shop", group(&[("1", 100)]))]));
        for host in hosts {
            let found = ask(&compiled, &mut connection("public"), host, &path);
            prop_assert_eq!(found.as_str(), expected(&routes, host, &path).unwrap_or("-"));
        }
    }
}
