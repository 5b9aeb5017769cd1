//! Secrets: the sandbox has a placeholder, the approved host gets the value, nobody else.

use crate::harness::*;
use crate::inside::{Job, Reply, Tls};
use crate::server::{Certificates, Server};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use std::time::{Duration, Instant};
use wardroom_sandbox::egress::*;

const PLACEHOLDER: &str = "wr-placeholder-0123456789abcdef";
const SECRET: &str = "hunter2-the-real-value";

pub fn swap(remote: &str, life: Life, purpose: Purpose) -> Swap {
    Swap {
        name: "forge-token".into(),
        value: SECRET.into(),
        remotes: vec![Remote::parse(remote, None).unwrap()],
        header: HeaderName::from_static("authorization"),
        transport: Transport::Any,
        life,
        purpose,
    }
}

pub fn a_minute() -> Life {
    Life::Until(Instant::now() + Duration::from_secs(60))
}

/// Two plain servers that are both allowed; the secret is for the first.
async fn two_servers(life: Life) -> (World, Server, Server) {
    let mut setup = Setup::new(&[]);
    let (server, other) = (
        Server::plain(setup.ip, 0).await,
        Server::plain(setup.ip, 0).await,
    );
    setup.allow = [&server, &other]
        .map(|server| format!("open.test:{}", server.port()))
        .to_vec();
    let world = setup.start().await;
    let remote = format!("open.test:{}", server.port());
    world
        .proxy
        .lend(PLACEHOLDER, swap(&remote, life, Purpose::AnyRequest))
        .unwrap();
    (world, server, other)
}

