//! The resolver inside. It knows the allowed names and nothing else, and asks nobody: what
//! a sandbox puts into a name goes nowhere.

use super::decision::Road;
use super::gate::Gate;
use super::host::HostName;
use super::refusal::Refusal;
use governor::{Quota, RateLimiter};
use simple_dns::rdata::{A, RData};
use simple_dns::{
    CLASS, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};
use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;

/// The addresses that stand for names, 198.18.0.0/15, begin here; all are local inside.
const STAND_IN_FIRST: u32 = u32::from_be_bytes([198, 18, 0, 1]);
/// Wildcards allow any number of names; so many get an address.
const NAMES_MAX: usize = 4096;
/// Refused names are told once each, and no more than so many.
const REFUSED_NAMES_MAX: usize = 256;
const TTL_SECONDS: u32 = 60;
/// A query without answers fits in what DNS promises over UDP; extended ones in this.
const QUERY_BYTES_MAX: usize = 1232;
const HEADER_BYTES: usize = 12;
const FAILURE_PAUSE: Duration = Duration::from_millis(10);
/// A page asks for some dozens of names; what comes faster waits in the kernel, or is lost.
const QUERIES_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(499);
const FLOOD_PAUSE: Duration = Duration::from_millis(10);

/// Which address stands for which name.
#[derive(Default)]
struct Names {
    given: HashMap<HostName, Ipv4Addr>,
    refused: HashSet<HostName>,
}

pub(super) async fn respond(gate: Arc<Gate>, socket: UdpSocket) {
    let mut names = Names::default();
    let mut query = [0; QUERY_BYTES_MAX];
    let pace = RateLimiter::direct(Quota::per_second(QUERIES_PER_SECOND));
    loop {
        let Ok((length, from)) = socket.recv_from(&mut query).await else {
            // The sandbox is gone, or an earlier answer had no reader any more.
            tokio::time::sleep(FAILURE_PAUSE).await;
            continue;
        };
        while pace.check().is_err() {
            tokio::time::sleep(FLOOD_PAUSE).await;
        }
        let (answer, refused) = names.answer(&gate, &query[..length]);
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer, from).await;
        }
        if let Some(host) = refused {
            tell(&gate, host).await;
        }
    }
}

async fn tell(gate: &Gate, host: HostName) {
    if let Ok(mut entry) = gate.entry(Road::Dns).await {
        entry.host(&host);
        entry.refuse(Refusal::NameNotListed(host));
    }
}

impl Names {
    /// The answer, if there is one, and a name that was refused for the first time.
    fn answer(&mut self, gate: &Gate, query: &[u8]) -> (Option<Vec<u8>>, Option<HostName>) {
        let Ok(query) = Packet::parse(query) else {
            return (malformed(query), None);
        };
        if query.has_flags(PacketFlag::RESPONSE) {
            return (None, None);
        }
        let mut reply = Packet::new_reply(query.id());
        reply.set_flags(PacketFlag::RECURSION_AVAILABLE);
        if query.has_flags(PacketFlag::RECURSION_DESIRED) {
            reply.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        let mut refused = None;
        match (&query.questions[..], query.opcode()) {
            ([question], OPCODE::StandardQuery) => {
                refused = self.look_up(gate, question, &mut reply);
                reply.questions.push(question.clone());
            }
            (_, OPCODE::StandardQuery) => *reply.rcode_mut() = RCODE::FormatError,
            _ => *reply.rcode_mut() = RCODE::NotImplemented,
        }
        (reply.build_bytes_vec().ok(), refused)
    }

    fn look_up<'q>(
        &mut self,
        gate: &Gate,
        question: &Question<'q>,
        reply: &mut Packet<'q>,
    ) -> Option<HostName> {
        let host = HostName::parse(&question.qname.to_string()).ok();
        let Some(host) = host.filter(|host| gate.rules().names(host)) else {
            *reply.rcode_mut() = RCODE::NameError;
            return self.refused_first(&question.qname.to_string());
        };
        let asks_address = matches!(question.qtype, QTYPE::TYPE(TYPE::A));
        if !asks_address || question.qclass != QCLASS::CLASS(CLASS::IN) {
            return None;
        }
        match self.stand_in(host) {
            Some(address) => {
                let data = RData::A(A::from(address));
                let record =
                    ResourceRecord::new(question.qname.clone(), CLASS::IN, TTL_SECONDS, data);
                reply.answers.push(record);
            }
            None => *reply.rcode_mut() = RCODE::ServerFailure,
        }
        None
    }

    fn stand_in(&mut self, host: HostName) -> Option<Ipv4Addr> {
        let count = self.given.len();
        if let Some(known) = self.given.get(&host) {
            return Some(*known);
        }
        if count >= NAMES_MAX {
            return None;
        }
        let address = Ipv4Addr::from(STAND_IN_FIRST + count as u32);
        self.given.insert(host, address);
        Some(address)
    }

    fn refused_first(&mut self, name: &str) -> Option<HostName> {
        let host = HostName::parse(name).ok()?;
        let fresh = self.refused.len() < REFUSED_NAMES_MAX && self.refused.insert(host.clone());
        fresh.then_some(host)
    }
}

/// A query that does not parse is told so, if it has at least a header with an id.
fn malformed(query: &[u8]) -> Option<Vec<u8>> {
    let is_answer = query.get(2).is_some_and(|flags| flags & 0x80 != 0);
    if query.len() < HEADER_BYTES || is_answer {
        return None;
    }
    let mut reply = Packet::new_reply(u16::from_be_bytes([query[0], query[1]]));
    *reply.rcode_mut() = RCODE::FormatError;
    reply.build_bytes_vec().ok()
}
