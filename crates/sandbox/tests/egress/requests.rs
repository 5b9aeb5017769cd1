//! Ordinary requests through the proxy do what they should.

use crate::harness::*;
use crate::inside::Job;
use crate::server::Server;
use std::time::Duration;
use wardroom_sandbox::egress::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_reaches_an_allowed_host_and_is_recorded() {
    let mut setup = Setup::new(&[]);
    let server = Server::plain(setup.ip, 0).await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    let world = setup.start().await;
    world.proxy.set_scope(Scope {
        label: Label {
            task: "task_1".into(),
            action: "action_1".into(),
        },
        ..Scope::default()
    });
    let url = format!("http://Open.TEST:{}/path?token=hidden", server.port());
    let request = format!(
        "POST {url} HTTP/1.1\r\nHost: open.test:{}\r\nProxy-Authorization: Basic eHg=\r\n\
         Proxy-Connection: keep-alive\r\nX-Hop: 1\r\nConnection: close, x-hop\r\nX-Kept: 2\r\n\
         Content-Length: 4\r\n\r\nbody",
        server.port()
    );
    let reply = world.ask(&request).await;
    assert_eq!(reply.status(), 200, "{reply:?}");
    assert!(reply.text.ends_with("\r\n\r\nhello"), "{reply:?}");
    let seen = server.last();
    assert_eq!(seen.uri, "/path?token=hidden");
    assert_eq!(seen.headers["host"], format!("open.test:{}", server.port()));
    assert_eq!(&seen.body[..], b"body");
    let mut names: Vec<_> = seen.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "host", "x-kept"]);
    let decision = world.decision().await;
    assert_eq!(word(&decision), "allowed");
    assert_eq!(&*decision.label.action, "action_1");
    assert_eq!(decision.road, Road::Http);
    assert_eq!(decision.method.as_deref(), Some("POST"));
    assert_eq!(decision.path.as_deref(), Some("/path"));
    assert_eq!(decision.status, Some(200));
    assert!(
        decision.bytes_up > 50 && decision.bytes_down > 50,
        "{decision:?}"
    );
    assert!(!format!("{decision:?}").contains("hidden"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_pass_in_every_framing() {
    let mut setup = Setup::new(&[]);
    let server = Server::plain(setup.ip, 0).await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    let world = setup.start().await;
    let at = |path: &str| format!("http://open.test:{}{path}", server.port());
    let chunked = format!(
        "POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        at("/body")
    );
    assert!(world.ask(&chunked).await.text.ends_with("\r\n\r\nabcde"));
    let expecting = format!(
        "POST {} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        at("/body")
    );
    assert!(world.ask(&expecting).await.text.ends_with("\r\n\r\nok"));
    let head = format!(
        "HEAD {} HTTP/1.1\r\nConnection: close\r\n\r\n",
        at("/bytes/7")
    );
    let head = world.ask(&head).await.text;
    assert!(
        head.contains("content-length: 7") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let large = world.ask(&get(&at("/bytes/300000"))).await;
    assert!(large.length > 300_000);
    // Two requests over one connection.
    let first = format!("GET {} HTTP/1.1\r\n\r\n", at("/a"));
    let both = world.ask(&format!("{first}{}", get(&at("/b")))).await.text;
    assert_eq!(both.matches("HTTP/1.1 200").count(), 2, "{both}");
    let old = world
        .ask(&format!("GET {} HTTP/1.0\r\n\r\n", at("/")))
        .await
        .text;
    assert!(old.ends_with("hello"), "{old}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_hides_in_another() {
    let mut setup = Setup::new(&[]);
    setup.budgets.header_time = Duration::from_millis(300);
    let server = Server::plain(setup.ip, 0).await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    let world = setup.start().await;
    let url = format!("http://open.test:{}/body", server.port());
    let hidden = "GET /hidden HTTP/1.1\r\nHost: evil.test\r\n\r\n";
    let length = format!("Content-Length: {}\r\n", 5 + hidden.len());
    let chunked = "Transfer-Encoding: chunked\r\n";
    let table = [
        format!("POST {url} HTTP/1.1\r\n{length}{chunked}\r\n0\r\n\r\n{hidden}"),
        format!("POST {url} HTTP/1.1\r\n{chunked}{length}\r\n0\r\n\r\n{hidden}"),
        format!("POST {url} HTTP/1.1\r\nContent-Length: 0\r\n{length}\r\n0\r\n\r\n{hidden}"),
        format!("POST {url} HTTP/1.1\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("POST {url} HTTP/1.1\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n{hidden}"),
        format!("POST {url} HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("GET {url} HTTP/1.1\r\nX: 1\n\n{hidden}"),
        format!("GET {url} HTTP/1.1\r\nX: 1\r\r\nY: 2\r\n\r\n{hidden}"),
        format!(
            "POST {url} HTTP/1.1\r\nConnection: content-length\r\n{length}\r\n0\r\n\r\n{hidden}"
        ),
    ];
    for request in table {
        let reply = world.ask(&request).await;
        assert!(reply.status() != 0, "{request:?} {reply:?}");
    }
    for seen in server.seen.lock().unwrap().iter() {
        assert_eq!(seen.uri, "/body", "{seen:?}");
        assert_eq!(seen.headers["host"], format!("open.test:{}", server.port()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_handed_over_and_not_followed() {
    let mut setup = Setup::new(&[]);
    let server = Server::plain(setup.ip, 0).await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    let world = setup.start().await;
    let at = |path: &str| format!("http://open.test:{}{path}", server.port());
    let reply = world.ask(&get(&at("/redirect"))).await;
    assert_eq!(reply.status(), 302);
    assert!(reply.text.contains("location: http://evil.test/"));
    assert_eq!(world.asked(), ["open.test"]);
    let hops = world.ask(&get(&at("/hops"))).await.text;
    assert!(
        !hops.contains("x-hop") && !hops.contains("proxy-auth"),
        "{hops}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_may_change_while_the_sandbox_lives() {
    let setup = Setup::new(&[]);
    let server = Server::plain(setup.ip, 0).await;
    let rules = [format!("open.test:{}", server.port()), setup.ip.to_string()];
    let world = setup.start().await;
    let request = get(&format!("http://{}/", rules[0]));
    assert_eq!(world.ask(&request).await.code(), "not_listed");
    world
        .proxy
        .set_rules(Rules::parse(&[&rules[0]], &[&rules[1]]).unwrap());
    assert_eq!(world.ask(&request).await.status(), 200);
    world.proxy.set_rules(Rules::default());
    assert_eq!(world.ask(&request).await.code(), "not_listed");
    assert_eq!(server.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_requests_leave_nothing_open() {
    let mut setup = Setup::new(&[]);
    setup.budgets.requests_per_second = 1000;
    let server = Server::plain(setup.ip, 0).await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    let ip = setup.ip;
    let world = setup.start().await;
    let target = format!("open.test:{}", server.port());
    let direct = get(&format!("http://{target}/"));
    let inner = format!("GET / HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n");
    let tunnel = format!("CONNECT {target} HTTP/1.1\r\n\r\n{inner}");
    for round in 0..10 {
        let crowd = Job::Crowd {
            to: PROXY.into(),
            request: if round % 2 == 0 { &direct } else { &tunnel }.clone(),
            count: 30,
        };
        let reply = world.one(crowd).await;
        assert_eq!(reply.text.matches("200 OK").count(), 30, "{reply:?}");
    }
    assert_eq!(server.count(), 300);
    // A tunnel has a decision of its own.
    assert_eq!(world.decisions().await.len(), 450);
    // Sockets between the proxy and the server, by the server's address.
    let octets = ip.octets().map(|octet| format!("{octet:02X}"));
    let hex: String = octets.iter().rev().map(String::as_str).collect();
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let open = table.lines().filter(|line| {
        let mut fields = line.split_whitespace().skip(2);
        let (remote, state) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
        remote.starts_with(&hex) && ["01", "08"].contains(&state)
    });
    assert_eq!(open.count(), 0, "{table}");
    // Sockets between the sandbox and the proxy, seen from inside: none is established.
    assert_eq!(
        world
            .said("awk '$4==\"01\" || $4==\"08\"' /proc/net/tcp")
            .await,
        ""
    );
}
