//! Everything that must not go out, asked through the proxy (rows 41 to 43 of the escape list).

use crate::harness::*;
use crate::inside::Job;
use crate::server::Server;
use wardroom_sandbox::egress::*;

/// A server on this address, and a rule for it and for names that lead elsewhere.
async fn world() -> (World, Server) {
    let mut setup = Setup::new(&[
        "*.bad.test",
        "*.evil.test:8080",
        "rebind.test",
        "mixed.test",
    ]);
    let server = Server::plain(setup.ip, 0).await;
    setup.allow.push(format!("open.test:{}", server.port()));
    (addresses(setup).start().await, server)
}

const BAD: &[(&str, &str)] = &[
    ("loopback", "127.0.0.1"),
    ("private", "10.0.0.1"),
    ("private-b", "172.16.3.4"),
    ("private-c", "192.168.0.1"),
    ("carrier", "100.64.0.1"),
    ("metadata", "169.254.169.254"),
    ("unspecified", "0.0.0.0"),
    ("multicast", "224.0.0.1"),
    ("broadcast", "255.255.255.255"),
    ("documentation", "192.0.2.1"),
    ("benchmark", "198.18.0.1"),
    ("six-loopback", "::1"),
    ("six-unspecified", "::"),
    ("mapped", "::ffff:127.0.0.1"),
    ("mapped-public", "::ffff:1.1.1.1"),
    ("compatible", "::127.0.0.1"),
    ("six-to-four", "2002:7f00:1::1"),
    ("teredo", "2001:0:7f00:1::1"),
    ("nat64", "64:ff9b::10.0.0.1"),
    ("unique-local", "fd00:ec2::254"),
    ("six-link-local", "fe80::1"),
    ("six-documentation", "2001:db8::1"),
];

