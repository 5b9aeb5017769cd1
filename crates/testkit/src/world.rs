//! A Wardroom as its users have it: the real binary on a real data directory, its doors on
//! loopback, and a stand-in for its model.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot go on fails its test"
)]

mod joined;

pub use joined::Joined;

use crate::models::{Brain, Dialect, ModelStandIn, Options};
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use wardroom_api::approval::{Approval, ApprovalFilter, Decide, Verdict};
use wardroom_api::client::{Address, Client};
use wardroom_api::message::{PostMessage, Reply};
use wardroom_api::task::{CreateTask, Task};
use wardroom_domain::{ApprovalId, ConversationId, TaskId, TaskStatus, WorkspaceId};

/// How long a story waits for anything before it fails. Generous: these machines are noisy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a world is like.
pub struct Setup {
    /// The binary.
    pub binary: PathBuf,
    /// More lines for the configuration file, before its tables.
    pub top: String,
    /// More tables for the configuration file.
    pub tables: String,
    /// How patient the router is with the model: more lines of its table.
    pub patience: String,
    /// Where the server finds the model, if not where it is.
    pub model_at: Option<String>,
    /// Models that are asked after the first, by name.
    pub spares: Vec<String>,
    /// More flags for `up`.
    pub flags: Vec<String>,
    /// Secrets that are stored before the first start: names and values.
    pub secrets: Vec<(String, String)>,
    /// What the server finds in its environment.
    pub environment: Vec<(String, String)>,
    /// The folder of the world, where it is another than a temporary one.
    pub disk: Option<SmallDisk>,
    /// What starts the server: a program that ends by starting its arguments. Nothing if empty.
    pub wrapper: Vec<String>,
}

impl Setup {
    /// A laptop with the binary under test.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            top: String::new(),
            tables: String::new(),
            patience: "retries_max = 1\ntimeout_ms = 20000\n".to_owned(),
            model_at: None,
            spares: Vec::new(),
            flags: Vec::new(),
            secrets: Vec::new(),
            environment: Vec::new(),
            disk: None,
            wrapper: Vec::new(),
        }
    }

    /// With a data directory on a disk of so many MiB; none where this machine lets us mount none.
    pub fn on_a_disk_of(mut self, mebibytes: u32) -> Option<Self> {
        self.disk = Some(SmallDisk::mount(mebibytes)?);
        Some(self)
    }

    /// With a secret that is stored before the first start.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another profile.
    #[must_use]
    pub fn profile(mut self, name: &str) -> Self {
        self.top.push_str(&format!("profile = \"{name}\"\n"));
        self
    }

    /// With more tables of configuration.
    #[must_use]
    pub fn with(mut self, tables: &str) -> Self {
        self.tables.push_str(tables);
        self
    }

    /// With a variable in the server's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, started by another program.
    #[must_use]
    pub fn wrapped(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    fn command(&self) -> Command {
        let mut command = match self.wrapper.split_first() {
            None => Command::new(&self.binary),
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(&self.binary);
                command
            }
        };
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// With another patience towards the model.
    #[must_use]
    pub fn patience(mut self, lines: &str) -> Self {
        self.patience = lines.to_owned();
        self
    }

    /// With a model that is asked when the first one fails.
    #[must_use]
    pub fn spare(mut self, name: &str, model: &ModelStandIn) -> Self {
        let url = model.base_url();
        self.spares.push(name.to_owned());
        self.with(&format!(
            "[models.{name}]\nprovider = \"openai\"\nbase_url = \"{url}\"\nmodel = \"spare\"\n\n"
        ))
    }

    fn chain(&self) -> String {
        let spares = self.spares.iter().map(|name| format!(", \"{name}\""));
        format!("[\"default\"{}]", spares.collect::<String>())
    }
}

/// A small disk in memory, with nothing on it; it is taken away when dropped.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let mut mount = Command::new("mount");
        mount.args([
            "-t",
            "tmpfs",
            "-o",
            &format!("size={mebibytes}m"),
            "wardroom-test",
        ]);
        let mounted = mount.arg(folder.path()).stderr(Stdio::null()).status();
        mounted.ok()?.success().then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// A running Wardroom.
