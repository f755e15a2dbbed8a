//! From the table as it travels to the table as it is looked up.

use super::draw::CompiledGroup;
use super::{ConnectionContext, PoolRegistry, RouteInfo, Routed};
use crate::egress::EgressRoute;
use crate::fanout::FanoutPlan;
use crate::pool::PoolState;
use seaworthy_model::release::RouteLimits;
use seaworthy_model::routing::{Destination, Purpose, Route, RouteVariant, RoutingTable};
use seaworthy_model::service::Protocol;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The table that requests follow. It never changes; a new one takes its place.
#[derive(Debug)]
pub struct CompiledTable {
    /// As in [`RoutingTable::generation`].
    pub generation: u64,
    /// Unique among all tables of this process.
    pub(super) serial: u64,
    pub(super) listeners: HashMap<String, Arc<CompiledListener>>,
    hosts: HashMap<String, Vec<CompiledRoute>>,
    groups: Vec<CompiledGroup>,
}

/// A listener and, if it is internal, its one pool.
#[derive(Debug)]
pub(crate) struct CompiledListener {
    pub(crate) purpose: Purpose,
    direct: Option<(Arc<PoolState>, Arc<RouteInfo>)>,
    egress: Option<Arc<EgressRoute>>,
}

#[derive(Debug)]
struct CompiledRoute {
    /// Without the slash at its end, so that `/` is empty.
    prefix: String,
    group: usize,
    sticky: Option<String>,
    /// By the variant's number in the group.
    variants: Vec<Option<Routed>>,
}

impl CompiledTable {
    /// A table without routes and listeners.
    #[must_use]
    pub fn empty() -> Self {
        Self { generation: 0, serial: serial(), listeners: HashMap::new(), hosts: HashMap::new(), groups: Vec::new() }
    }

    /// Compiles a table. Pools that it names but does not define answer as pools without endpoints.
    #[must_use]
    pub fn compile(table: &RoutingTable, pools: &PoolRegistry) -> Self {
        let groups: Vec<_> = table.groups.keys().map(|label| compile_group(table, label)).collect();
        let mut hosts: HashMap<String, Vec<CompiledRoute>> = HashMap::new();
        for route in &table.routes {
            if let Some(compiled) = compile_route(route, &groups, pools) {
                hosts.entry(route.host.clone()).or_default().push(compiled);
            }
        }
        for routes in hosts.values_mut() {
            routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
        }
        let listeners = table.listeners.iter().map(|(id, listener)| {
            let direct = match &listener.purpose {
                Purpose::Internal { pool, caller } => {
                    let pool = pools.get_or_missing(pool);
                    let route = internal_route(id, caller, &pool);
                    Some((pool, route))
                }
                Purpose::Public | Purpose::Pinned { .. } | Purpose::Egress { .. } => None,
            };
            let egress = EgressRoute::of(id, &listener.purpose).map(Arc::new);
            (id.clone(), Arc::new(CompiledListener { purpose: listener.purpose.clone(), direct, egress }))
        });
        Self { generation: table.generation, serial: serial(), listeners: listeners.collect(), hosts, groups }
    }

