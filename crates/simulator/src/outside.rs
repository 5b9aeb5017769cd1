//! The world outside: an MCP server behind a pipe, and the runner of a sandbox. It goes on when a
//! process of ours dies, and it counts.

use crate::Chance;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use wardroom_domain::Digest;
use wardroom_executors::protocol::{Answer, Call, Done, body_length, encode};
use wardroom_store::Happened;

/// What the world remembers, and how fast it is.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

struct State {
    happened: Vec<Happened>,
    chance: Chance,
}

/// The tools of the server: one that pays, one that looks.
const TOOLS: [(&str, &str); 2] = [("pay", "Pays."), ("look", "Looks.")];

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            happened: Vec::new(),
            chance: Chance::of(seed),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each time that something was done that counts, in order.
    pub(crate) fn happened(&self) -> Vec<Happened> {
        self.lock().happened.clone()
    }

    /// Whether a call was carried out.
    pub(crate) fn knows(&self, call: &Digest) -> bool {
        self.lock()
            .happened
            .iter()
            .any(|happened| happened.call == *call)
    }

    fn happens(&self, tool: &str, arguments: &Value, fence: Option<u64>) {
        let call = Digest::of(&(tool, arguments));
        self.lock().happened.push(Happened { call, fence });
    }

    /// How long the next thing takes.
    fn pause(&self) -> Duration {
        Duration::from_millis(1 + self.lock().chance.below(60))
    }

    /// A server of tools on the other end of a pipe.
    pub(crate) async fn serve_tools(self, pipe: DuplexStream) {
        let (input, mut output) = tokio::io::split(pipe);
        let mut lines = BufReader::new(input).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let Ok(asked) = serde_json::from_str::<Value>(&line) else {
                return;
            };
            if asked.get("id").is_none() {
                continue;
            }
            let result = self.answer(&asked).await;
            let text = json!({"jsonrpc": "2.0", "id": asked["id"], "result": result});
            if output
                .write_all(format!("{text}\n").as_bytes())
                .await
                .is_err()
            {
                return;
            }
        }
    }

    async fn answer(&self, asked: &Value) -> Value {
        match asked["method"].as_str() {
            Some("initialize") => json!({"protocolVersion": asked["params"]["protocolVersion"],
                "capabilities": {"tools": {}}, "serverInfo": {"name": "outside", "version": "1"}}),
            Some("tools/list") => {
                let schema = json!({"type": "object", "properties": {"what": {"type": "string"}}});
                let tool = |(name, description)| json!({"name": name, "description": description, "inputSchema": schema});
                json!({"tools": TOOLS.map(tool)})
            }
            Some("tools/call") => self.called(&asked["params"]).await,
            _ => json!({}),
        }
    }

    async fn called(&self, asked: &Value) -> Value {
        let name = asked["name"].as_str().unwrap_or_default();
        tokio::time::sleep(self.pause()).await;
        self.happens(&format!("outside__{name}"), &asked["arguments"], None);
        tokio::time::sleep(self.pause()).await;
        json!({"content": [{"type": "text", "text": format!("{name} done")}], "isError": false})
    }

    /// The runner of a sandbox over a folder: it knows one command, which adds a line to a file.
    pub(crate) async fn serve_runner(self, pipe: DuplexStream, folder: Option<PathBuf>) {
        let (mut input, mut output) = tokio::io::split(pipe);
        let hello = Answer::Hello {
            tools: vec!["shell".to_owned()],
        };
        if say(&mut output, &hello).await.is_none() {
            return;
        }
        while let Some(call) = hear(&mut input).await {
            tokio::time::sleep(self.pause()).await;
            self.happens(&call.tool, &call.arguments, Some(call.fence));
            let is_error = add_line(folder.as_deref(), &call.arguments).is_none();
            tokio::time::sleep(self.pause()).await;
            let done = Answer::Done(Done {
                action: call.action,
                fence: call.fence,
                is_error,
                text: "added".to_owned(),
                detail: json!({"exit_code": 0}),
                in_doubt: false,
            });
            if say(&mut output, &done).await.is_none() {
                return;
            }
        }
    }
}

/// `echo WORD >> FILE`, by hand.
fn add_line(folder: Option<&std::path::Path>, arguments: &Value) -> Option<()> {
    use std::io::Write;
    let command = arguments["command"].as_str()?;
    let (word, file) = command.strip_prefix("echo ")?.split_once(" >> ")?;
    let path = folder?.join(file);
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)
        .ok()?;
    writeln!(file, "{word}").ok()
}

async fn say(output: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> Option<()> {
    output.write_all(&encode(answer).ok()?).await.ok()
}

async fn hear(input: &mut (impl AsyncReadExt + Unpin)) -> Option<Call> {
    let mut header = [0; 4];
    input.read_exact(&mut header).await.ok()?;
    let mut body = vec![0; body_length(header).ok()?];
    input.read_exact(&mut body).await.ok()?;
    serde_json::from_slice(&body).ok()
}