pub struct World {
    setup: Setup,
    folder: tempfile::TempDir,
    /// The model that it asks.
    pub model: ModelStandIn,
    server: Option<Child>,
    url: String,
    /// The one-time link that it printed.
    pub link: String,
}

impl World {
    /// Starts a model that thinks with `brain`, and a Wardroom that asks it.
    pub async fn start(setup: Setup, brain: impl Brain) -> Self {
        let model = ModelStandIn::start(Options::open(Dialect::OpenAi), brain).await;
        let model = model.expect("the stand-in listens on loopback");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut world = Self {
            setup,
            folder,
            model,
            server: None,
            url: String::new(),
            link: String::new(),
        };
        std::fs::create_dir_all(world.data()).expect("the data directory");
        std::fs::write(world.data().join("wardroom.toml"), world.configuration())
            .expect("its file");
        for (name, value) in &world.setup.secrets {
            world.sets_secret(name, value);
        }
        world.up();
        world
    }

    fn configuration(&self) -> String {
        let chain = self.setup.chain();
        format!(
            "{}[models.default]\nprovider = \"openai\"\nbase_url = \"{}\"\nmodel = \"stand-in\"\n\
             {}\n[routing]\ncoordinator = {chain}\nexecutor = {chain}\n\n{}",
            self.setup.top,
            self.setup
                .model_at
                .as_ref()
                .unwrap_or(&self.model.base_url()),
            self.setup.patience,
            self.setup.tables
        )
    }

    /// Writes more tables into the configuration file.
    pub fn append_configuration(&self, tables: &str) {
        let text = format!("{}\n{tables}", self.configuration());
        std::fs::write(self.data().join("wardroom.toml"), text).expect("its file");
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        match &self.setup.disk {
            Some(disk) => disk.0.path().join("data"),
            None => self.folder.path().join("data"),
        }
    }