    /// Who answers a request. `host` is in lower case and without port, `path` without query; `cookie` gives the value
    /// of a cookie of the request.
    pub fn route<'r>(
        &self,
        context: &mut ConnectionContext,
        host: &str,
        path: &str,
        cookie: impl Fn(&str) -> Option<&'r [u8]>,
    ) -> Routed {
        let Some(listener) = context.listener_in(self) else { return Routed::NotFound };
        if let Some((pool, route)) = &listener.direct {
            return Routed::Pool { pool: pool.clone(), route: route.clone() };
        }
        let pinned = match &listener.purpose {
            Purpose::Pinned { group, variant } => Some((group.as_str(), variant.as_str())),
            Purpose::Public | Purpose::Internal { .. } | Purpose::Egress { .. } => None,
        };
        let Some(route) = self.find(host, path, pinned.map(|(group, _)| group)) else { return Routed::NotFound };
        let group = &self.groups[route.group];
        let number = match pinned {
            Some((_, variant)) => group.number(variant),
            None => match route.sticky.as_deref().and_then(cookie) {
                Some(value) => group.draw_sticky(value),
                None => context.draw(group),
            },
        };
        number.and_then(|number| route.variants[number].clone()).unwrap_or(Routed::NotFound)
    }

    /// The pool that answers everything on a listener whose connections are bytes.
    #[must_use]
    pub fn tcp_pool(&self, context: &mut ConnectionContext) -> Option<(Arc<PoolState>, Arc<RouteInfo>)> {
        let listener = context.listener_in(self)?;
        let (pool, route) = listener.direct.as_ref()?;
        (pool.settings().protocol == Protocol::Tcp).then(|| (pool.clone(), route.clone()))
    }

    /// Where connections of a listener may go outside, if that is what it is for.
    #[must_use]
    pub fn egress(&self, context: &mut ConnectionContext) -> Option<Arc<EgressRoute>> {
        context.listener_in(self)?.egress.clone()
    }

    /// Whether connections are to be accepted on a listener.
    #[must_use]
    pub fn has_listener(&self, listener: &str) -> bool {
        self.listeners.contains_key(listener)
    }

    /// How many routes there are.
    #[must_use]
    pub fn route_count(&self) -> usize {
        self.hosts.values().map(Vec::len).sum()
    }

    fn find(&self, host: &str, path: &str, group: Option<&str>) -> Option<&CompiledRoute> {
        self.hosts.get(host)?.iter().find(|route| {
            path.strip_prefix(&*route.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                && group.is_none_or(|group| &*self.groups[route.group].label == group)
        })
    }
}

fn serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The group's variants in their order, then those that only its routes know: a pinned listener reaches them too.
fn compile_group(table: &RoutingTable, label: &str) -> CompiledGroup {
    let mut variants: Vec<(Arc<str>, u32)> =
        table.groups[label].variants.iter().map(|v| (Arc::from(&*v.variant), u32::from(v.weight))).collect();
    for variant in table.routes.iter().filter(|r| r.group == label).flat_map(|r| r.variants.keys()) {
        if !variants.iter().any(|(known, _)| **known == **variant) {
            variants.push((Arc::from(&**variant), 0));
        }
    }
    CompiledGroup::new(label, variants)
}

fn compile_route(route: &Route, groups: &[CompiledGroup], pools: &PoolRegistry) -> Option<CompiledRoute> {
    let group = groups.iter().position(|group| *group.label == *route.group)?;
    let by_number = groups[group].variants.iter().map(|(label, _)| route.variants.get(&**label));
    // The variants may differ in their cookie; the newest that has one decides for all, else a value would be drawn by
    // a rule that depends on what is drawn.
    let sticky = by_number.clone().flatten().filter_map(|variant| variant.sticky.clone()).next_back();
    let variants = groups[group]
        .variants
        .iter()
        .zip(by_number)
        .map(|((label, _), variant)| variant.map(|variant| compile_variant(route, label, variant, pools)))
        .collect();
    Some(CompiledRoute { prefix: route.path.trim_end_matches('/').to_owned(), group, sticky, variants })
}

fn compile_variant(route: &Route, label: &str, variant: &RouteVariant, pools: &PoolRegistry) -> Routed {
    let info = Arc::new(RouteInfo {
        id: route.id.clone(),
        variant: label.to_owned(),
        caller: None,
        tally: None,
        limits: variant.limits.clone(),
    });
    match &variant.to {
        Destination::Pool(pool) => Routed::Pool { pool: pools.get_or_missing(pool), route: info },
        Destination::Fanout { fanout, pools: ids } => {
            let pools = ids.iter().map(|id| pools.get_or_missing(id)).collect();
            Routed::Fanout { plan: Arc::new(FanoutPlan::new(fanout.clone(), pools)), route: info }
        }
    }
}

fn internal_route(listener: &str, caller: &Option<String>, pool: &PoolState) -> Arc<RouteInfo> {
    Arc::new(RouteInfo {
        id: listener.to_owned(),
        variant: String::new(),
        caller: caller.clone(),
        tally: caller.as_deref().map(|caller| pool.caller(caller)),
        limits: RouteLimits::default(),
    })
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
