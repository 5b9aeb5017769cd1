//! The methods of the Bot API that the stand-in knows.

use super::check::{self, Refusal, bad};
use super::params::Params;
use super::state::{Hiccup, Sent, Shared, State, Webhook};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State as FromState};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// `/bot<token>/<method>`
pub async fn call(
    FromState(shared): FromState<Arc<Shared>>,
    Path((bot, method)): Path<(String, String)>,
    request: Request,
) -> Response {
    let token = bot.strip_prefix("bot").unwrap_or_default().to_owned();
    let method = method.to_lowercase();
    let hiccup = {
        let mut state = shared.lock();
        *state.calls.entry(method.clone()).or_default() += 1;
        if state.is_away {
            Some(Hiccup::Status(502))
        } else {
            state.hiccup(&method)
        }
    };
    match hiccup {
        Some(Hiccup::Flood(seconds)) => {
            let words = format!("Too Many Requests: retry after {seconds}");
            return refuse(Refusal(429, words, json!({"retry_after": seconds})));
        }
        Some(Hiccup::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            return (status, "<html>bad gateway</html>").into_response();
        }
        _ => {}
    }
    if !shared.lock().bots.contains_key(&token) {
        return refuse(Refusal(401, "Unauthorized".to_owned(), Value::Null));
    }
    let params = Params::read(request).await;
    let result = match method.as_str() {
        "getupdates" => get_updates(&shared, &token, &params).await,
        _ => at_once(&shared, &token, &method, &params),
    };
    if matches!(hiccup, Some(Hiccup::Hush)) {
        std::future::pending::<()>().await;
    }
    if method == "setwebhook" {
        shared.arrived(&token);
    }
    match result {
        Ok(result) => Json(json!({"ok": true, "result": result})).into_response(),
        Err(refusal) => refuse(refusal),
    }
}

fn refuse(Refusal(status, words, parameters): Refusal) -> Response {
    let mut body = json!({"ok": false, "error_code": status, "description": words});
    if !parameters.is_null() {
        body["parameters"] = parameters;
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(body)).into_response()
}

fn at_once(shared: &Shared, token: &str, method: &str, params: &Params) -> Result<Value, Refusal> {
    let mut state = shared.lock();
    match method {
        "getme" => Ok(state.bots[token].json()),
        "sendmessage" => send_message(&mut state, token, params),
        "senddocument" => send_document(&mut state, token, params),
        "editmessagetext" => edit_message(&mut state, token, params),
        "sendchataction" => check::chat(&state, token, params).map(|_| json!(true)),
        "answercallbackquery" => answer_press(&mut state, params),
        "getfile" => get_file(&state, params),
        "setwebhook" => set_webhook(&mut state, token, params),
        "deletewebhook" => {
            set_hook(&mut state, token, None);
            Ok(json!(true))
        }
        "getwebhookinfo" => {
            let bot = &state.bots[token];
            let url = bot.webhook.as_ref().map_or("", |hook| hook.url.as_str());
            Ok(
                json!({"url": url, "has_custom_certificate": false, "pending_update_count": bot.updates.len()}),
            )
        }
        "getchat" => {
            let id = check::chat(&state, token, params)?;
            let mut chat = state.chat_json(id);
            chat["accent_color_id"] = json!(0);
            chat["max_reaction_count"] = json!(11);
            chat["accepted_gift_types"] = json!({"unlimited_gifts": false, "limited_gifts": false,
                "unique_gifts": false, "premium_subscription": false, "gifts_from_channels": false});
            Ok(chat)
        }
        "setmycommands" | "deletemycommands" => Ok(json!(true)),
        _ => Err(Refusal(404, "Not Found".to_owned(), Value::Null)),
    }
}

