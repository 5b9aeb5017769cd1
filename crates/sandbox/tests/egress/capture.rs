//! Programs that know nothing of a proxy are led to it by the resolver.

use crate::harness::*;
use crate::inside::{Job, Tls};
use crate::server::{Certificates, Server};
use wardroom_sandbox::egress::*;

struct Captured {
    world: World,
    plain: Server,
    secure: Server,
    roots: String,
}

/// Servers on the ports that are captured; only root may listen there.
async fn captured() -> Option<Captured> {
    if !rustix::process::geteuid().is_root() {
        skipped("an ordinary user cannot serve ports 80 and 443");
        return None;
    }
    let setup = Setup::new(&["open.test", "inner.test"]).name("inner.test", &["127.0.0.1"]);
    let certificates = Certificates::new();
    let plain = Server::plain(setup.ip, 80).await;
    let secure = Server::secure(setup.ip, 443, &certificates, "open.test").await;
    let world = setup.start().await;
    std::fs::write(world.shelf.path().join("roots.pem"), &certificates.pem).unwrap();
    Some(Captured {
        world,
        plain,
        secure,
        roots: certificates.pem,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_and_python_work_without_proxy_settings() {
    let Some(captured) = captured().await else {
        return;
    };
    let world = &captured.world;
    if is_there("curl") {
        let said = world.said("curl -s http://open.test/; echo; curl -s --cacert /opt/shelf/roots.pem https://open.test/").await;
        assert_eq!(said, "hello\nhello");
        let refused = world
            .said("curl -s http://evil.test/ || echo $?; curl -s http://inner.test/")
            .await;
        assert!(
            refused.starts_with('6')
                && refused.ends_with("only the public Internet can be reached"),
            "{refused}"
        );
        let proxied = world.said("https_proxy=http://127.0.0.1:3128 curl -s --cacert /opt/shelf/roots.pem https://open.test/").await;
        assert_eq!(proxied, "hello");
    } else {
        skipped("curl is not installed here");
    }
    if is_there("python3") {
        let script = "import ssl,urllib.request as u; \
            c=ssl.create_default_context(cafile='/opt/shelf/roots.pem'); \
            print(u.urlopen('http://open.test/').read().decode(), u.urlopen('https://open.test/',context=c).read().decode())";
        assert_eq!(
            world
                .said(&format!("/usr/bin/python3 -c \"{script}\""))
                .await,
            "hello hello"
        );
    } else {
        skipped("python is not installed here");
    }
    assert_eq!(
        (captured.plain.count() > 0, captured.secure.count() > 0),
        (true, true)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_in_the_request_decides_not_the_address() {
    let Some(captured) = captured().await else {
        return;
    };
    let world = &captured.world;
    let plain = |host: &str| {
        raw(
            "198.18.77.7:80",
            &format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        )
    };
    let secure = |name: &str, say_name: bool| {
        Job::Tls(Tls {
            to: "198.18.77.7:443".into(),
            connect: None,
            name: name.into(),
            say_name,
            piece: 3,
            record: None,
            request: format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"),
            roots: captured.roots.clone(),
        })
    };
    let table = [
        (plain("open.test"), "allowed"),
        (plain("OPEN.test:80"), "allowed"),
        (plain("evil.test"), "not_listed"),
        (plain("open.test:8080"), "not_listed"),
        (plain("127.0.0.1"), "malformed_host"),
        (plain("open.test."), "malformed_host"),
        (plain("inner.test"), "address_not_global"),
        (raw("198.18.77.7:80", "GET / HTTP/1.1\r\n\r\n"), "malformed"),
        (
            raw(
                "198.18.77.7:80",
                "GET http://evil.test/ HTTP/1.1\r\nHost: open.test\r\n\r\n",
            ),
            "host_mismatch",
        ),
        (
            raw("198.18.77.7:80", "CONNECT open.test:443 HTTP/1.1\r\n\r\n"),
            "malformed",
        ),
        (secure("open.test", true), "allowed"),
        (secure("evil.test", true), "not_listed"),
        (secure("open.test", false), "no_server_name"),
        (secure("inner.test", true), "address_not_global"),
        (
            raw(
                "198.18.77.7:443",
                "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n",
            ),
            "not_tls",
        ),
    ];
    for (job, expected) in table {
        let reply = world.one(job).await;
        let decision = world.decision().await;
        assert_eq!(word(&decision), expected, "{decision:?} {reply:?}");
        assert_eq!(
            reply.text.ends_with("hello"),
            expected == "allowed",
            "{reply:?}"
        );
        let road = if decision.path.is_some() {
            Road::CaptureHttp
        } else {
            Road::CaptureTls
        };
        assert_eq!(decision.road, road);
    }
    assert_eq!((captured.plain.count(), captured.secure.count()), (2, 1));
}