fn addresses(setup: Setup) -> Setup {
    let name = |setup: Setup, (label, address): &(&str, &str)| {
        setup.name(&format!("{label}.bad.test"), &[address])
    };
    let setup = BAD.iter().fold(setup, name);
    setup.name("mixed.test", &["1.1.1.1", "127.0.0.1"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_that_are_not_on_the_list_or_not_a_name() {
    let (world, server) = world().await;
    let port = server.port();
    let long_name = format!("{}.test", "a".repeat(250));
    let long_label = format!("{}.test", "a".repeat(64));
    let table: Vec<(String, u16, &str)> = vec![
        (get("http://evil.test/"), 403, "not_listed"),
        (get("http://open.test/"), 403, "not_listed"),
        (
            get(&format!("http://sub.open.test:{port}/")),
            403,
            "not_listed",
        ),
        (
            get(&format!("http://open.test.evil.test:{port}/")),
            403,
            "not_listed",
        ),
        (
            get(&format!("http://open.test:{port}@evil.test/")),
            403,
            "malformed_host",
        ),
        (
            get(&format!("http://evil.test@open.test:{port}/")),
            403,
            "malformed_host",
        ),
        (
            get(&format!("http://open.test.:{port}/")),
            403,
            "malformed_host",
        ),
        (get("http://2130706433/"), 403, "malformed_host"),
        (get("http://0177.0.0.1/"), 403, "malformed_host"),
        (get("http://0x7f.0.0.1/"), 403, "malformed_host"),
        (get("http://127.1/"), 403, "malformed_host"),
        (
            get(&format!("http://127.0.0.1:{port}/")),
            403,
            "malformed_host",
        ),
        (
            get("http://169.254.169.254/latest/meta-data/"),
            403,
            "malformed_host",
        ),
        (get("http://[::1]/"), 403, "malformed_host"),
        (get("http://[::ffff:127.0.0.1]/"), 403, "malformed_host"),
        (get(&format!("http://{long_name}/")), 403, "malformed_host"),
        (get(&format!("http://{long_label}/")), 403, "malformed_host"),
        (get("http://open_test%2eevil.test/"), 400, "none"),
        (get("http://[fe80::1%25eth0]/"), 403, "malformed_host"),
        (
            get(&format!("http://open.test\0.evil.test:{port}/")),
            400,
            "none",
        ),
        (get(&format!("https://open.test:{port}/")), 400, "malformed"),
        (get("/"), 400, "malformed"),
        (
            format!("GET http://open.test:{port}/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"),
            403,
            "host_mismatch",
        ),
        (
            format!(
                "GET http://open.test:{port}/ HTTP/1.1\r\nHost: open.test:{port}\r\nHost: evil.test\r\n\r\n"
            ),
            400,
            "malformed",
        ),
        (
            "CONNECT evil.test:443 HTTP/1.1\r\n\r\n".into(),
            403,
            "not_listed",
        ),
        (
            "CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n".into(),
            403,
            "malformed_host",
        ),
        (
            "CONNECT [::1]:22 HTTP/1.1\r\n\r\n".into(),
            403,
            "malformed_host",
        ),
        (
            format!("CONNECT evil.test:443@open.test:{port} HTTP/1.1\r\n\r\n"),
            403,
            "malformed_host",
        ),
        (
            format!("CONNECT open.test:{port} HTTP/1.1\r\nHost: evil.test:{port}\r\n\r\n"),
            403,
            "host_mismatch",
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 400, "none"),
        (
            "\u{5}\u{1}\u{0}".to_owned() + &"x".repeat(20) + "\r\n\r\n",
            400,
            "none",
        ),
    ];
    let jobs: Vec<Job> = table
        .iter()
        .map(|(request, ..)| raw(PROXY, request))
        .collect();
    for ((request, status, code), reply) in table.iter().zip(world.run(&jobs).await) {
        assert_eq!(
            (reply.status(), reply.code()),
            (*status, *code),
            "{request:?} {reply:?}"
        );
    }
    assert_eq!(server.connections(), 0);
    assert_eq!(world.asked(), [""; 0], "a refused name was looked up");
    let decisions = world.decisions().await;
    assert!(
        decisions.len() >= table.len(),
        "{} of {}",
        decisions.len(),
        table.len()
    );
    let allowed: Vec<_> = decisions
        .iter()
        .filter(|decision| word(decision) == "allowed")
        .collect();
    assert!(allowed.is_empty(), "{allowed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allowed_names_that_lead_to_special_addresses() {
    let (world, _server) = world().await;
    let requests = BAD.iter().flat_map(|(label, _)| {
        [
            get(&format!("http://{label}.bad.test/")),
            format!("CONNECT {label}.bad.test:443 HTTP/1.1\r\n\r\n"),
        ]
    });
    let mixed = get("http://mixed.test/");
    let jobs: Vec<Job> = requests
        .chain([mixed])
        .map(|request| raw(PROXY, &request))
        .collect();
    for (job, reply) in jobs.iter().zip(world.run(&jobs).await) {
        let Job::Raw { pieces, .. } = job else {
            unreachable!()
        };
        assert_eq!(
            (reply.status(), reply.code()),
            (403, "address_not_global"),
            "{pieces:?} {reply:?}"
        );
    }
    let missing = world.ask(&get("http://missing.bad.test/")).await;
    assert_eq!(
        (missing.status(), missing.code()),
        (502, "unresolved"),
        "{missing:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_changes_its_mind_reaches_nothing_new() {
    let mut setup = Setup::new(&[]);
    let ip = setup.ip.to_string();
    let server = Server::plain(setup.ip, 0).await;
    let other = Server::plain("127.0.0.1".parse().unwrap(), server.port()).await;
    setup.allow = vec![format!("rebind.test:{}", server.port())];
    let world = setup
        .name("rebind.test", &[&ip])
        .name("rebind.test", &["127.0.0.1"])
        .start()
        .await;
    let request = get(&format!("http://rebind.test:{}/", server.port()));
    // The first answer is judged and used; the second is judged again.
    assert_eq!(world.ask(&request).await.status(), 200);
    assert_eq!(world.asked().len(), 1, "one request, one look-up");
    assert_eq!(world.ask(&request).await.code(), "address_not_global");
    assert_eq!((server.connections(), other.connections()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_too_large_or_too_slow() {
    let mut setup = Setup::new(&[]);
    setup.budgets.header_time = std::time::Duration::from_millis(1500);
    let server = Server::plain(setup.ip, 0).await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    let world = setup.start().await;
    let url = format!("http://open.test:{}/", server.port());
    for size in [20_000, 70_000] {
        let request = format!("GET {url} HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(size));
        assert_eq!(world.ask(&request).await.status(), 431);
    }
    let long = get(&format!("{url}{}", "x".repeat(20_000)));
    assert_eq!(world.ask(&long).await.status(), 431);
    let slow = |pieces: &[&str]| Job::Raw {
        to: PROXY.into(),
        pieces: pieces.iter().map(|piece| (*piece).to_owned()).collect(),
        pause_ms: 500,
    };
    for job in [
        slow(&[
            &format!("GET {url} HTTP/1.1\r\n"),
            "X: 1\r\n",
            "Y: 2\r\n",
            "Z: 3\r\n",
        ]),
        slow(&[]),
    ] {
        let reply = world.one(job).await;
        assert_eq!(reply.status(), 408, "{reply:?}");
        assert!(reply.took_ms < 8000, "{reply:?}");
        assert!(reply.text.contains("did not arrive within"), "{reply:?}");
    }
    assert_eq!(server.connections(), 0);
    let words: Vec<_> = world.decisions().await.iter().map(word).collect();
    let expected = [
        "header_too_large",
        "header_too_large",
        "header_too_large",
        "header_too_slow",
        "header_too_slow",
    ];
    assert_eq!(words, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_recorded_does_not_happen() {
    let mut setup = Setup::new(&[]);
    let server = Server::plain(setup.ip, 0).await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    let world = setup.start().await;
    world.close_the_record().await;
    let reply = world
        .ask(&get(&format!("http://open.test:{}/", server.port())))
        .await;
    assert_eq!((reply.status(), reply.code()), (503, "unrecorded"));
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_system_s_resolver_is_judged_too() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let host = HostName::parse("localhost").unwrap();
    let found = runtime.block_on(SystemResolver.resolve(&host)).unwrap();
    let remote = Remote { host, port: 80 };
    assert!(!found.is_empty());
    for address in found {
        assert_eq!(
            Rules::default().require_reachable(&remote, address),
            Err(Special::Loopback)
        );
    }
}
