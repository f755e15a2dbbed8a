//! The private loopback of one instance: what stands in its network, at which addresses, and where it leads. A pure
//! function of the pool, so that a node that comes back knows what the shims of the one before it hold.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec, Sandbox};
use seaworthy_model::service::{Egress, Port};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where callees answer beside their own number, so that a URL needs none.
pub(crate) const CALL_PORT: u16 = 80;
/// Where the proxy for destinations with a star listens.
const PROXY: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 3, 0, 1), 3128);
/// Where the shim answers for names, and by which number (RFC 1035 section 4.2.1).
const RESOLVER: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 3, 0, 53), 53);
/// The first number that is tried for a program that is told where to listen; many programs take it for granted.
const GIVEN_PORT_FIRST: u16 = 8080;
/// Where listeners stand whose number the program itself has: above what the system takes for outgoing connections.
const ASIDE_PORT_FIRST: u16 = 61_000;
/// The most listeners of one instance.
const LISTENERS_MAX: usize = 1024;

/// Everything that stands in the network of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loopback {
    /// What listens there on behalf of others.
    pub listeners: Vec<InsideListener>,
    /// Names that resolve inside.
    pub hosts: Vec<(IpAddr, String)>,
    /// Addresses that `lo` has beside its own.
    pub addresses: Vec<IpAddr>,
    /// Where the proxy is, if there is one.
    pub proxy: Option<SocketAddr>,
    /// Where somebody answers for names; nobody does beside a program that listens on that number itself.
    pub resolver: Option<IpAddr>,
}

/// A listening socket inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsideListener {
    /// Its name among those of the instance: `call/SERVICE/PORT`, `call/SERVICE/here`,
    /// `egress/HOST:PORT` or `proxy`.
    pub name: String,
    /// Where the program connects to.
    pub address: SocketAddr,
    /// Where the socket is bound: elsewhere if the program itself listens on that number of every address.
    pub stands_at: SocketAddr,
    /// Where connections go.
    pub leads_to: LeadsTo,
}

/// Where connections to a listener inside go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeadsTo {
    /// To the pool of a callee.
    Call(PoolId),
    /// To a declared destination outside.
    Egress(Egress),
    /// To any of the declared destinations, as `CONNECT` says.
    Proxy(Vec<Egress>),
}

impl Loopback {
    /// What stands in the network of an instance that listens on `port`.
    #[must_use]
    pub fn plan(spec: &PoolSpec, sandbox: &Sandbox, port: Option<u16>) -> Self {
        // glibc takes a machine with nothing but 127.0.0.1 for one without IPv4 (AI_ADDRCONFIG, RFC 3493 section 6.1).
        let extra = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        let resolver = (port != Some(RESOLVER.1)).then_some(RESOLVER.0.into());
        let mut plan = Self { listeners: Vec::new(), hosts: Vec::new(), addresses: vec![extra], proxy: None, resolver };
        for (number, (service, pool)) in (1..).zip(&spec.calls) {
            let address = IpAddr::V4(numbered(1, number));
            plan.hosts.push((address, service.to_string()));
            let fixed = sandbox.callee_ports.get(service).copied();
            let ports: BTreeSet<u16> = fixed.into_iter().chain([CALL_PORT]).collect();
            for port in ports {
                plan.listen(format!("call/{service}/{port}"), (address, port).into(), LeadsTo::Call(pool.clone()));
            }
            // A program with `127.0.0.1` and the callee's number written into it is right, too.
            if let Some(number) = fixed.filter(|number| Some(*number) != port) {
                let here = (Ipv4Addr::LOCALHOST, number).into();
                plan.listen(format!("call/{service}/here"), here, LeadsTo::Call(pool.clone()));
            }
        }
        plan.egress(&sandbox.egress);
        plan.step_aside(port);
        plan
    }

    fn egress(&mut self, egress: &[Egress]) {
        let mut by_host = BTreeMap::new();
        for egress in egress.iter().filter(|egress| !egress.to.starts_with("*.")) {
            let Some((host, Ok(port))) = egress.to.rsplit_once(':').map(|(host, port)| (host, port.parse())) else {
                continue;
            };
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let number = 1 + u16::try_from(by_host.len()).unwrap_or(u16::MAX);
            let address = *by_host.entry(bare.to_owned()).or_insert_with(|| self.address_of(bare, number));
            self.listen(format!("egress/{}", egress.to), (address, port).into(), LeadsTo::Egress(egress.clone()));
        }
        if egress.iter().any(|egress| egress.to.starts_with("*.")) {
            let address = PROXY.into();
            self.proxy = Some(address);
            self.listen("proxy".to_owned(), address, LeadsTo::Proxy(egress.to_vec()));
        }
    }