    /// A folder of the host for a story to work on.
    pub fn project(&self, files: &[(&str, &str)]) -> PathBuf {
        let project = self.folder.path().join("project");
        for (name, content) in files {
            let path = project.join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, content).expect("a file");
        }
        project
    }

    /// Where a file of the world may lie beside the data directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the server again with other flags.
    pub fn up_with(&mut self, flags: &[&str]) {
        self.setup.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.up();
    }

    /// Starts the server, or starts it again.
    pub fn up(&mut self) {
        let line = self.begins();
        let ready: serde_json::Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("not ready: {line:?}\n{}", self.log()));
        assert_eq!(ready["ready"], true, "{line}");
    }

    /// Starts the server, and answers the first line that it prints: empty if it ends before.
    fn begins(&mut self) -> String {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("server.log"))
            .expect("a log file");
        let mut server = self
            .setup
            .command()
            .args(["up", "--listen", "127.0.0.1:0", "--ready-json", "--data"])
            .arg(self.data())
            .args(&self.setup.flags)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let mut out = BufReader::new(server.stdout.take().expect("its output"));
        out.read_line(&mut line).expect("its first line");
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        self.url = ready["url"].as_str().unwrap_or_default().to_owned();
        // Whatever else it prints must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        self.server = Some(server);
        line
    }

    /// Starts the server again, to end by itself when it comes to a waymark for the n-th time.
    pub fn up_until(&mut self, waymark: &str, count: u32) {
        let plug = ("WARDROOM_CRASH_AT".to_owned(), format!("{waymark}:{count}"));
        self.setup.environment.push(plug);
        // On a slow machine it may come there before it is ready.
        self.begins();
        self.setup.environment.pop();
    }

    /// Whether the server has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        let server = self.server.as_mut();
        server.is_none_or(|server| matches!(server.try_wait(), Ok(Some(_))))
    }

    /// Starts the server where it refuses to, and answers what it says.
    pub fn up_refused(&self) -> String {
        let ran = self
            .setup
            .command()
            .args(["up", "--listen", "127.0.0.1:0", "--ready-json", "--data"])
            .arg(self.data())
            .args(&self.setup.flags)
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        assert!(!ran.status.success(), "it started");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    }

    /// What the server has written to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.server.as_ref().map_or(0, Child::id)
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Asks it to stop, and answers its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut server = self.server.take()?;
        let _ = Command::new("kill")
            .args(["-TERM", &server.id().to_string()])
            .status();
        server.wait().ok()?.code()
    }

    /// Asks it to stop, and at once asks again; answers its exit code.
    #[expect(
        clippy::disallowed_methods,
        reason = "nobody else runs on the thread of a test that waits for a process"
    )]
    pub fn stop_twice(&mut self) -> Option<i32> {
        let mut server = self.server.take()?;
        let number = server.id().to_string();
        for _ in 0..2 {
            let _ = Command::new("kill").args(["-TERM", &number]).status();
            std::thread::sleep(Duration::from_millis(50));
        }
        server.wait().ok()?.code()
    }

    /// Runs a verb of the binary on this data directory and answers its standard output.
    pub fn verb(&self, arguments: &[&str]) -> Result<String, String> {
        self.verb_knowing(arguments, &[])
    }

    /// The same with these variables in its environment.
    pub fn verb_knowing(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<String, String> {
        let ran = Command::new(&self.setup.binary)
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        if ran.status.success() {
            Ok(text)
        } else {
            Err(format!("{text}{}", String::from_utf8_lossy(&ran.stderr)))
        }
    }

    /// Runs a verb that ends by itself at a waymark; whether it came to its end.
    pub fn verb_until(&self, arguments: &[&str], waymark: &str, count: u32) -> bool {
        let ran = Command::new(&self.setup.binary)
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .env("WARDROOM_CRASH_AT", format!("{waymark}:{count}"))
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        ran.status.success()
    }

    /// Stores a secret.
    pub fn sets_secret(&self, name: &str, value: &str) {
        use std::io::Write;
        let mut set = Command::new(&self.setup.binary)
            .args(["secret", "set", name, "--data"])
            .arg(self.data())
            .stdin(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut input = set.stdin.take().expect("its input");
        input.write_all(value.as_bytes()).expect("it reads");
        drop(input);
        assert!(set.wait().expect("it ends").success());
    }

    /// The owner, over the data directory's socket.
    pub fn owner(&self) -> Person {
        Person {
            client: Client::new(Address::in_data_dir(&self.data())).expect("a client"),
        }
    }

    /// A person with a role, over the network with a token of his own.
    pub fn person(&self, name: &str, role: &str) -> Person {
        if role != "overlord" {
            self.verb(&["user", "add", name, "--role", role])
                .expect("the person is added");
        }
        let token = self.token(name);
        let address = Address::Url {
            url: self.url.clone(),
            token: Some(token),
        };
        Person {
            client: Client::new(address).expect("a client"),
        }
    }

    /// A person who is there already, with another token of his own.
    pub fn person_again(&self, name: &str) -> Person {
        let address = Address::Url {
            url: self.url.clone(),
            token: Some(self.token(name)),
        };
        Person {
            client: Client::new(address).expect("a client"),
        }
    }

    /// A new token of a person.
    pub fn token(&self, name: &str) -> String {
        self.verb(&["token", "create", "--user", name])
            .expect("a token")
            .trim()
            .to_owned()
    }

    /// What does not fit together in the store; nothing if all is well.
    pub fn rows_that_do_not_fit(&self) -> Option<String> {
        self.verb(&["doctor", "store"]).err()
    }

    /// Whether the audit log is whole.
    pub fn audit_is_whole(&self) -> bool {
        self.verb(&["audit", "verify"]).is_ok()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", self.log());
            let joined = std::fs::read_to_string(self.folder.path().join("joined.log"));
            eprintln!("--- of who joined\n{}", joined.unwrap_or_default());
        }
    }
}

/// Somebody who talks to a Wardroom.
pub struct Person {
    /// How he reaches it.
    pub client: Client,
}

