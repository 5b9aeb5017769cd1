//! Credentials: the sandbox knows a placeholder, and the proxy puts the secret in its place
//! on the way to an approved host, in one approved header, once or for a while.
//!
//! A secret is never printed: not in a decision, not in a refusal, not by Debug.

use super::forward::Job;
use super::git;
use super::host::Remote;
use super::placeholder;
use super::refusal::Refusal;
use super::scan::Needle;
use http::header::{HOST, HeaderName, HeaderValue};
use http::request;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use zeroize::Zeroizing;

/// Shorter ones could appear by accident.
const PLACEHOLDER_BYTES_MIN: usize = 20;
const PLACEHOLDER_BYTES_MAX: usize = 200;
/// Shorter values are not looked for in answers: they appear by accident.
const TRACE_BYTES_MIN: usize = 8;

/// A secret that may be put in, and where.
#[derive(Debug, Clone)]
pub struct Swap {
    /// What people call the secret; this is recorded.
    pub name: String,
    pub value: SecretString,
    /// The only places it is sent to. TLS to them ends at the proxy, so that it can be put in.
    pub remotes: Vec<Remote>,
    pub transport: Transport,
    pub header: HeaderName,
    pub life: Life,
    pub purpose: Purpose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Once,
    Until(Instant),
}

/// How a request must travel for a secret to be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tls,
    /// Also in the clear, where the remote is trusted and near.
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    AnyRequest,
    /// Only the requests of a clone or fetch, or of a push where that is permitted.
    Git,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSwap {
    #[error("a placeholder has 20 to 200 letters, digits, `-` or `_`")]
    Placeholder,
    #[error("the secret `{0}` names no host that it may be sent to")]
    NoRemote(String),
    #[error("the secret `{0}` cannot stand in a header: it is empty or has control characters")]
    Value(String),
    #[error("the header `{0}` decides where a request goes and cannot carry a secret")]
    Header(HeaderName),
    #[error("this placeholder is in use")]
    Taken,
}

#[derive(Default)]
pub(super) struct Swaps {
    held: Mutex<BTreeMap<String, Held>>,
}

struct Held {
    swap: Swap,
    used: bool,
}

/// A secret that was put into a request.
pub(super) struct PutIn {
    pub name: String,
    traces: Vec<Zeroizing<Vec<u8>>>,
}

impl PutIn {
    /// What an answer may not repeat.
    pub fn traces(&self) -> impl Iterator<Item = Needle> {
        self.traces.iter().map(|trace| Needle {
            word: trace.clone(),
            means: Refusal::SecretRepeated(self.name.clone()),
        })
    }
}

impl Swaps {
    pub fn lend(&self, placeholder: &str, swap: Swap) -> Result<(), MalformedSwap> {
        check(placeholder, &swap)?;
        let mut held = self.held();
        if held.contains_key(placeholder) {
            return Err(MalformedSwap::Taken);
        }
        held.insert(placeholder.into(), Held { swap, used: false });
        Ok(())
    }

    pub fn withdraw(&self, placeholder: &str) {
        self.held().remove(placeholder);
    }

    /// Whether a secret may be sent there, so that TLS must end at the proxy. One that is
    /// used up still counts: its placeholder must be seen to be refused.
    pub fn concern(&self, remote: &Remote) -> bool {
        self.held()
            .values()
            .any(|held| held.swap.remotes.contains(remote))
    }

    /// What a body may not contain.
    pub fn placeholders(&self) -> Vec<Needle> {
        let needle = |(placeholder, held): (&String, &Held)| Needle {
            word: Zeroizing::new(placeholder.as_bytes().to_vec()),
            means: Refusal::PlaceholderPlace(held.swap.name.clone()),
        };
        self.held().iter().map(needle).collect()
    }