    /// The address inside of a host outside: its own if it is one, else one that stands for its name.
    fn address_of(&mut self, host: &str, number: u16) -> IpAddr {
        match host.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => address,
            Ok(address) => {
                self.addresses.push(address);
                address
            }
            Err(_) if host == "localhost" => Ipv4Addr::LOCALHOST.into(),
            Err(_) => {
                let address = IpAddr::V4(numbered(2, number));
                self.hosts.push((address, host.to_owned()));
                address
            }
        }
    }

    fn listen(&mut self, name: String, address: SocketAddr, leads_to: LeadsTo) {
        let known = self.listeners.iter().any(|listener| listener.address == address);
        if !known && self.listeners.len() < LISTENERS_MAX {
            self.listeners.push(InsideListener { name, address, stands_at: address, leads_to });
        }
    }

    /// A listener on any address keeps a program from listening on the same number of all of them.
    fn step_aside(&mut self, port: Option<u16>) {
        let same = self.listeners.iter_mut().filter(|listener| Some(listener.address.port()) == port);
        for (number, listener) in (0..).zip(same) {
            listener.stands_at.set_port(ASIDE_PORT_FIRST + number);
        }
    }

    /// From where to where the kernel of the instance's network must send connections.
    pub fn redirects(&self) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
        let aside = self.listeners.iter().filter(|listener| listener.address != listener.stands_at);
        aside.map(|listener| (listener.address, listener.stands_at))
    }

    /// Names and addresses that need no proxy.
    pub(crate) fn without_proxy(&self) -> String {
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into_iter();
        own.chain(self.hosts.iter().map(|(_, name)| name.clone())).collect::<Vec<_>>().join(",")
    }
}

/// The number that an instance in a network of its own is told to listen on: none that something else has there.
#[must_use]
pub(crate) fn given_port(sandbox: &Sandbox) -> u16 {
    let port_of = |egress: &Egress| egress.to.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let mut taken: BTreeSet<u16> = sandbox.callee_ports.values().copied().collect();
    taken.extend(sandbox.egress.iter().filter_map(port_of));
    taken.extend([CALL_PORT, PROXY.1]);
    (GIVEN_PORT_FIRST..ASIDE_PORT_FIRST).find(|port| !taken.contains(port)).unwrap_or(GIVEN_PORT_FIRST)
}

/// Whether the instances of a pool can have the network that they declare. `redirects` finds out whether the machine
/// can send connections elsewhere, or why not; it is asked only where that is needed.
///
/// # Errors
/// The pair that cannot be, and what to do about it.
pub fn check(spec: &PoolSpec, redirects: impl FnOnce() -> Result<(), String>) -> Result<(), Diagnostic> {
    let (Some(sandbox), Port::Fixed(port)) = (&spec.sandbox, spec.port) else { return Ok(()) };
    let plan = Loopback::plan(spec, sandbox, Some(port));
    let Some((from, _)) = plan.redirects().next() else { return Ok(()) };
    let listener = plan.listeners.iter().find(|listener| listener.address == from);
    let what = listener.map_or("", |listener| listener.name.as_str());
    if from.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) || from.is_ipv6() {
        let message = format!("`{}` listens on port {port} itself, which its `{what}` needs", spec.service);
        return Err(Diagnostic::user(message).help("name the destination by its host name, or take another port"));
    }
    let Err(why) = redirects() else { return Ok(()) };
    let service = &spec.service;
    let message = format!("`{service}` listens on port {port} itself, and so does `{what}`, which it declares: {why}");
    Err(Diagnostic::machine(message).help(
        "`seaworthy doctor` says what `nftables` lacks here; or let one of the two listen on the number in `PORT`",
    ))
}

/// `127.KIND.x.y`, the number-th of its kind.
fn numbered(kind: u8, number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, kind, high, low)
}

