//! Telegram calls: each update as a POST to the webhook, in order, again until it is taken.

use super::state::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How often an update is tried before Telegram would wait for longer.
const TRIES: usize = 50;

/// Starts a caller, if the bot has a webhook and something waits.
pub fn call_soon(shared: &Arc<Shared>, token: &str) {
    let has_hook = {
        let state = shared.lock();
        state
            .bots
            .get(token)
            .is_some_and(|bot| bot.webhook.is_some())
    };
    if has_hook && tokio::runtime::Handle::try_current().is_ok() {
        let (shared, token) = (Arc::clone(shared), token.to_owned());
        tokio::spawn(async move { drain(&shared, &token).await });
    }
}

async fn drain(shared: &Arc<Shared>, token: &str) {
    loop {
        let next = {
            let mut state = shared.lock();
            let Some(bot) = state.bots.get_mut(token) else {
                return;
            };
            let hook = bot.webhook.clone();
            hook.and_then(|hook| Some((hook, bot.updates.pop_front()?)))
        };
        let Some((hook, update)) = next else {
            return;
        };
        for _ in 0..TRIES {
            if post(&hook.url, hook.secret.as_deref(), &update.to_string()).await == Some(200) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// One POST over plain HTTP; answers the status.
async fn post(url: &str, secret: Option<&str>, body: &str) -> Option<u16> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let secret = secret
        .map(|secret| format!("X-Telegram-Bot-Api-Secret-Token: {secret}\r\n"))
        .unwrap_or_default();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{secret}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let head = String::from_utf8_lossy(&answer);
    head.split(' ').nth(1)?.parse().ok()
}
