//! Which addresses a stranger's URL may lead to.
//!
//! A mirror rule, a redirect or a metalink may name any host. Were loopback,
//! private and metadata addresses among them, a stranger could read what only
//! this machine can reach. The test is by address, after name resolution, so
//! that a name cannot lie about where it leads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether what components, redirects and Metalinks name may be at an address
/// that is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrivateMirrors {
    /// Never.
    #[default]
    Refuse,
    /// `--allow-private-mirrors`.
    Allow,
}

/// IPv4 networks that are not the public internet's, as address and prefix
/// length: the IANA IPv4 Special-Purpose Address Registry, multicast (RFC
/// 5771) and the one metadata service that sits on a public address.
///
/// The few globally reachable corners of `192.0.0.0/24` are anycast relays
/// that serve no files, so the whole block stays refused.
const SPECIAL_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Azure's wire server: a public address that every virtual machine there
    // finds its own metadata behind.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Networks inside `2000::/3` that are not the public internet's: the IANA
/// IPv6 Special-Purpose Address Registry. `2001::/23` holds Teredo, whose
/// embedded address is obfuscated, beside protocols that serve no files.
const SPECIAL_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address belongs to the public internet: not to this machine, a
/// private or local network, a cloud's metadata service, multicast, or a
/// range reserved by the IANA special-purpose registries.
///
/// An IPv6 address that carries an IPv4 address (mapped, 6to4, NAT64) is as
/// public as that address is.
///
/// ```
/// use turbo_engine::model::is_public;
/// assert!(is_public([140, 82, 112, 3].into()));
/// assert!(!is_public([169, 254, 169, 254].into()));
/// ```
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => embedded_v4(v6).map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|&(network, bits)| (ip.to_bits() ^ network.to_bits()).leading_zeros() >= bits)
}

/// Only `2000::/3` is handed out as global unicast, so the rest, known and
/// future, is refused without naming it.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    ip.segments()[0] >> 13 == 1
        && !SPECIAL_V6.iter().any(|&(network, bits)| (ip.to_bits() ^ network.to_bits()).leading_zeros() >= bits)
}

/// The IPv4 address that a packet to this IPv6 address ends up at.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match ip.segments() {
        // Mapped (RFC 4291 section 2.5.5.2), NAT64's well-known prefix (RFC
        // 6052) and 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            join(high, low)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().expect("an address"))
    }

    #[test]
    fn the_internet_is_public() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "168.63.129.17",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:200::1",
            "2a00:1450:4001::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert!(public(text), "{text}");
        }
    }

    #[test]
    fn special_purpose_ipv4_is_not() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.255.255.255",
            "100.64.0.0",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    #[test]
    fn special_purpose_ipv6_is_not() {
        for text in [
            "::",
            "::1",
            "::7f00:1",
            "100::1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "::ffff:0:a00:1",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    #[test]
    fn an_embedded_address_hides_nothing() {
        for text in [
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:c0a8:1::1",
            "2002:a9fe:a9fe::",
        ] {
            assert!(!public(text), "{text}");
        }
    }
}