/// The port that a callee's URL means: unmodified HTTP clients like best a URL without one.
pub(crate) fn call_port(sandbox: &Sandbox, service: &Name, is_tcp: bool) -> u16 {
    sandbox.callee_ports.get(service).copied().filter(|_| is_tcp).unwrap_or(CALL_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pool_spec;
    use proptest::prelude::*;

    fn caller(port: Port, callees: &[(&str, Option<u16>)], egress: &[&str]) -> PoolSpec {
        let name = |text: &str| Name::new(text).unwrap();
        let mut spec = pool_spec("web", &["./run"]);
        spec.port = port;
        let pool = |service: &str| (name(service), PoolId(format!("app-test-{service}-1")));
        spec.calls = callees.iter().map(|(service, _)| pool(service)).collect();
        let callee_ports = callees.iter().filter_map(|(service, port)| Some((name(service), (*port)?))).collect();
        let egress = egress.iter().map(|to| Egress { to: (*to).to_owned(), private: false, node: false }).collect();
        spec.sandbox = Some(Sandbox { callee_ports, egress, ..Sandbox::default() });
        spec
    }

    fn plan(spec: &PoolSpec, port: Option<u16>) -> Loopback {
        Loopback::plan(spec, spec.sandbox.as_ref().unwrap(), port)
    }

    #[test]
    fn each_callee_and_each_host_has_an_address_of_its_own() {
        let egress = ["db.example.com:5432", "db.example.com:80", "*.example.org:443", "10.1.2.3:25", "localhost:6379"];
        let spec = caller(Port::Given, &[("pay", Some(8082)), ("users", None)], &egress);
        let plan = plan(&spec, Some(8080));
        let lines = plan.listeners.iter().map(|l| format!("{} {}", l.address, l.name)).collect::<Vec<_>>();
        insta::assert_snapshot!(lines.join("\n"), @r"
        127.1.0.1:80 call/pay/80
        127.1.0.1:8082 call/pay/8082
        127.0.0.1:8082 call/pay/here
        127.1.0.2:80 call/users/80
        127.2.0.1:5432 egress/db.example.com:5432
        127.2.0.1:80 egress/db.example.com:80
        10.1.2.3:25 egress/10.1.2.3:25
        127.0.0.1:6379 egress/localhost:6379
        127.3.0.1:3128 proxy
        ");
        let hosts = plan.hosts.iter().map(|(address, name)| format!("{address} {name}")).collect::<Vec<_>>();
        assert_eq!(hosts, ["127.1.0.1 pay", "127.1.0.2 users", "127.2.0.1 db.example.com"]);
        assert_eq!(plan.addresses, ["127.0.0.2", "10.1.2.3"].map(|address| address.parse::<IpAddr>().unwrap()));
        assert_eq!(plan.redirects().count(), 0);
    }

    #[test]
    fn a_program_that_answers_for_names_itself_has_nobody_beside_it() {
        let spec = caller(Port::Fixed(53), &[], &[]);
        assert_eq!(plan(&spec, Some(53)).resolver, None);
        assert_eq!(plan(&spec, Some(8080)).resolver, Some(RESOLVER.0.into()));
    }

    #[test]
    fn a_listener_steps_aside_for_the_number_of_the_program() {
        let spec = caller(Port::Fixed(8082), &[("pay", Some(8082)), ("stock", Some(8082))], &[]);
        let plan = plan(&spec, Some(8082));
        let redirects: Vec<String> = plan.redirects().map(|(from, to)| format!("{from} {to}")).collect();
        assert_eq!(redirects, ["127.1.0.1:8082 127.1.0.1:61000", "127.1.0.2:8082 127.1.0.2:61001"]);
        let (can, cannot) = (|| Ok(()), || Err("`nft` refuses".to_owned()));
        assert!(check(&spec, can).is_ok());
        let refused = check(&spec, cannot).unwrap_err();
        assert_eq!(
            refused.message,
            "`web` listens on port 8082 itself, and so does `call/pay/8082`, which it declares: `nft` refuses"
        );
        let own = caller(Port::Fixed(5432), &[], &["localhost:5432"]);
        assert!(check(&own, can).is_err(), "nothing could stand between a program and its own loopback");
        assert!(check(&caller(Port::Given, &[("pay", Some(8080))], &[]), cannot).is_ok());
    }

    proptest! {
        #[test]
        fn no_two_stand_at_one_place_and_none_where_the_program_listens(
            ports in proptest::collection::vec(proptest::option::of(1_u16..), 0..20),
            destinations in proptest::collection::vec("(\\*\\.)?[a-c]{1,2}\\.example:(80|8080|8081|443)", 0..20),
            fixed in proptest::option::of(1_u16..),
        ) {
            let names: Vec<String> = (0..ports.len()).map(|number| format!("s{number}")).collect();
            let callees: Vec<(&str, Option<u16>)> = names.iter().map(String::as_str).zip(ports).collect();
            let destinations: Vec<&str> = destinations.iter().map(String::as_str).collect();
            let spec = caller(fixed.map_or(Port::Given, Port::Fixed), &callees, &destinations);
            let own = fixed.unwrap_or_else(|| given_port(spec.sandbox.as_ref().unwrap()));
            let plan = plan(&spec, Some(own));
            let places: BTreeSet<SocketAddr> = plan.listeners.iter().map(|listener| listener.stands_at).collect();
            prop_assert_eq!(places.len(), plan.listeners.len());
            if own < ASIDE_PORT_FIRST {
                prop_assert!(places.iter().all(|place| place.port() != own));
            }
            if fixed.is_none() {
                prop_assert_eq!(plan.redirects().count(), 0);
            }
            let named: BTreeSet<IpAddr> = plan.hosts.iter().map(|(address, _)| *address).collect();
            prop_assert_eq!(named.len(), plan.hosts.len());
        }
    }
}
