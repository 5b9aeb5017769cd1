//! Names inside: allowed ones get an address that stands for them, nothing is ever forwarded
//! (row 40).

use crate::harness::*;
use crate::inside::{Job, bytes, text};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, QCLASS, QTYPE, Question, RCODE, TYPE};
use std::net::Ipv4Addr;

fn query(name: &str, kind: TYPE) -> Job {
    let mut packet = Packet::new_query(4711);
    let name = Name::new_unchecked(name);
    packet.questions.push(Question::new(
        name,
        QTYPE::TYPE(kind),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    Job::Query {
        packet: text(&packet.build_bytes_vec().unwrap()),
    }
}

/// The outcome, and the addresses.
fn read(answer: &str) -> (RCODE, Vec<Ipv4Addr>) {
    let answer = bytes(answer);
    let packet = Packet::parse(&answer).unwrap();
    assert_eq!(packet.id(), 4711);
    let addresses = packet
        .answers
        .iter()
        .filter_map(|record| match &record.rdata {
            RData::A(a) => Some(Ipv4Addr::from(a.address)),
            _ => None,
        });
    (packet.rcode(), addresses.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allowed_names_get_a_stand_in_and_others_do_not_exist() {
    let world = Setup::new(&["open.test", "*.wild.test", "port.test:8443"])
        .start()
        .await;
    let first = vec![Ipv4Addr::new(198, 18, 0, 1)];
    let second = vec![Ipv4Addr::new(198, 18, 0, 2)];
    let third = vec![Ipv4Addr::new(198, 18, 0, 3)];
    let table = [
        ("open.test", TYPE::A, RCODE::NoError, first.clone()),
        ("a.wild.test", TYPE::A, RCODE::NoError, second),
        ("OPEN.test", TYPE::A, RCODE::NoError, first),
        ("port.test", TYPE::A, RCODE::NoError, third),
        ("open.test", TYPE::AAAA, RCODE::NoError, vec![]),
        ("open.test", TYPE::TXT, RCODE::NoError, vec![]),
        ("open.test", TYPE::MX, RCODE::NoError, vec![]),
        ("wild.test", TYPE::A, RCODE::NameError, vec![]),
        ("secret.data.evil.test", TYPE::A, RCODE::NameError, vec![]),
        ("secret.data.evil.test", TYPE::TXT, RCODE::NameError, vec![]),
        ("secret.open.test", TYPE::A, RCODE::NameError, vec![]),
        (
            "metadata.google.internal",
            TYPE::A,
            RCODE::NameError,
            vec![],
        ),
        (
            "1.0.0.127.in-addr.arpa",
            TYPE::PTR,
            RCODE::NameError,
            vec![],
        ),
    ];
    let jobs: Vec<Job> = table
        .iter()
        .map(|(name, kind, ..)| query(name, *kind))
        .collect();
    for ((name, kind, code, addresses), reply) in table.iter().zip(world.run(&jobs).await) {
        assert_eq!(
            read(&reply.text),
            (*code, addresses.clone()),
            "{name} {kind:?} {reply:?}"
        );
    }
    assert_eq!(
        world.asked(),
        [""; 0],
        "a query of the sandbox was passed on"
    );
    let refused: Vec<_> = world.decisions().await;
    let names: Vec<_> = refused
        .iter()
        .map(|decision| decision.host.clone().unwrap().to_string())
        .collect();
    let expected = [
        "wild.test",
        "secret.data.evil.test",
        "secret.open.test",
        "metadata.google.internal",
        "1.0.0.127.in-addr.arpa",
    ];
    assert_eq!(names, expected, "each refused name is told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_that_are_none_do_no_harm() {
    let world = Setup::new(&["open.test"]).start().await;
    let header =
        |flags: &str, questions: &str| format!("\u{12}\u{67}{flags}\0{questions}\0\0\0\0\0\0");
    let silent = [
        String::new(),
        "short".into(),
        header("\u{80}", "\0\u{1}"),
        "\u{12}\u{67}\u{80}".to_owned() + &"\u{ff}".repeat(600),
    ];
    let loops = header("\u{1}", "\0\u{1}") + "\u{c0}\u{c}\0\u{1}\0\u{1}";
    let forward = header("\u{1}", "\0\u{1}") + "\u{c0}\u{ff}\0\u{1}\0\u{1}";
    let cut = header("\u{1}", "\0\u{1}") + "\u{3f}abc";
    let many = header("\u{1}", "\u{ff}\u{ff}");
    let none = header("\u{1}", "\0\0");
    let told = [
        loops,
        forward,
        cut,
        many,
        none,
        "\u{ff}".repeat(2).to_owned() + "\u{7f}" + &"\u{ff}".repeat(9),
    ];
    let job = |packet: &String| Job::Query {
        packet: packet.clone(),
    };
    for reply in world.run(&silent.iter().map(job).collect::<Vec<_>>()).await {
        assert!(reply.error.is_some(), "{reply:?}");
    }
    for (packet, reply) in told
        .iter()
        .zip(world.run(&told.iter().map(job).collect::<Vec<_>>()).await)
    {
        let heard = bytes(&reply.text);
        let code = Packet::parse(&heard)
            .unwrap_or_else(|error| panic!("{packet:?} {error} {reply:?}"))
            .rcode();
        assert!(
            [RCODE::FormatError, RCODE::NotImplemented].contains(&code),
            "{packet:?} {code:?}"
        );
    }
    let reply = world.one(query("open.test", TYPE::A)).await;
    assert_eq!(read(&reply.text).0, RCODE::NoError);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_resolver_of_the_system_inside_asks_here() {
    let world = Setup::new(&["open.test"]).start().await;
    let said = world
        .said("getent ahosts open.test | head -1; getent ahosts secret.evil.test || echo none")
        .await;
    assert!(
        said.starts_with("198.18.0.1") && said.ends_with("none"),
        "{said}"
    );
}
