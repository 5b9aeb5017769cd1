//! The doors under load: webhooks at a steady rate, and chat while every executor is busy.

use crate::failure::{Failure, Outcome};
use crate::table::{Row, Table, Target, Times, ms};
use std::path::Path;
use std::time::{Duration, Instant};
use wardroom_api::message::PostMessage;
use wardroom_api::task::CreateTask;
use wardroom_domain::TaskStatus;
use wardroom_testkit::models::{Asked, Said};
use wardroom_testkit::telegram::{Human, TelegramStandIn};
use wardroom_testkit::world::{Setup, World};

const TOKEN: &str = "1000:main-token";
/// Deliveries per second, and for how long.
const RATE: u32 = 500;
const SECONDS: u32 = 4;
/// How many tasks sleep while somebody chats.
const BUSY: u32 = 5;
const CHATS: usize = 100;

pub async fn measure(binary: &Path, table: &mut Table) -> Outcome<()> {
    webhooks(binary, table).await?;
    chat_while_busy(binary, table).await
}

/// Each delivery is sent at its time, whether or not the ones before it have been answered.
async fn webhooks(binary: &Path, table: &mut Table) -> Outcome<()> {
    let telegram = TelegramStandIn::start(&[(TOKEN, "crew_bot")]).await;
    let telegram = telegram.map_err(Failure::to("start the stand-in of Telegram"))?;
    let connector = format!(
        "[connectors.telegram.main]\ntoken = \"secret:telegram\"\nmode = \"webhook\"\n\
         webhook_secret = \"secret:hook\"\napi_base = \"{}\"\n\n",
        telegram.base_url()
    );
    let setup = Setup::new(binary)
        .secret("telegram", TOKEN)
        .secret("hook", "hush");
    let world = World::start(setup.with(&connector), |_: &Asked| Said::text("hello")).await;
    let url = format!("{}/telegram/webhook", world.url());
    let client = crate::bare::client()?;
    let stranger = Human::new(7, "Somebody");
    let (began, mut sending) = (Instant::now(), tokio::task::JoinSet::new());
    for number in 0..RATE * SECONDS {
        let update = telegram.says(TOKEN, &stranger, &format!("hello {number}"));
        let body = telegram.update(update).to_string();
        let (client, url) = (client.clone(), url.clone());
        let due = began + Duration::from_secs(1) / RATE * number;
        tokio::time::sleep_until(due.into()).await;
        sending.spawn(async move {
            let post = client
                .post(url)
                .header("x-telegram-bot-api-secret-token", "hush");
            let sent = post
                .header("content-type", "application/json")
                .body(body)
                .send()
                .await;
            sent.is_ok_and(|answer| answer.status().is_success())
                .then(|| due.elapsed())
        });
    }
    let mut times = Times::default();
    let mut refused = 0;
    for took in sending.join_all().await {
        match took {
            Some(took) => times.push(took),
            None => refused += 1,
        }
    }
    let late = times.percentile(99);
    let target = Target::of(
        "p99 25 ms",
        refused == 0 && late <= Duration::from_millis(25),
    );
    let shown = format!("{}, {refused} refused", times.shown());
    table.push(Row::new("webhooks acknowledged at 500/s", shown, target));
    Ok(())
}

async fn chat_while_busy(binary: &Path, table: &mut Table) -> Outcome<()> {
    let limits = format!(
        "[limits]\nexecutors_per_user = {BUSY}\ntasks_per_workspace = {BUSY}\n\
         messages_per_minute = 0\norg_messages_per_minute = 0\n\n"
    );
    let brain = |asked: &Asked| match asked.request.tools.iter().any(|tool| tool.name == "shell") {
        true => Said::default().and_call("shell", serde_json::json!({"command": "sleep 600"})),
        false => Said::text("Here I am."),
    };
    let world = World::start(Setup::new(binary).with(&limits), brain).await;
    let owner = world.owner();
    for _ in 0..BUSY {
        let create = CreateTask {
            text: "sleep".to_owned(),
            ..CreateTask::default()
        };
        let task = owner.client.create_task(&create, None).await;
        let task = task.map_err(Failure::to("begin a task"))?;
        owner.awaits(task.id, TaskStatus::Running).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut times = Times::default();
    for _ in 0..CHATS {
        let post = PostMessage {
            text: "are you there?".to_owned(),
            ..PostMessage::default()
        };
        let began = Instant::now();
        let answered = owner.client.post_message(&post, None).await;
        answered.map_err(Failure::to("say something"))?;
        times.push(began.elapsed());
    }
    let late = times.percentile(95);
    let target = Target::of("p95 2 s", late <= Duration::from_secs(2));
    let shown = format!("p50 {}, p95 {}", ms(times.median()), ms(late));
    table.push(Row::new(
        "chat answered while all executors are busy (T-F2)",
        shown,
        target,
    ));
    Ok(())
}
