//! Which addresses are the public Internet. Everything else is named and refused.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not an ordinary place of the public Internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Special {
    #[error("unspecified")]
    Unspecified,
    #[error("private")]
    Private,
    #[error("shared by a carrier")]
    CarrierShared,
    #[error("loopback")]
    Loopback,
    #[error("link-local")]
    LinkLocal,
    #[error("a cloud's metadata service")]
    Metadata,
    #[error("reserved for protocols")]
    Protocol,
    #[error("for documentation")]
    Documentation,
    #[error("for benchmarks")]
    Benchmark,
    #[error("multicast")]
    Multicast,
    #[error("reserved or broadcast")]
    Reserved,
    #[error("a translation of another address")]
    Translated,
    #[error("outside the public range")]
    NotGlobal,
}

impl Special {
    /// Whether an organisation may vouch for it by the name of a host alone. Metadata
    /// services, link-local or not, take an explicit network.
    pub(super) fn may_be_vouched_by_name(self) -> bool {
        matches!(self, Self::Private | Self::CarrierShared | Self::Loopback)
    }
}

const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), prefix))
}

const fn v6(a: u16, b: u16, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(
        Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0),
        prefix,
    ))
}

const fn one_v4(a: u8, b: u8, c: u8, d: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), 32))
}

/// The special-purpose registries of IANA; the first line that fits names the reason.
const SPECIAL: &[(IpNet, Special)] = &[
    // Those that are not link-local: of Azure, Alibaba and AWS.
    (one_v4(168, 63, 129, 16), Special::Metadata),
    (one_v4(100, 100, 100, 200), Special::Metadata),
    (v6(0xfd00, 0xec2, 32), Special::Metadata),
    (v4(0, 0, 0, 8), Special::Unspecified),
    (v4(10, 0, 0, 8), Special::Private),
    (v4(100, 64, 0, 10), Special::CarrierShared),
    (v4(127, 0, 0, 8), Special::Loopback),
    (v4(169, 254, 0, 16), Special::LinkLocal),
    (v4(172, 16, 0, 12), Special::Private),
    (v4(192, 0, 0, 24), Special::Protocol),
    (v4(192, 0, 2, 24), Special::Documentation),
    (v4(192, 88, 99, 24), Special::Translated),
    (v4(192, 168, 0, 16), Special::Private),
    (v4(198, 18, 0, 15), Special::Benchmark),
    (v4(198, 51, 100, 24), Special::Documentation),
    (v4(203, 0, 113, 24), Special::Documentation),
    (v4(224, 0, 0, 4), Special::Multicast),
    (v4(240, 0, 0, 4), Special::Reserved),
    (
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128)),
        Special::Unspecified,
    ),
    (
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
        Special::Loopback,
    ),
    // `::ffff:0:0/96` and the older `::/96` carry an IPv4 address that has its own form.
    (v6(0, 0, 80), Special::Translated),
    (v6(0x64, 0xff9b, 32), Special::Translated),
    (v6(0x100, 0, 64), Special::Reserved),
    (v6(0x2001, 0, 32), Special::Translated),
    (v6(0x2001, 0, 23), Special::Protocol),
    (v6(0x2001, 0xdb8, 32), Special::Documentation),
    (v6(0x2002, 0, 16), Special::Translated),
    (v6(0x3fff, 0, 20), Special::Documentation),
    (v6(0xfc00, 0, 7), Special::Private),
    (v6(0xfe80, 0, 10), Special::LinkLocal),
    (v6(0xfec0, 0, 10), Special::Private),
    (v6(0xff00, 0, 8), Special::Multicast),
];

/// Nothing outside is assigned to anybody as an ordinary address.
const GLOBAL_UNICAST_V6: IpNet = v6(0x2000, 0, 3);
/// Networks without IPv4 reach it through these addresses, so a public one inside passes.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Passes what is a place of the public Internet.
pub fn require_global(address: IpAddr) -> Result<(), Special> {
    if let IpAddr::V6(address) = address
        && NAT64.contains(&address)
    {
        let [.., a, b, c, d] = address.octets();
        return require_global(Ipv4Addr::new(a, b, c, d).into());
    }
    if let Some((_, special)) = SPECIAL.iter().find(|(net, _)| net.contains(&address)) {
        return Err(*special);
    }
    if address.is_ipv6() && !GLOBAL_UNICAST_V6.contains(&address) {
        return Err(Special::NotGlobal);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_is_not_global_has_its_reason() {
        use Special::*;
        let table = [
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Unspecified),
            ("10.255.0.1", Private),
            ("100.64.0.1", CarrierShared),
            ("100.127.255.255", CarrierShared),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("169.254.169.254", LinkLocal),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.0.0.8", Protocol),
            ("192.0.2.1", Documentation),
            ("192.88.99.1", Translated),
            ("192.168.1.1", Private),
            ("198.19.255.255", Benchmark),
            ("198.51.100.1", Documentation),
            ("203.0.113.9", Documentation),
            ("224.0.0.251", Multicast),
            ("255.255.255.255", Reserved),
            ("240.0.0.1", Reserved),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Translated),
            ("::ffff:8.8.8.8", Translated),
            ("::10.0.0.1", Translated),
            ("64:ff9b::10.0.0.1", Private),
            ("64:ff9b::169.254.169.254", LinkLocal),
            ("64:ff9b:1::10.0.0.1", Translated),
            ("100::1", Reserved),
            ("2001::7f00:1", Translated),
            ("2001:2::1", Protocol),
            ("2001:db8::1", Documentation),
            ("2002:7f00:1::", Translated),
            ("2002:a00:1::1", Translated),
            ("3fff::1", Documentation),
            ("fc00::1", Private),
            ("fd00::1", Private),
            ("fd00:ec2::254", Metadata),
            ("168.63.129.16", Metadata),
            ("100.100.100.200", Metadata),
            ("fe80::1", LinkLocal),
            ("fec0::1", Private),
            ("ff02::1", Multicast),
            ("4000::1", NotGlobal),
            ("5f00::1", NotGlobal),
        ];
        for (address, reason) in table {
            let judged = require_global(address.parse().unwrap());
            assert_eq!(judged, Err(reason), "{address}");
        }
    }

    #[test]
    fn the_public_internet_passes() {
        for address in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "198.17.255.255",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(
                require_global(address.parse().unwrap()),
                Ok(()),
                "{address}"
            );
        }
    }
}
