//! Nothing leaves by itself (rows 38, 39), and the sockets that are handed out (5.4).

use crate::harness::*;
use std::io::{Read, Write};
use std::net::TcpListener;
use wardroom_sandbox::*;

async fn connect(sandbox: &std::sync::Arc<dyn Sandbox>, targets: &[&str]) -> Vec<String> {
    let mut attack = attack("connect");
    attack
        .env
        .push(("TARGETS".into(), targets.join(",").into()));
    let output = run(sandbox, attack).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    targets
        .iter()
        .map(|target| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(&format!("> {target}=")));
            line.unwrap_or("?").to_owned()
        })
        .collect()
}

#[tokio::test]
async fn rows_38_and_39_no_way_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap().to_string();
    let sandbox = ordinary().await;
    let targets = [
        "1.1.1.1:80",
        "169.254.169.254:80",
        "10.0.0.1:80",
        "udp:8.8.8.8:53",
        "[2606:4700::1]:80",
    ];
    for (target, result) in targets.iter().zip(connect(&sandbox, &targets).await) {
        assert!(
            ["ENETUNREACH", "errno 99", "errno 113"].contains(&&*result),
            "{target}: {result}"
        );
    }
    assert_eq!(connect(&sandbox, &[&local]).await, ["ECONNREFUSED"]);
    // Debian's gVisor cannot list that folder.
    if oci_runtime().as_deref() != Some("runsc") {
        assert_eq!(
            said(
                &sandbox,
                "cat /proc/net/route | wc -l; ls /proc/sys/net/ipv4/conf"
            )
            .await,
            "1\nall\ndefault\nlo"
        );
    }
}

#[tokio::test]
async fn egress_sockets_are_answered_by_the_platform() {
    let created = try_create(SandboxSpec {
        egress: EgressSpec::Proxied,
        ..spec()
    })
    .await
    .unwrap();
    let egress = created.egress.unwrap();
    let answer = |listener: TcpListener, word: &'static str| {
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(word.as_bytes()).unwrap();
        })
    };
    let threads = [
        answer(egress.http, "proxy"),
        answer(egress.capture_80, "eighty"),
        answer(egress.capture_443, "tls"),
    ];
    let dns = egress.dns;
    let resolver = std::thread::spawn(move || {
        let mut query = [0; 512];
        let (length, from) = dns.recv_from(&mut query).unwrap();
        dns.send_to(b"answer", from).unwrap();
        length
    });
    let targets = [
        "127.0.0.1:3128",
        "198.18.0.7:80",
        "198.19.255.1:443",
        "udp:127.0.0.1:53",
    ];
    assert_eq!(connect(&created.sandbox, &targets).await, ["ALLOWED"; 4]);
    // Beyond the stand-in addresses there is still nothing.
    assert_eq!(
        connect(&created.sandbox, &["1.1.1.1:443"]).await,
        ["ENETUNREACH"]
    );
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(resolver.join().unwrap(), 1);
}

#[tokio::test]
async fn what_listens_inside_is_not_the_host_s() {
    let created = try_create(SandboxSpec {
        egress: EgressSpec::Proxied,
        ..spec()
    })
    .await
    .unwrap();
    let address = created.egress.as_ref().unwrap().http.local_addr().unwrap();
    let outside = std::net::TcpStream::connect(address);
    let heard = outside.and_then(|mut stream| {
        stream.set_read_timeout(Some(std::time::Duration::from_millis(200)))?;
        stream.read(&mut [0; 1])
    });
    assert!(heard.is_err(), "the host reached a socket of the sandbox");
}