    /// Replaces every placeholder in the head, or refuses the request and replaces none.
    pub fn put_in(&self, job: &Job, head: &mut request::Parts) -> Result<Vec<PutIn>, Refusal> {
        let now = Instant::now();
        let mut held = self.held();
        let sought: Vec<_> = held
            .iter()
            .filter(|(placeholder, _)| placeholder::mentions(head, placeholder) > 0)
            .map(|(placeholder, _)| placeholder.clone())
            .collect();
        for placeholder in &sought {
            if let Some(found) = held.get(placeholder) {
                found.require(placeholder, job, head, now)?;
            }
        }
        let mut put_in = Vec::new();
        for placeholder in &sought {
            if let Some(found) = held.get_mut(placeholder) {
                put_in.push(found.replace(placeholder, head)?);
                found.used = true;
            }
        }
        Ok(put_in)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(placeholder: &str, swap: &Swap) -> Result<(), MalformedSwap> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let length = PLACEHOLDER_BYTES_MIN..=PLACEHOLDER_BYTES_MAX;
    if !length.contains(&placeholder.len()) || !placeholder.bytes().all(fits) {
        return Err(MalformedSwap::Placeholder);
    }
    let value = swap.value.expose_secret();
    if value.is_empty() || HeaderValue::from_str(value).is_err() {
        return Err(MalformedSwap::Value(swap.name.clone()));
    }
    if swap.header == HOST || swap.header.as_str().starts_with("proxy-") {
        return Err(MalformedSwap::Header(swap.header.clone()));
    }
    match swap.remotes.is_empty() {
        true => Err(MalformedSwap::NoRemote(swap.name.clone())),
        false => Ok(()),
    }
}

impl Held {
    /// The right place, the right host, the right kind, and still good.
    fn require(
        &self,
        placeholder: &str,
        job: &Job,
        head: &request::Parts,
        now: Instant,
    ) -> Result<(), Refusal> {
        let swap = &self.swap;
        let name = || swap.name.clone();
        let in_header = head.headers.get_all(&swap.header).iter();
        let in_place: usize = in_header
            .map(|value| placeholder::occurrences(value, placeholder))
            .sum();
        let lapsed = match swap.life {
            Life::Once => self.used,
            Life::Until(end) => now >= end,
        };
        if !swap.remotes.contains(&job.remote) {
            Err(Refusal::PlaceholderHost(name()))
        } else if swap.transport == Transport::Tls && !job.secure {
            Err(Refusal::PlaceholderInClear(name()))
        } else if in_place != 1 || placeholder::mentions(head, placeholder) != 1 {
            Err(Refusal::PlaceholderPlace(name()))
        } else if swap.purpose == Purpose::Git && !git::fetches(head) && !git::pushes(head) {
            Err(Refusal::PlaceholderPurpose(name()))
        } else if lapsed {
            Err(Refusal::PlaceholderSpent(name()))
        } else {
            Ok(())
        }
    }

