//! CONNECT: the greeting must name the host that the tunnel was opened for.

use crate::harness::*;
use crate::inside::{Job, Reply, Tls};
use crate::server::{Certificates, Server};
use std::time::Duration;
use wardroom_sandbox::egress::*;

struct Tunnels {
    world: World,
    server: Server,
    ordinary: Tls,
}

async fn tunnels(change: impl FnOnce(&mut Setup)) -> Tunnels {
    let mut setup = Setup::new(&[]);
    let certificates = Certificates::new();
    let server = Server::secure(setup.ip, 0, &certificates, "open.test").await;
    setup.allow = vec![format!("open.test:{}", server.port())];
    change(&mut setup);
    let world = setup.start().await;
    let ordinary = Tls {
        to: PROXY.into(),
        connect: Some(format!("open.test:{}", server.port())),
        name: "open.test".into(),
        say_name: true,
        piece: 1 << 16,
        record: None,
        request: format!(
            "GET /x HTTP/1.1\r\nHost: open.test:{}\r\nConnection: close\r\n\r\n",
            server.port()
        ),
        roots: certificates.pem,
    };
    Tunnels {
        world,
        server,
        ordinary,
    }
}

impl Tunnels {
    async fn greet(&self, change: impl FnOnce(&mut Tls)) -> Reply {
        let mut tls = self.ordinary.clone();
        change(&mut tls);
        self.world.one(Job::Tls(tls)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_carries_tls_to_its_host() {
    let tunnels = tunnels(|_| {}).await;
    for (piece, record) in [
        (1 << 16, None),
        (1, None),
        (7, Some(64)),
        (1 << 16, Some(32)),
    ] {
        let reply = tunnels
            .greet(|tls| (tls.piece, tls.record) = (piece, record))
            .await;
        assert!(
            reply.text.ends_with("hello"),
            "{piece} {record:?} {reply:?}"
        );
        let decision = tunnels.world.decision().await;
        assert_eq!(
            (word(&decision).as_str(), decision.road),
            ("allowed", Road::Connect)
        );
        assert!(
            decision.bytes_up > 100 && decision.bytes_down > 500,
            "{decision:?}"
        );
    }
    assert_eq!(tunnels.server.count(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greeting_for_another_host_or_for_none_is_refused() {
    let tunnels = tunnels(|_| {}).await;
    for (name, say_name, why) in [
        ("evil.test", true, "server_name_mismatch"),
        ("sub.open.test", true, "server_name_mismatch"),
        ("open.test", false, "no_server_name"),
    ] {
        let reply = tunnels
            .greet(|tls| (tls.name, tls.say_name) = (name.into(), say_name))
            .await;
        let error = reply.error.unwrap_or_default();
        assert!(
            error.contains("AccessDenied"),
            "{name}: {error} {}",
            reply.text
        );
        assert_eq!(word(&tunnels.world.decision().await), why, "{name}");
    }
    assert_eq!(tunnels.server.count(), 0, "a request came through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_requests_in_a_tunnel_are_judged_one_by_one() {
    let mut setup = Setup::new(&[]);
    let server = Server::plain(setup.ip, 0).await;
    let target = format!("open.test:{}", server.port());
    setup.allow = vec![target.clone()];
    let world = setup.start().await;
    let connect = format!("CONNECT {target} HTTP/1.1\r\n\r\n");
    let request = |host: &str| {
        format!("{connect}GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    };
    assert!(world.ask(&request(&target)).await.text.ends_with("hello"));
    let other = world.ask(&request("evil.test")).await.text;
    assert!(other.contains("x-egress-refusal: host_mismatch"), "{other}");
    let nested = world.ask(&format!("{connect}{connect}")).await.text;
    assert!(nested.contains("400 Bad Request"), "{nested}");
    let ssh = world
        .ask(&format!("{connect}SSH-2.0-OpenSSH_9.2\r\n\r\n"))
        .await
        .text;
    assert!(ssh.contains("400 Bad Request"), "{ssh}");
    assert_eq!(server.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greeting_that_dawdles_or_never_ends_is_cut() {
    let tunnels = tunnels(|setup| setup.budgets.header_time = Duration::from_secs(1)).await;
    let connect = format!(
        "CONNECT open.test:{} HTTP/1.1\r\n\r\n",
        tunnels.server.port()
    );
    let opening = "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}";
    let slow = Job::Raw {
        to: PROXY.into(),
        pieces: vec![
            connect.clone(),
            opening.into(),
            "\u{3}".into(),
            "\u{3}".into(),
            "\u{0}".into(),
        ],
        pause_ms: 400,
    };
    let reply = tunnels.world.one(slow).await;
    assert!(reply.took_ms < 8000, "{reply:?}");
    assert_eq!(word(&tunnels.world.decision().await), "header_too_slow");
    // A record that says 16 KiB, with a greeting that says 16 MiB.
    let record = "\u{16}\u{3}\u{1}\u{40}\u{0}\u{1}\u{ff}\u{ff}\u{ff}".to_owned()
        + &"x".repeat(16 * 1024 - 4);
    let endless = raw(PROXY, &format!("{connect}{record}{record}"));
    tunnels.world.one(endless).await;
    let why = word(&tunnels.world.decision().await);
    assert!(
        ["header_too_large", "not_tls"].contains(&why.as_str()),
        "{why}"
    );
    assert_eq!(tunnels.server.count(), 0);
}
