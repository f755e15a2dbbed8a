//! Which addresses a connection outwards may go to.

use seaworthy_model::service::Egress;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// Anywhere on the internet.
    Public,
    /// A network that is not the internet's (RFC 1918, RFC 6598, RFC 4193 and the like).
    Private,
    /// This machine.
    Node,
    /// Nothing that a program is ever let to: link-local addresses and with them the metadata services of clouds,
    /// addresses that mean "any", groups, and forms that hide another address.
    Forbidden,
}

/// Metadata services of clouds that are not at a link-local address (Amazon over IPv6, Alibaba, Azure).
const METADATA: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

impl AddressKind {
    /// What an address is on a machine that has the addresses `own`.
    #[must_use]
    pub fn of(address: IpAddr, own: &[IpAddr]) -> Self {
        let address = address.to_canonical();
        if METADATA.contains(&address) {
            return Self::Forbidden;
        }
        let kind = match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address, own),
        };
        let is_own = own.iter().any(|own| own.to_canonical() == address);
        if is_own && kind != Self::Forbidden { Self::Node } else { kind }
    }

    /// Whether a declared destination may turn out to be such an address.
    #[must_use]
    pub fn is_allowed_by(self, egress: &Egress) -> bool {
        match self {
            Self::Public => true,
            Self::Private => egress.private,
            Self::Node => egress.node,
            Self::Forbidden => false,
        }
    }
}

/// By the IANA registry of special-purpose IPv4 addresses (RFC 6890).
fn of_v4(address: Ipv4Addr) -> AddressKind {
    let octets = address.octets();
    match octets {
        [127, ..] => AddressKind::Node,
        [10, ..] | [192, 168, ..] | [198, 18..=19, ..] => AddressKind::Private,
        [172, second, ..] if second & 0xf0 == 16 => AddressKind::Private,
        [100, second, ..] if second & 0xc0 == 64 => AddressKind::Private,
        // Meant for documentation; some give them to machines all the same.
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => AddressKind::Private,
        // "This network", link-local, protocol assignments, 6to4 relays, groups, reserved, broadcast.
        [0, ..] | [169, 254, ..] | [192, 0, 0, _] | [192, 88, 99, _] => AddressKind::Forbidden,
        [first, ..] if first >= 224 => AddressKind::Forbidden,
        _ => AddressKind::Public,
    }
}

/// By the IANA registry of special-purpose IPv6 addresses (RFC 6890). What stands for an IPv4 address is what that is.
fn of_v6(address: Ipv6Addr, own: &[IpAddr]) -> AddressKind {
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Node,
        // "Any", and the form of IPv4 addresses that nobody uses any more (RFC 4291 section 2.5.5.1).
        [0, 0, 0, 0, 0, 0, ..] => AddressKind::Forbidden,
        // NAT64 (RFC 6052): the network turns it into the IPv4 address at its end.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            match AddressKind::of(IpAddr::from([a, b, c, d]), own) {
                AddressKind::Public => AddressKind::Public,
                _ => AddressKind::Forbidden,
            }
        }
        // Unique local (RFC 4193).
        [first, ..] if first & 0xfe00 == 0xfc00 => AddressKind::Private,
        [0x2001, 0xdb8, ..] => AddressKind::Private,
        // Global unicast is 2000::/3; in it Teredo, ORCHID, documentation and 6to4 are not.
        [0x2001, second, ..] if second < 0x200 => AddressKind::Forbidden,
        [0x2002, ..] | [0x3fff, ..] => AddressKind::Forbidden,
        [first, ..] if first & 0xe000 == 0x2000 => AddressKind::Public,
        // Link-local, site-local, groups, other translations, and all that is not assigned.
        _ => AddressKind::Forbidden,
    }
}

/// The addresses of this machine's interfaces, as they are now.
#[must_use]
pub fn own_addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let addresses = interfaces.filter_map(|interface| interface.address);
    let ip = |address: nix::sys::socket::SockaddrStorage| {
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    addresses.filter_map(ip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::new(93, 184, 1, 1)), IpAddr::V6(Ipv6Addr::new(0x2a00, 0, 0, 0, 0, 0, 0, 7))];

    fn kind(text: &str) -> AddressKind {
        AddressKind::of(text.parse().unwrap(), &OWN)
    }

    #[test]
    fn each_address_is_what_it_is_however_it_is_written() {
        for public in ["1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2a00::8", "64:ff9b::1.1.1.1"] {
            assert_eq!(kind(public), AddressKind::Public, "{public}");
        }
        for private in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "192.0.2.1",
            "2001:db8::1",
        ] {
            assert_eq!(kind(private), AddressKind::Private, "{private}");
        }
        for node in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "93.184.1.1", "::ffff:93.184.1.1", "2a00::7"]
        {
            assert_eq!(kind(node), AddressKind::Node, "{node}");
        }
        let forbidden = [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2001::1",
            "ff02::1",
            "fec0::1",
            "64:ff9b::93.184.1.1",
        ];
        for forbidden in forbidden {
            assert_eq!(kind(forbidden), AddressKind::Forbidden, "{forbidden}");
        }
    }

    #[test]
    fn the_machine_knows_its_own_addresses() {
        assert!(own_addresses().contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_no_better_in_the_clothes_of_ipv6(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let plain = AddressKind::of(IpAddr::V4(v4), &OWN);
            prop_assert_eq!(AddressKind::of(IpAddr::V6(v4.to_ipv6_mapped()), &OWN), plain);
            let [a, b, c, d] = v4.octets().map(u16::from);
            let translated = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a << 8 | b, c << 8 | d);
            let translated = AddressKind::of(IpAddr::V6(translated), &OWN);
            prop_assert_eq!(translated == AddressKind::Public, plain == AddressKind::Public);
        }
    }
}
