//! Which host an address leads to, and whether it may be read from without asking.

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// On the list of hosts that may be read from.
    Allowed,
    /// This machine.
    Loopback,
    /// An address that hands out credentials to whoever asks from inside.
    Metadata,
    /// Any other host.
    Other,
    /// Only known when the command runs.
    Unknown,
}

/// The host of an address such as `https://user@docs.example.com:8443/a?b`.
pub fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if let Some(inside) = host.strip_prefix('[') {
        return inside.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default()
}

/// What kind of host this is.
pub fn kind_of(host: &str, allowed_domains: &[String]) -> Host {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty()
        || host.contains(super::words::UNKNOWN)
        || host.contains(['*', '{', '[', '$'])
    {
        return Host::Unknown;
    }
    if is_metadata(&host) {
        return Host::Metadata;
    }
    if allowed_domains.iter().any(|allowed| covers(allowed, &host)) {
        return Host::Allowed;
    }
    if host == "localhost" || host.ends_with(".localhost") || host == "::1" || is_loopback_v4(&host)
    {
        return Host::Loopback;
    }
    Host::Other
}

/// What is special about an address that a tool is to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// It is no address of the web.
    NotWeb,
    /// It carries a name or a password.
    Credentials,
    /// It leads to this machine or into a private network.
    Private,
}

/// Reads an address as whoever connects would: `127.1`, `0x7f000001` and `[::ffff:10.0.0.1]` are
/// what they are. None: an ordinary address.
pub fn special(address: &str, allowed_domains: &[String]) -> Option<Special> {
    let Ok(url) = url::Url::parse(address.trim()) else {
        return Some(Special::NotWeb);
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Some(Special::NotWeb);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some(Special::Credentials);
    }
    let is_allowed = |host: &str| allowed_domains.iter().any(|allowed| covers(allowed, host));
    let is_private = match url.host()? {
        url::Host::Domain(name) => is_private_name(name.trim_end_matches('.')),
        url::Host::Ipv4(address) => is_private_v4(address),
        url::Host::Ipv6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_private_v4(mapped),
            None => is_private_v6(address),
        },
    };
    (is_private && !url.host_str().is_some_and(is_allowed)).then_some(Special::Private)
}

fn is_private_name(name: &str) -> bool {
    const ENDS: &[&str] = &[
        ".localhost",
        ".local",
        ".internal",
        ".lan",
        ".home.arpa",
        ".intranet",
    ];
    !name.contains('.') || ENDS.iter().any(|end| name.ends_with(end))
}

fn is_private_v4(address: std::net::Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_named = address.is_private() || address.is_loopback() || address.is_link_local();
    is_named || is_shared || first == 0 || first >= 224
}

fn is_private_v6(address: std::net::Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    let is_local = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
    let embeds_v4 = first == 0x2002 || first == 0x64 || first == 0;
    is_local || embeds_v4 || address.is_multicast()
}

/// `example.com` covers itself, `*.example.com` everything below it.
fn covers(allowed: &str, host: &str) -> bool {
    match allowed.strip_prefix("*.") {
        Some(parent) => host
            .strip_suffix(parent)
            .is_some_and(|below| below.ends_with('.')),
        None => allowed.eq_ignore_ascii_case(host),
    }
}

fn is_loopback_v4(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>()
        .is_ok_and(|address| address.is_loopback())
}

fn is_metadata(host: &str) -> bool {
    matches!(
        host,
        "169.254.169.254"
            | "169.254.170.2"
            | "fd00:ec2::254"
            | "100.100.100.200"
            | "metadata.google.internal"
            | "metadata"
            | "2852039166"
            | "0xa9fea9fe"
            | "168.63.129.16"
            | "::ffff:169.254.169.254"
            | "instance-data"
    ) || host.starts_with("169.254.")
        || host.contains("169.254.169.254")
}
