//! The runner's side: it carries out what it knows and refuses everything else by itself.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use wardroom_executors::protocol::{Call, encode};
use wardroom_executors::runner::serve;

/// What the runner says.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the only writer").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn call(tool: &str, arguments: Value) -> Vec<u8> {
    let call = Call {
        action: "eff_1".to_owned(),
        fence: 3,
        tool: tool.to_owned(),
        arguments,
        timeout_ms: 1000,
        text_bytes_max: 1000,
        output_bytes_max: 1000,
        environment: Vec::new(),
        placeholders: BTreeMap::new(),
    };
    encode(&call).expect("a frame")
}

/// The frames after the greeting, and the exit code.
fn served(input: &[u8]) -> (Vec<Value>, i32) {
    let heard = Heard::default();
    let code = serve(input, heard.clone());
    let bytes = heard.0.lock().expect("it has ended").clone();
    let mut rest = bytes.as_slice();
    let mut frames = Vec::new();
    while let Some((head, body)) = rest.split_first_chunk::<4>() {
        let (body, after) = body.split_at(u32::from_be_bytes(*head) as usize);
        frames.push(serde_json::from_slice(body).expect("a frame"));
        rest = after;
    }
    (frames.split_off(1), code)
}

#[test]
fn an_unknown_call_is_refused_inside_too_and_the_next_one_is_served() {
    let input = [
        call("mount", json!({"path": "/"})),
        call("Shell", json!({"command": "true"})),
        call("file_read", json!({"path": "../etc/shadow"})),
    ]
    .concat();
    let (frames, code) = served(&input);
    assert_eq!(code, 0);
    let texts: Vec<&str> = frames
        .iter()
        .filter_map(|frame| frame["text"].as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "the runner knows no tool `mount`",
            "the runner knows no tool `Shell`",
            "`../etc/shadow`: it lies outside the workspace",
        ]
    );
    assert!(
        frames
            .iter()
            .all(|frame| frame["is_error"] == true && frame["fence"] == 3)
    );
}

#[test]
fn what_is_no_call_ends_the_runner() {
    for broken in [
        &[0xff, 0xff, 0xff, 0xff][..],
        &[0, 0, 0, 2, b'{', b'x'],
        &[0, 0, 0, 9, b'{'],
    ] {
        let (frames, code) = served(broken);
        assert_eq!((frames.len(), code), (0, 1), "{broken:?}");
    }
}