async fn get_updates(shared: &Arc<Shared>, token: &str, params: &Params) -> Result<Value, Refusal> {
    let until = Instant::now()
        + Duration::from_secs(params.number("timeout").unwrap_or(0).clamp(0, 50) as u64);
    let limit = params.number("limit").unwrap_or(100).clamp(1, 100) as usize;
    let mine = {
        let mut state = shared.lock();
        let Some(bot) = state.bots.get_mut(token) else {
            return Err(Refusal(401, "Unauthorized".to_owned(), Value::Null));
        };
        if bot.webhook.is_some() {
            let words = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
            return Err(Refusal(409, words.to_owned(), Value::Null));
        }
        if let Some(allowed) = params.json("allowed_updates").as_array() {
            bot.allowed = allowed
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect();
        }
        if let Some(offset) = params.number("offset").filter(|offset| *offset > 0) {
            bot.updates
                .retain(|update| update["update_id"].as_i64() >= Some(offset));
        }
        bot.pollers += 1;
        bot.pollers
    };
    shared.bell.notify_waiters();
    loop {
        let rung = shared.bell.notified();
        {
            let mut state = shared.lock();
            let Some(bot) = state.bots.get_mut(token) else {
                return Err(Refusal(401, "Unauthorized".to_owned(), Value::Null));
            };
            if bot.pollers != mine {
                bot.rivals += 1;
                let words = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
                return Err(Refusal(409, words.to_owned(), Value::Null));
            }
            let found: Vec<_> = bot
                .updates
                .iter()
                .filter(|it| bot.wants(it))
                .take(limit)
                .cloned()
                .collect();
            if !found.is_empty() || Instant::now() >= until {
                return Ok(json!(found));
            }
        }
        // A ring between the look and the wait is caught by looking again soon.
        let _ = tokio::time::timeout(Duration::from_millis(100), rung).await;
    }
}

fn message_json(state: &State, sent: &Sent) -> Value {
    let mut message = json!({"message_id": sent.message_id, "date": 1_767_225_600,
        "chat": state.chat_json(sent.chat), "from": state.bots[&sent.token].json()});
    match &sent.file {
        Some((name, bytes)) => {
            message["document"] = json!({"file_id": "sent", "file_unique_id": "sent",
                "file_name": name, "file_size": bytes.len()});
        }
        None => message["text"] = json!(sent.text),
    }
    for (name, value) in [
        ("entities", &sent.entities),
        ("reply_markup", &sent.keyboard),
    ] {
        if !value.is_null() {
            message[name] = value.clone();
        }
    }
    message
}

fn keep(state: &mut State, sent: Sent) -> Value {
    let message = message_json(state, &sent);
    state.sent.insert(sent.message_id, sent);
    message
}

fn send_message(state: &mut State, token: &str, params: &Params) -> Result<Value, Refusal> {
    let chat = check::chat(state, token, params)?;
    let (text, entities) = check::text(params)?;
    let sent = Sent {
        token: token.to_owned(),
        chat,
        message_id: state.next_message(),
        text,
        before: Vec::new(),
        entities,
        keyboard: check::keyboard(params)?,
        thread: params.number("message_thread_id"),
        reply_to: check::reply(params)?,
        file: None,
    };
    Ok(keep(state, sent))
}

fn send_document(state: &mut State, token: &str, params: &Params) -> Result<Value, Refusal> {
    let chat = check::chat(state, token, params)?;
    let named = params.files.iter().find(|(field, ..)| field == "document");
    // Clients may name another part: `attach://part`.
    let file = named.or_else(|| params.files.first());
    let (_, name, bytes) = file.ok_or_else(|| bad("there is no document in the request"))?;
    let sent = Sent {
        token: token.to_owned(),
        chat,
        message_id: state.next_message(),
        text: params.text("caption").unwrap_or_default(),
        before: Vec::new(),
        entities: Value::Null,
        keyboard: check::keyboard(params)?,
        thread: params.number("message_thread_id"),
        reply_to: check::reply(params)?,
        file: Some((name.clone(), bytes.clone())),
    };
    Ok(keep(state, sent))
}