fn ask(server: &Server, path: &str, header: &str) -> String {
    format!(
        "GET http://open.test:{}{path} HTTP/1.1\r\n{header}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
        server.port()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_placeholder_becomes_the_secret_in_its_place_and_nowhere_else() {
    let (world, server, other) = two_servers(a_minute()).await;
    let bearer = format!("Authorization: Bearer {PLACEHOLDER}");
    assert_eq!(world.ask(&ask(&server, "/", &bearer)).await.status(), 200);
    let seen = server.last();
    assert_eq!(seen.headers["authorization"], format!("Bearer {SECRET}"));
    assert_eq!(seen.headers["accept-encoding"], "identity");
    let pair = STANDARD.encode(format!("x-token:{PLACEHOLDER}"));
    let basic = format!("Authorization: Basic {pair}");
    assert_eq!(world.ask(&ask(&server, "/", &basic)).await.status(), 200);
    let expected = format!("Basic {}", STANDARD.encode(format!("x-token:{SECRET}")));
    assert_eq!(server.last().headers["authorization"], expected);
    let used: Vec<_> = world
        .decisions()
        .await
        .iter()
        .map(|decision| decision.secrets.clone())
        .collect();
    assert_eq!(used, [["forge-token"], ["forge-token"]]);

    let body = |framing: &str| {
        format!(
            "POST http://open.test:{}/ HTTP/1.1\r\n{framing}",
            other.port()
        )
    };
    let half = PLACEHOLDER.split_at(9);
    let chunked = format!(
        "Transfer-Encoding: chunked\r\n\r\n9\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        half.0,
        half.1.len(),
        half.1
    );
    let whole = format!("Content-Length: {}\r\n\r\n{PLACEHOLDER}", PLACEHOLDER.len());
    let table = [
        (ask(&other, "/", &bearer), "placeholder_host"),
        (ask(&other, "/", &basic), "placeholder_host"),
        (
            ask(&server, "/", &format!("X-Other: {PLACEHOLDER}")),
            "placeholder_place",
        ),
        (
            ask(&server, &format!("/?{PLACEHOLDER}"), "X: 1"),
            "placeholder_place",
        ),
        (
            ask(&other, &format!("/{PLACEHOLDER}"), "X: 1"),
            "placeholder_host",
        ),
        (
            ask(&server, "/", &format!("{bearer}\r\n{bearer}")),
            "placeholder_place",
        ),
        (body(&whole), "placeholder_place"),
        (body(&chunked), "placeholder_place"),
    ];
    let (before, other_before) = (server.count(), other.count());
    for (request, code) in table {
        let reply = world.ask(&request).await;
        assert_eq!(
            (reply.status(), reply.code()),
            (403, code),
            "{request} {reply:?}"
        );
        assert!(
            !reply.text.contains(SECRET) && !reply.text.contains(PLACEHOLDER),
            "{reply:?}"
        );
    }
    assert_eq!((server.count(), other.count()), (before, other_before));
    let told = format!("{:?}", world.decisions().await);
    assert!(
        !told.contains(SECRET) && told.contains("forge-token"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_used_once_or_within_its_time() {
    let (world, server, _other) = two_servers(Life::Once).await;
    let bearer = ask(
        &server,
        "/",
        &format!("Authorization: Bearer {PLACEHOLDER}"),
    );
    assert_eq!(world.ask(&bearer).await.status(), 200);
    assert_eq!(world.ask(&bearer).await.code(), "placeholder_spent");
    world.proxy.withdraw(PLACEHOLDER);
    let remote = format!("open.test:{}", server.port());
    let lapsed = swap(&remote, Life::Until(Instant::now()), Purpose::AnyRequest);
    world.proxy.lend(PLACEHOLDER, lapsed).unwrap();
    assert_eq!(world.ask(&bearer).await.code(), "placeholder_spent");
    world.proxy.withdraw(PLACEHOLDER);
    world
        .proxy
        .lend(PLACEHOLDER, swap(&remote, a_minute(), Purpose::Git))
        .unwrap();
    assert_eq!(world.ask(&bearer).await.code(), "placeholder_purpose");
    assert_eq!(server.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_for_tls_does_not_travel_in_the_clear() {
    let (world, server, other) = two_servers(Life::Once).await;
    world.proxy.withdraw(PLACEHOLDER);
    let remote = format!("open.test:{}", server.port());
    let strict = Swap {
        transport: Transport::Tls,
        ..swap(&remote, a_minute(), Purpose::AnyRequest)
    };
    world.proxy.lend(PLACEHOLDER, strict).unwrap();
    let header = format!("Authorization: Bearer {PLACEHOLDER}");
    let reply = world.ask(&ask(&server, "/", &header)).await;
    assert_eq!(reply.code(), "placeholder_in_clear", "{reply:?}");
    // Nor by a tunnel in which plain requests follow.
    let inner =
        format!("GET / HTTP/1.1\r\nHost: {remote}\r\n{header}\r\nConnection: close\r\n\r\n");
    let tunnel = world
        .ask(&format!("CONNECT {remote} HTTP/1.1\r\n\r\n{inner}"))
        .await;
    assert!(tunnel.text.contains("placeholder_in_clear"), "{tunnel:?}");
    assert_eq!((server.count(), other.count()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_repeats_the_secret_is_withheld() {
    let (world, server, _other) = two_servers(a_minute()).await;
    let pair = STANDARD.encode(format!("x:{PLACEHOLDER}"));
    for header in [format!("Bearer {PLACEHOLDER}"), format!("Basic {pair}")] {
        let reply = world
            .ask(&ask(
                &server,
                "/repeat",
                &format!("Authorization: {header}"),
            ))
            .await;
        assert!(!reply.text.contains(SECRET), "{reply:?}");
        assert!(
            !reply.text.contains(&STANDARD.encode(format!("x:{SECRET}"))),
            "{reply:?}"
        );
        assert_eq!(word(&world.decision().await), "cut: secret_repeated");
    }
    assert_eq!(server.count(), 2);
}

struct Secure {
    world: World,
    server: Server,
    tls: Tls,
}

async fn secure() -> Secure {
    let mut setup = Setup::new(&[]);
    let certificates = Certificates::new();
    let server = Server::secure(setup.ip, 0, &certificates, "open.test").await;
    let remote = format!("open.test:{}", server.port());
    setup.allow = vec![remote.clone()];
    setup.options.extra_roots = vec![certificates.root.clone()];
    let world = setup.start().await;
    world
        .proxy
        .lend(PLACEHOLDER, swap(&remote, a_minute(), Purpose::AnyRequest))
        .unwrap();
    let tls = Tls {
        to: PROXY.into(),
        connect: Some(remote.clone()),
        name: "open.test".into(),
        say_name: true,
        piece: 1 << 16,
        record: None,
        request: format!(
            "GET /x HTTP/1.1\r\nHost: {remote}\r\nAuthorization: Bearer {PLACEHOLDER}\r\nConnection: close\r\n\r\n"
        ),
        roots: world.proxy.ca_pem().into(),
    };
    Secure { world, server, tls }
}

impl Secure {
    async fn greet(&self, change: impl FnOnce(&mut Tls)) -> Reply {
        let mut tls = self.tls.clone();
        change(&mut tls);
        self.world.one(Job::Tls(tls)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inside_tls_the_secret_is_put_in_too() {
    let secure = secure().await;
    let reply = secure.greet(|_| {}).await;
    assert!(reply.text.ends_with("hello"), "{reply:?}");
    assert_eq!(
        secure.server.last().headers["authorization"],
        format!("Bearer {SECRET}")
    );
    let decisions = secure.world.decisions().await;
    let roads: Vec<_> = decisions
        .iter()
        .map(|decision| (decision.road, word(decision)))
        .collect();
    assert_eq!(
        roads,
        [
            (Road::Connect, "allowed".into()),
            (Road::Intercepted, "allowed".to_owned())
        ]
    );
    assert_eq!(decisions[1].secrets, ["forge-token"]);
    // Another host inside, another name outside, a certificate that nobody vouches for.
    let other = secure
        .greet(|tls| tls.request = tls.request.replace("Host: open.test", "Host: evil.test"))
        .await;
    assert_eq!(other.code(), "host_mismatch", "{other:?}");
    let name = secure.greet(|tls| tls.name = "evil.test".into()).await;
    assert!(name.error.unwrap_or_default().contains("AccessDenied"));
    assert_eq!(secure.server.count(), 1);
    // Without the secret, TLS is the host's own again.
    secure.world.proxy.withdraw(PLACEHOLDER);
    let own = secure.greet(|_| {}).await;
    assert!(own.error.unwrap_or_default().contains("UnknownIssuer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_that_cannot_be_verified_gets_no_secret() {
    let mut setup = Setup::new(&[]);
    let server = Server::secure(setup.ip, 0, &Certificates::new(), "open.test").await;
    let remote = format!("open.test:{}", server.port());
    setup.allow = vec![remote.clone()];
    let world = setup.start().await;
    world
        .proxy
        .lend(PLACEHOLDER, swap(&remote, a_minute(), Purpose::AnyRequest))
        .unwrap();
    let job = Job::Tls(Tls {
        to: PROXY.into(),
        connect: Some(remote.clone()),
        name: "open.test".into(),
        say_name: true,
        piece: 1 << 16,
        record: None,
        request: format!(
            "GET / HTTP/1.1\r\nHost: {remote}\r\nAuthorization: Bearer {PLACEHOLDER}\r\n\r\n"
        ),
        roots: world.proxy.ca_pem().into(),
    });
    let reply = world.one(job).await;
    assert_eq!(
        (reply.status(), reply.code()),
        (502, "certificate"),
        "{reply:?}"
    );
    assert_eq!(server.count(), 0);
}