    /// Only after [`Held::require`], which saw exactly one placeholder in this header.
    fn replace(&self, placeholder: &str, head: &mut request::Parts) -> Result<PutIn, Refusal> {
        let swap = &self.swap;
        let misplaced = || Refusal::PlaceholderPlace(swap.name.clone());
        let values = head
            .headers
            .iter_mut()
            .filter(|(name, _)| **name == swap.header);
        let mut values = values.map(|(_, value)| value);
        let value = values.find(|value| placeholder::occurrences(value, placeholder) > 0);
        let value = value.ok_or_else(misplaced)?;
        let filled = placeholder::fill(value, placeholder, swap.value.expose_secret());
        let (filled, traces) = filled.ok_or_else(misplaced)?;
        *value = filled;
        let long_enough = |trace: &Zeroizing<Vec<u8>>| trace.len() >= TRACE_BYTES_MIN;
        Ok(PutIn {
            name: swap.name.clone(),
            traces: traces.into_iter().filter(long_enough).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::placeholder::basic;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use std::time::Duration;

    const PLACEHOLDER: &str = "wr-placeholder-0123456789";
    const SECRET: &str = "the-real-secret-value";

    fn swap(life: Life, purpose: Purpose) -> Swap {
        Swap {
            name: "forge".into(),
            value: SECRET.into(),
            remotes: vec![Remote::parse("git.example:443", None).unwrap()],
            header: http::header::AUTHORIZATION,
            transport: Transport::Tls,
            life,
            purpose,
        }
    }

    fn head(uri: &str, headers: &[(&str, String)]) -> request::Parts {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn attempt(
        swaps: &Swaps,
        remote: &str,
        head: &mut request::Parts,
    ) -> Result<usize, &'static str> {
        let remote = Remote::parse(remote, None).unwrap();
        let job = Job {
            secure: remote.port == 443,
            rule: String::new(),
            remote,
        };
        let put_in = swaps.put_in(&job, head);
        put_in
            .map(|list| list.len())
            .map_err(|refusal| refusal.code())
    }

    #[test]
    fn a_placeholder_is_replaced_in_its_place_alone() {
        let bearer = || ("authorization", format!("Bearer {PLACEHOLDER}"));
        let encoded = STANDARD.encode(format!("user:{PLACEHOLDER}"));
        let twice = ("authorization", format!("{PLACEHOLDER} {PLACEHOLDER}"));
        type Case<'a> = (
            &'a str,
            &'a str,
            Vec<(&'a str, String)>,
            Result<usize, &'a str>,
        );
        let table: Vec<Case<'_>> = vec![
            ("git.example:443", "/", vec![bearer()], Ok(1)),
            (
                "git.example:443",
                "/",
                vec![("authorization", format!("Basic {encoded}"))],
                Ok(1),
            ),
            (
                "git.example:443",
                "/",
                vec![("accept", "text/html".into())],
                Ok(0),
            ),
            (
                "evil.example:443",
                "/",
                vec![bearer()],
                Err("placeholder_host"),
            ),
            (
                "git.example:80",
                "/",
                vec![bearer()],
                Err("placeholder_host"),
            ),
            (
                "git.example:443",
                "/",
                vec![("x-other", PLACEHOLDER.into())],
                Err("placeholder_place"),
            ),
            (
                "git.example:443",
                "/",
                vec![("x-other", format!("Basic {encoded}"))],
                Err("placeholder_place"),
            ),
            (
                "git.example:443",
                "/",
                vec![twice],
                Err("placeholder_place"),
            ),
            (
                "git.example:443",
                "/",
                vec![bearer(), bearer()],
                Err("placeholder_place"),
            ),
            (
                "git.example:443",
                "/?wr-placeholder-0123456789",
                vec![bearer()],
                Err("placeholder_place"),
            ),
            (
                "git.example:443",
                "/wr%2Dplaceholder-0123456789",
                vec![],
                Err("placeholder_place"),
            ),
        ];
        for (remote, uri, headers, expected) in table {
            let swaps = Swaps::default();
            swaps
                .lend(PLACEHOLDER, swap(Life::Once, Purpose::AnyRequest))
                .unwrap();
            let mut head = head(uri, &headers);
            assert_eq!(
                attempt(&swaps, remote, &mut head),
                expected,
                "{remote} {uri} {headers:?}"
            );
            let sent = head.headers.values().filter(|value| {
                let text = basic(value).unwrap_or_else(|| value.to_str().unwrap().into());
                text.contains(SECRET)
            });
            assert_eq!(
                sent.count(),
                expected.unwrap_or(0),
                "{remote} {uri} {headers:?}"
            );
        }
    }

    #[test]
    fn a_life_ends() {
        let swaps = Swaps::default();
        let ask = || head("/", &[("authorization", format!("Bearer {PLACEHOLDER}"))]);
        swaps
            .lend(PLACEHOLDER, swap(Life::Once, Purpose::AnyRequest))
            .unwrap();
        assert_eq!(attempt(&swaps, "git.example:443", &mut ask()), Ok(1));
        assert_eq!(
            attempt(&swaps, "git.example:443", &mut ask()),
            Err("placeholder_spent")
        );
        swaps.withdraw(PLACEHOLDER);
        let soon = Instant::now() + Duration::from_secs(60);
        swaps
            .lend(PLACEHOLDER, swap(Life::Until(soon), Purpose::Git))
            .unwrap();
        assert_eq!(
            attempt(&swaps, "git.example:443", &mut ask()),
            Err("placeholder_purpose")
        );
        let mut fetch = head(
            "/a/info/refs?service=git-upload-pack",
            &[("authorization", format!("Bearer {PLACEHOLDER}"))],
        );
        assert_eq!(attempt(&swaps, "git.example:443", &mut fetch), Ok(1));
        swaps.withdraw(PLACEHOLDER);
        swaps
            .lend(
                PLACEHOLDER,
                swap(Life::Until(Instant::now()), Purpose::AnyRequest),
            )
            .unwrap();
        assert_eq!(
            attempt(&swaps, "git.example:443", &mut ask()),
            Err("placeholder_spent")
        );
    }

    #[test]
    fn a_secret_is_not_printed() {
        let swap = swap(Life::Once, Purpose::AnyRequest);
        assert!(!format!("{swap:?}").contains(SECRET));
        let swaps = Swaps::default();
        swaps.lend(PLACEHOLDER, swap).unwrap();
        let mut head = head("/", &[("authorization", format!("Bearer {PLACEHOLDER}"))]);
        attempt(&swaps, "git.example:443", &mut head).unwrap();
        assert!(!format!("{head:?}").contains(SECRET));
    }
}