impl Person {
    /// Says something, in a conversation if he is in one.
    pub async fn says(&self, text: &str, conversation: Option<ConversationId>) -> Reply {
        let post = PostMessage {
            text: text.to_owned(),
            conversation,
            ..PostMessage::default()
        };
        self.client
            .post_message(&post, None)
            .await
            .expect("an answer")
    }

    /// Says something about a folder of his.
    pub async fn says_in(&self, text: &str, workspace: WorkspaceId) -> Reply {
        let post = PostMessage {
            text: text.to_owned(),
            workspace: Some(workspace),
            ..PostMessage::default()
        };
        self.client
            .post_message(&post, None)
            .await
            .expect("an answer")
    }

    /// Opens a folder of the host to the crew.
    pub async fn opens(&self, folder: &Path) -> WorkspaceId {
        let open = wardroom_api::workspace::OpenWorkspace {
            path: folder.display().to_string(),
        };
        self.client
            .open_workspace(&open)
            .await
            .expect("the folder is opened")
            .id
    }

    /// Asks for a task directly.
    pub async fn asks(&self, text: &str) -> TaskId {
        let create = CreateTask {
            text: text.to_owned(),
            ..CreateTask::default()
        };
        self.client
            .create_task(&create, None)
            .await
            .expect("a task")
            .id
    }

    /// Asks for a task on a workspace of his.
    pub async fn asks_in(&self, text: &str, workspace: WorkspaceId) -> TaskId {
        let create = CreateTask {
            text: text.to_owned(),
            workspace: Some(workspace),
            ..CreateTask::default()
        };
        let task = self.client.create_task(&create, None).await;
        task.expect("a task").id
    }

    /// A task as it stands.
    pub async fn sees(&self, id: TaskId) -> Task {
        self.client.task(id).await.expect("the task")
    }

    /// Waits until a task stands where it is expected.
    pub async fn awaits(&self, id: TaskId, status: TaskStatus) -> Task {
        eventually(&format!("{id} to be {status}"), || async {
            let task = self.sees(id).await;
            let is_there = task.status == status;
            assert!(
                is_there || !task.status.is_terminal(),
                "{id} is {}: {:?}",
                task.status,
                task.error
            );
            is_there.then_some(task)
        })
        .await
    }

    /// Waits until a task has ended, however.
    pub async fn awaits_end(&self, id: TaskId) -> Task {
        eventually(&format!("{id} to end"), || async {
            let task = self.sees(id).await;
            task.status.is_terminal().then_some(task)
        })
        .await
    }

    /// Waits until he is asked something, and answers the question.
    pub async fn is_asked(&self) -> Approval {
        let waiting = ApprovalFilter {
            waiting: Some(true),
            ..ApprovalFilter::default()
        };
        eventually("a question", || async {
            self.client
                .approvals(&waiting)
                .await
                .expect("the list")
                .approvals
                .pop()
        })
        .await
    }

    /// Decides a question.
    pub async fn decides(
        &self,
        id: ApprovalId,
        decision: Verdict,
    ) -> Result<Approval, wardroom_api::client::ClientError> {
        let decide = Decide {
            decision,
            digest: None,
            remember: None,
            answer: None,
        };
        self.client.decide(id, &decide).await
    }

    /// Everything that was said in a conversation.
    pub async fn hears(&self, conversation: ConversationId) -> Vec<wardroom_api::message::Message> {
        let page = wardroom_api::page::Page {
            limit: Some(500),
            cursor: None,
        };
        self.client
            .messages(conversation, &page)
            .await
            .expect("the messages")
            .messages
    }

    /// Waits until somebody says something that fits.
    pub async fn awaits_words(&self, conversation: ConversationId, words: &str) -> String {
        eventually(&format!("the words {words:?}"), || async {
            let messages = self.hears(conversation).await;
            messages
                .into_iter()
                .map(|message| message.text)
                .find(|text| text.contains(words))
        })
        .await
    }
}

/// Tries until there is an answer, or patience ends.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(Instant::now() < until, "waited {PATIENCE:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