fn edit_message(state: &mut State, token: &str, params: &Params) -> Result<Value, Refusal> {
    let chat = check::chat(state, token, params)?;
    let id = params.number("message_id").unwrap_or_default();
    let (text, entities) = check::text(params)?;
    let keyboard = check::keyboard(params)?;
    let found = state.sent.get_mut(&id);
    let found = found.filter(|sent| sent.chat == chat && sent.token == token);
    let sent = found.ok_or_else(|| bad("message to edit not found"))?;
    let is_same = |old: &Value, new: &Value| {
        let is_empty = |it: &Value| it.is_null() || it.as_array().is_some_and(Vec::is_empty);
        old == new || (is_empty(old) && is_empty(new))
    };
    if sent.text == text && is_same(&sent.entities, &entities) && is_same(&sent.keyboard, &keyboard)
    {
        return Err(bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
        ));
    }
    sent.before.push(std::mem::replace(&mut sent.text, text));
    (sent.entities, sent.keyboard) = (entities, keyboard);
    let sent = sent.clone();
    Ok(message_json(state, &sent))
}

fn answer_press(state: &mut State, params: &Params) -> Result<Value, Refusal> {
    let id = params.text("callback_query_id").unwrap_or_default();
    let text = params.text("text").unwrap_or_default();
    if text.chars().count() > 200 {
        return Err(bad("MESSAGE_TOO_LONG"));
    }
    let press = state.presses.get_mut(&id);
    let press = press.filter(|answer| answer.is_none()).ok_or_else(|| {
        bad("query is too old and response timeout expired or query ID is invalid")
    })?;
    *press = Some(text);
    Ok(json!(true))
}

fn get_file(state: &State, params: &Params) -> Result<Value, Refusal> {
    let id = params.text("file_id").unwrap_or_default();
    let file = state
        .files
        .get(&id)
        .ok_or_else(|| bad("wrong file_id or the file is temporarily unavailable"))?;
    if file.size > 20 * 1024 * 1024 {
        return Err(bad("file is too big"));
    }
    Ok(json!({"file_id": id, "file_unique_id": id, "file_size": file.size, "file_path": file.path}))
}

fn set_webhook(state: &mut State, token: &str, params: &Params) -> Result<Value, Refusal> {
    let url = params.text("url").unwrap_or_default();
    if url.is_empty() {
        set_hook(state, token, None);
        return Ok(json!(true));
    }
    let is_local = url.starts_with("http://127.0.0.1:");
    if !url.starts_with("https://") && !is_local {
        return Err(bad(
            "bad webhook: An HTTPS URL must be provided for webhook",
        ));
    }
    let secret = params.text("secret_token");
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_fit = |text: &String| (1..=256).contains(&text.len()) && text.chars().all(is_part);
    if secret.as_ref().is_some_and(|text| !is_fit(text)) {
        return Err(bad("secret token contains unallowed characters"));
    }
    set_hook(state, token, Some(Webhook { url, secret }));
    Ok(json!(true))
}

fn set_hook(state: &mut State, token: &str, webhook: Option<Webhook>) {
    if let Some(bot) = state.bots.get_mut(token) {
        bot.webhook = webhook;
    }
}

/// `/file/bot<token>/<path>`
pub async fn download(
    FromState(shared): FromState<Arc<Shared>>,
    Path((bot, path)): Path<(String, String)>,
) -> Response {
    let state = shared.lock();
    let token = bot.strip_prefix("bot").unwrap_or_default();
    let file = state.files.values().find(|file| file.path == path);
    match file {
        Some(file) if state.bots.contains_key(token) && !state.is_away => (
            [(header::CONTENT_TYPE, "application/octet-stream")],
            Body::from(file.bytes.clone()),
        )
            .into_response(),
        _ => refuse(Refusal(404, "Not Found".to_owned(), Value::Null)),
    }
}
