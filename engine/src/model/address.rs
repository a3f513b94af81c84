//! Which places a stranger's URL may lead to.
//!
//! A mirror rule, a redirect or a metalink may name any host. Were loopback,
//! private and metadata addresses among them, a stranger could read what only
//! this machine can reach. The test is by address, after name resolution, so
//! that a name cannot lie about where it leads. Before that, names that the
//! public DNS does not have are refused, because a local resolver or a proxy
//! may know them; and so are ports on which no public mirror serves files,
//! because something else listens there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

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

/// Why a URL leads to no public place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPublic {
    /// The address is not the public internet's.
    #[error("{0} is not a public address")]
    Address(IpAddr),
    /// The name is not one of the public DNS.
    #[error("{0} is not a name of the public DNS")]
    Name(String),
    /// Web servers do not use the port.
    #[error("port {0} is none of {ports}", ports = ports())]
    Port(u16),
    /// There is no host.
    #[error("it names no host")]
    NoHost,
}

/// The ports of public web servers: HTTP and HTTPS, and the alternatives that
/// IANA has registered for them (http-alt twice, and the HTTPS counterpart).
pub const PUBLIC_PORTS: [u16; 5] = [80, 443, 8008, 8080, 8443];

fn ports() -> String {
    PUBLIC_PORTS.map(|port| port.to_string()).join(", ")
}

/// Checks that a URL names a public place, as far as it shows before its name
/// is resolved: an address or a name of the public internet, and a port of web
/// servers.
///
/// ```
/// use turbo_engine::model::check_public;
/// assert!(check_public(&"https://mirror.example.org:8443/f".parse().unwrap()).is_ok());
/// assert!(check_public(&"https://mirror.example.org:22/f".parse().unwrap()).is_err());
/// assert!(check_public(&"https://expyuzz4wqqyqhjn.onion/f".parse().unwrap()).is_err());
/// ```
pub fn check_public(url: &Url) -> Result<(), NotPublic> {
    match url.host().ok_or(NotPublic::NoHost)? {
        Host::Ipv4(ip) if !is_public(ip.into()) => return Err(NotPublic::Address(ip.into())),
        Host::Ipv6(ip) if !is_public(ip.into()) => return Err(NotPublic::Address(ip.into())),
        Host::Domain(name) if !is_public_name(name) => return Err(NotPublic::Name(name.to_owned())),
        Host::Ipv4(_) | Host::Ipv6(_) | Host::Domain(_) => {}
    }
    match url.port() {
        Some(port) if !PUBLIC_PORTS.contains(&port) => Err(NotPublic::Port(port)),
        _ => Ok(()),
    }
}

/// Last labels that the public DNS will never have, or that lead elsewhere.
///
/// * Special-use names: `localhost`, `invalid`, `test` (RFC 6761), `local` (RFC
///   6762), `onion` (RFC 7686), `alt` (RFC 9476), everything below `arpa`
///   (`home.arpa`, RFC 8375; the rest is the infrastructure of addresses).
/// * `internal`, which ICANN has set aside and where clouds keep their metadata
///   services; `corp`, `home` and `mail`, which it will not delegate.
/// * What networks use for themselves all the same: RFC 6762, appendix G
///   (`intranet`, `private`, `lan`), `svc` of clusters, `consul`, and others.
///
/// `example` is not among them: RFC 6761, section 6.5, has software treat such
/// names as any others, and none of them has an address.
const LOCAL_LABELS: [&str; 23] = [
    "alt",
    "arpa",
    "cluster",
    "consul",
    "corp",
    "docker",
    "domain",
    "exit",
    "home",
    "i2p",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "localnet",
    "mail",
    "onion",
    "private",
    "svc",
    "test",
];

/// Whether a host name, in lower case, can be one of the public DNS: it has more
/// than one label, and the last one is not local (`LOCAL_LABELS`).
pub fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let (rest, last) = name.rsplit_once('.').unwrap_or(("", name));
    !(rest.is_empty() || last.is_empty() || LOCAL_LABELS.contains(&last))
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

    fn checked(text: &str) -> Result<(), NotPublic> {
        check_public(&text.parse().expect("a URL"))
    }

    #[test]
    fn public_places_pass() {
        for text in [
            "https://a.example/f",
            "https://mirror.example.org/f",
            "https://localhost.example.org/f",
            "http://internal.example.org:8080/f",
            "https://onion.example.org:8443/f",
            "http://mirror.example.org:8008/f",
            "http://mirror.example.org:443/f",
            "https://mirror.example.org:80/f",
            "https://mirror.example.org./f",
            "https://1.1.1.1/f",
            "https://[2606:4700::1111]:8443/f",
        ] {
            assert_eq!(checked(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn names_outside_of_the_public_dns_do_not() {
        for name in [
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "a.b.localhost.",
            "intranet",
            "localhost.localdomain",
            "printer.local",
            "router.home.arpa",
            "1.0.0.127.in-addr.arpa",
            "expyuzz4wqqyqhjn.onion",
            "metadata.google.internal",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "vault.service.consul",
            "host.docker.internal",
            "files.corp",
            "nas.lan",
            "nas.home",
            "a.private",
            "a.test",
            "a.invalid",
            "a.alt",
            "a.i2p",
            "a..",
            "\u{ff4f}nion",
            "x.\u{ff4f}nion",
        ] {
            let shown = checked(&format!("https://{name}/f"));
            assert!(matches!(shown, Err(NotPublic::Name(_))), "{name}: {shown:?}");
        }
    }

    #[test]
    fn ports_of_other_services_do_not() {
        for port in [1, 21, 22, 25, 53, 81, 444, 2375, 3306, 5432, 6379, 8081, 9200, 10250, 11211, 65535] {
            assert_eq!(checked(&format!("https://mirror.example.org:{port}/f")), Err(NotPublic::Port(port)));
            assert_eq!(checked(&format!("http://1.1.1.1:{port}/f")), Err(NotPublic::Port(port)));
        }
        assert_eq!(NotPublic::Port(22).to_string(), "port 22 is none of 80, 443, 8008, 8080, 8443");
    }

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
