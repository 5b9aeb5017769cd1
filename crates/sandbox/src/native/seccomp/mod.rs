//! The system calls that are open inside, by profile, as one filter.
//!
//! What is not listed fails with EPERM; what this table has never heard of, and what hides
//! its arguments behind pointers, fails with ENOSYS, so that libraries fall back. Calls of
//! another architecture kill the process.

mod compile;
mod table;

#[cfg(test)]
mod tests;

use crate::spec::Profile;
use compile::{Clause, Rule, Step, Test, Verdict, compile, to_bytes};
use std::collections::BTreeMap;
use std::sync::OnceLock;

const DENY: Verdict = Verdict::Fail(libc::EPERM as u16);
const ABSENT: Verdict = Verdict::Fail(libc::ENOSYS as u16);

/// The filter of a profile, ready for the kernel. Each is compiled once per process.
pub fn filter(profile: Profile) -> &'static [u8] {
    static FILTERS: [OnceLock<Vec<u8>>; 3] = [const { OnceLock::new() }; 3];
    FILTERS[profile as usize].get_or_init(|| to_bytes(&program(profile)))
}

fn program(profile: Profile) -> Vec<Step> {
    compile(&rules(profile), DENY, ABSENT)
}

fn rules(profile: Profile) -> Vec<(u32, Rule)> {
    let mut rules = BTreeMap::new();
    let mut set = |calls: &[libc::c_long], rule: Rule| {
        for call in calls {
            rules.insert(*call as u32, rule.clone());
        }
    };
    set(table::ALLOWED, Rule::always(Verdict::Allow));
    set(table::ABSENT, Rule::always(ABSENT));
    // Marks the last call that this table knows of, so that newer ones are "absent".
    set(&[table::LAST_KNOWN], Rule::always(DENY));
    for (calls, rule) in checked(profile) {
        set(&calls, rule);
    }
    match profile {
        Profile::Default => {}
        Profile::Browser => set(table::BROWSER, Rule::always(Verdict::Allow)),
        Profile::Debug => set(table::DEBUG, Rule::always(Verdict::Allow)),
    }
    rules.into_iter().collect()
}

fn deny_if(tests: &[(u8, Test)]) -> Clause {
    Clause {
        tests: tests.to_vec(),
        verdict: DENY,
    }
}

fn allow_if(tests: &[(u8, Test)]) -> Clause {
    Clause {
        tests: tests.to_vec(),
        verdict: Verdict::Allow,
    }
}

fn allow_unless(clauses: Vec<Clause>) -> Rule {
    Rule {
        clauses,
        otherwise: Verdict::Allow,
    }
}

fn deny_unless(clauses: Vec<Clause>) -> Rule {
    Rule {
        clauses,
        otherwise: DENY,
    }
}

/// Set-user-id and set-group-id. On the host's disk such a file would belong to the
/// folder's owner, so it must not come to be.
const SET_ID: Test = Test::AnyBit(0o6000);
const NEW_NAMESPACE: u32 = 0x7E02_0000 | 0x80;

/// The calls whose arguments decide.
fn checked(profile: Profile) -> Vec<(Vec<libc::c_long>, Rule)> {
    let mut rules = table::checked_modes();
    rules.extend(limits_and_personality());
    rules.extend(sockets());
    rules.push((
        vec![libc::SYS_ioctl],
        // Typing into a terminal, and line disciplines with their own drivers.
        allow_unless(
            [
                libc::TIOCSTI as u32,
                libc::TIOCLINUX as u32,
                table::TIOCSETD,
            ]
            .map(|request| deny_if(&[(1, Test::Equals(request))]))
            .into(),
        ),
    ));
    let namespaces = match profile {
        Profile::Browser => 0,
        Profile::Default | Profile::Debug => NEW_NAMESPACE,
    };
    // The low byte of clone's flags is the exit signal, so the time namespace is not asked there.
    for (call, mask) in [
        (libc::SYS_clone, namespaces & !0xff),
        (libc::SYS_unshare, namespaces),
    ] {
        rules.push((
            vec![call],
            allow_unless(vec![deny_if(&[(0, Test::AnyBit(mask))])]),
        ));
    }
    rules
}

fn limits_and_personality() -> Vec<(Vec<libc::c_long>, Rule)> {
    let core = Test::Equals(libc::RLIMIT_CORE);
    vec![
        // The core limit of one byte keeps the host's crash handler away: it stays.
        (
            vec![libc::SYS_prlimit64],
            allow_unless(vec![
                deny_if(&[(1, core), (2, Test::AnyBit(u32::MAX))]),
                deny_if(&[(1, core), (2, Test::AnyHighBit(u32::MAX))]),
            ]),
        ),
        #[cfg(target_arch = "x86_64")]
        (
            vec![libc::SYS_setrlimit],
            allow_unless(vec![deny_if(&[(0, core)])]),
        ),
        (
            vec![libc::SYS_personality],
            // Ordinary, "tell me", and without address randomisation (sanitizers).
            deny_unless(
                [0, u32::MAX, 0x0004_0000]
                    .map(|kind| allow_if(&[(0, Test::Equals(kind))]))
                    .into(),
            ),
        ),
    ]
}

/// Local and internet sockets, and asking the kernel about interfaces; nothing else. In
/// particular no VSOCK, which no network namespace confines.
fn sockets() -> Vec<(Vec<libc::c_long>, Rule)> {
    const DCCP: u32 = 6;
    const RAW_PACKETS: u32 = 10;
    let family = |family: i32| (0, Test::Equals(family as u32));
    let mut clauses = vec![
        deny_if(&[(
            1,
            Test::Bits {
                mask: 0xf,
                value: DCCP,
            },
        )]),
        deny_if(&[(
            1,
            Test::Bits {
                mask: 0xf,
                value: RAW_PACKETS,
            },
        )]),
        allow_if(&[family(libc::AF_UNIX)]),
        allow_if(&[
            family(libc::AF_NETLINK),
            (2, Test::Equals(libc::NETLINK_ROUTE as u32)),
        ]),
    ];
    for protocol in [
        0,
        libc::IPPROTO_TCP,
        libc::IPPROTO_UDP,
        libc::IPPROTO_ICMP,
        libc::IPPROTO_ICMPV6,
    ] {
        for internet in [libc::AF_INET, libc::AF_INET6] {
            clauses.push(allow_if(&[
                family(internet),
                (2, Test::Equals(protocol as u32)),
            ]));
        }
    }
    vec![
        (vec![libc::SYS_socket], deny_unless(clauses)),
        (
            vec![libc::SYS_socketpair],
            deny_unless(vec![allow_if(&[family(libc::AF_UNIX)])]),
        ),
    ]
}
