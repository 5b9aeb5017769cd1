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
