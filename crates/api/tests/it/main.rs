//! The client against a server of a few lines: what breaks, what is said about it, what resumes.

#![expect(clippy::unwrap_used, reason = "a test stops where it finds a fault")]

use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use wardroom_api::client::{Address, Client, ClientError};
use wardroom_api::event::EventBody;
use wardroom_api::problem::Code;
use wardroom_domain::{TaskId, Timestamp};

const AT: &str = r#""at":"2026-01-01T00:00:00Z""#;

/// Answers each connection with the next of `answers`, and returns what was asked.
async fn serve(socket: &Path, answers: Vec<String>) -> tokio::task::JoinHandle<Vec<String>> {
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = peer.read(&mut request).await.unwrap();
            asked.push(String::from_utf8_lossy(&request[..length]).into_owned());
            peer.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    })
}

fn response(status: &str, media_type: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\nconnection: close\r\n\r\n{body}")
}

fn task() -> TaskId {
    TaskId::mint(Timestamp::from_micros(1_767_225_600_000_000), 7)
}

#[tokio::test]
async fn a_broken_stream_goes_on_after_the_last_event_seen() {
    let dir = tempfile::tempdir().unwrap();
    let address = Address::in_data_dir(dir.path());
    let first = format!(
        "id: 4\nevent: progress\ndata: {{\"seq\":4,{AT},\"event\":\"progress\",\"percent\":1,\"note\":\"\"}}\n\n: still here\n\nevent: preview\ndata: {{\"seq\":4,{AT},\"event\":\"preview\",\"attempt\":\"a\",\"text\":\"hel\"}}\n\n"
    );
    let second = format!(
        "id: 5\nevent: done\ndata: {{\"seq\":5,{AT},\"event\":\"done\",\"result\":\"4\"}}\n\n"
    );
    let answers = [first, second].map(|body| response("200 OK", "text/event-stream", &body));
    let server = serve(&dir.path().join("wardroom.sock"), answers.to_vec()).await;

    let mut events = Client::new(address)
        .unwrap()
        .task_events(task(), None)
        .unwrap();
    let mut names = Vec::new();
    let mut breaks = 0;
    loop {
        match events.next().await {
            Ok(Some(event)) => names.push(event.body.name()),
            Ok(None) => break,
            Err(error) if error.is_transient() => breaks += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((names, breaks), (vec!["progress", "preview", "done"], 1));
    let asked = server.await.unwrap();
    assert!(!asked[0].contains("last-event-id"));
    assert!(asked[1].contains("last-event-id: 4"), "{}", asked[1]);
}

#[tokio::test]
async fn a_problem_keeps_its_code_and_its_way_on() {
    let dir = tempfile::tempdir().unwrap();
    let problem =
        r#"{"type":"","title":"t","status":404,"code":"not_found","detail":"no such task"}"#;
    let answers = vec![response(
        "404 Not Found",
        "application/problem+json",
        problem,
    )];
    let _server = serve(&dir.path().join("wardroom.sock"), answers).await;
    let client = Client::new(Address::in_data_dir(dir.path())).unwrap();
    let error = client.task(task()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NotFound));
    assert_eq!(error.to_string(), "no such task");
    assert_eq!(error.hint(), Code::NotFound.hint());
}

#[tokio::test]
async fn where_nobody_listens_the_hint_says_how_to_start_one() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::new(Address::in_data_dir(dir.path())).unwrap();
    let error = client.me().await.unwrap_err();
    assert!(matches!(error, ClientError::NoServer { .. }), "{error:?}");
    assert!(error.hint().contains("wardroom up"));
}

#[test]
fn an_address_that_cannot_be_one_is_refused_before_anything_is_sent() {
    for url in [
        "127.0.0.1:8700",
        "ftp://host",
        "http://me:pw@host",
        "http://",
    ] {
        let address = Address::Url {
            url: url.into(),
            token: None,
        };
        assert!(
            matches!(Client::new(address), Err(ClientError::BadUrl { .. })),
            "{url}"
        );
    }
    let done = r#"{"event":"done"}"#;
    assert!(matches!(
        serde_json::from_str::<EventBody>(done),
        Ok(EventBody::Done(_))
    ));
}
