//! Floods and endless things meet a number, and are told so (row 56).

use crate::harness::*;
use crate::inside::{Job, Reply, Tls};
use crate::server::{Certificates, Server};
use std::time::Duration;
use wardroom_sandbox::egress::*;

async fn world(change: impl FnOnce(&mut Budgets)) -> (World, Server) {
    let mut setup = Setup::new(&[]);
    let server = Server::plain(setup.ip, 0).await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    change(&mut setup.budgets);
    (setup.start().await, server)
}

fn url(server: &Server, path: &str) -> String {
    format!("http://open.test:{}{path}", server.port())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_at_once() {
    let (world, server) = world(|budgets| {
        budgets.connections = 5;
        budgets.idle_time = Duration::from_millis(1500);
    })
    .await;
    let crowd = Job::Crowd {
        to: PROXY.into(),
        request: get(&url(&server, "/silent")),
        count: 12,
    };
    let reply = world.one(crowd).await;
    let told = |words: &str| {
        reply
            .text
            .lines()
            .filter(|line| line.ends_with(words))
            .count()
    };
    assert_eq!(
        (told("504 Gateway Timeout"), told("503 Service Unavailable")),
        (5, 7),
        "{reply:?}"
    );
    let words: Vec<_> = world.decisions().await.iter().map(word).collect();
    assert_eq!(
        words.iter().filter(|word| *word == "connections").count(),
        7
    );
    assert_eq!(
        words.iter().filter(|word| *word == "cut: idle").count(),
        5,
        "{words:?}"
    );
    assert!(
        world
            .ask(&get(&url(&server, "/")))
            .await
            .text
            .ends_with("hello"),
        "places are given back"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_per_second() {
    let (world, server) = world(|budgets| budgets.requests_per_second = 5).await;
    let crowd = |request: &str| Job::Crowd {
        to: PROXY.into(),
        request: request.into(),
        count: 20,
    };
    let told = |reply: &Reply, words: &str| {
        reply
            .text
            .lines()
            .filter(|line| line.ends_with(words))
            .count()
    };
    let reply = world.one(crowd(&get(&url(&server, "/")))).await;
    let (served, refused) = (
        told(&reply, "200 OK"),
        told(&reply, "429 Too Many Requests"),
    );
    assert!(
        (5..15).contains(&served) && served + refused == 20,
        "{reply:?}"
    );
    assert!(
        reply.took_ms >= 1000,
        "a refusal for haste is no hurry: {reply:?}"
    );
    // Nonsense is counted like anything else.
    let reply = world.one(crowd(&get("http://[::1]/"))).await;
    assert!(told(&reply, "429 Too Many Requests") >= 5, "{reply:?}");
    let words: Vec<_> = world.decisions().await.iter().map(word).collect();
    assert!(
        words.iter().filter(|word| *word == "rate").count() >= 10,
        "{words:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_down() {
    let (world, server) = world(|budgets| budgets.bytes_down = 100_000).await;
    let announced = world.ask(&get(&url(&server, "/bytes/150000"))).await;
    assert_eq!((announced.status(), announced.code()), (429, "bytes_down"));
    let replies = world
        .run(&vec![raw(PROXY, &get(&url(&server, "/bytes/20000"))); 6])
        .await;
    assert_eq!(replies[0].status(), 200);
    let spent = &replies[5];
    assert_eq!(
        (spent.status(), spent.code()),
        (429, "bytes_down"),
        "{spent:?}"
    );
    assert!(
        spent
            .text
            .contains("used up what it may receive, 100000 bytes"),
        "{spent:?}"
    );
    assert!(world.proxy.spent().1 < 150_000, "{:?}", world.proxy.spent());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_up() {
    let (world, server) = world(|budgets| budgets.bytes_up = 20_000).await;
    let announced = format!(
        "POST {} HTTP/1.1\r\nContent-Length: 30000\r\n\r\n{}",
        url(&server, "/"),
        "x".repeat(30_000)
    );
    let announced = world.ask(&announced).await;
    assert_eq!(
        (announced.status(), announced.code()),
        (429, "bytes_up"),
        "{announced:?}"
    );
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    let endless = format!(
        "POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        url(&server, "/"),
        chunk.repeat(8)
    );
    let endless = world.ask(&endless).await;
    assert_eq!(
        (endless.status(), endless.code()),
        (429, "bytes_up"),
        "{endless:?}"
    );
    let (up, _) = world.proxy.spent();
    assert!(up < 60_000, "{up}");
    assert_eq!(server.count(), 0, "no request was completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_is_cut_at_its_bytes_and_at_its_time() {
    let mut setup = Setup::new(&[]);
    let certificates = Certificates::new();
    let server = Server::secure(setup.ip, 0, &certificates, "open.test").await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    setup.budgets.bytes_down = 50_000;
    setup.budgets.total_time = Duration::from_secs(2);
    let world = setup.start().await;
    let tls = |path: &str| {
        Job::Tls(Tls {
            to: PROXY.into(),
            connect: Some(format!("open.test:{}", server.port())),
            name: "open.test".into(),
            say_name: true,
            piece: 1 << 16,
            record: None,
            request: format!("GET {path} HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n"),
            roots: certificates.pem.clone(),
        })
    };
    let silent = world.one(tls("/silent")).await;
    assert!(silent.took_ms < 10_000, "{silent:?}");
    assert_eq!(word(&world.decision().await), "cut: too_long");
    let large = world.one(tls("/bytes/300000")).await;
    assert!(large.length < 100_000, "{}", large.length);
    assert_eq!(word(&world.decision().await), "cut: bytes_down");
    let next = world.one(tls("/")).await;
    assert_eq!(next.status(), 429, "{next:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stops_reading_or_sending_is_let_go() {
    let (world, server) = world(|budgets| {
        budgets.idle_time = Duration::from_secs(1);
        budgets.connect_time = Duration::from_secs(1);
        budgets.header_time = Duration::from_secs(1);
    })
    .await;
    // The rest of the body never comes.
    let half = format!(
        "POST {} HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf",
        url(&server, "/")
    );
    let reply = world.ask(&half).await;
    assert_eq!((reply.status(), reply.code()), (504, "idle"), "{reply:?}");
    // The answer is not read.
    let request = get(&url(&server, "/bytes/30000000"));
    let lazy = Job::Raw {
        to: PROXY.into(),
        pieces: vec![request, String::new()],
        pause_ms: 2000,
    };
    let reply = world.one(lazy).await;
    assert!((1..30_000_000).contains(&reply.length), "{}", reply.length);
    let words: Vec<_> = world.decisions().await.iter().map(word).collect();
    assert_eq!(words, ["cut: idle", "cut: idle"]);
}
