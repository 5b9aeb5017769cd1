//! Runs the stand-in for Telegram by hand, for clients that are not ours.
//!
//! `cargo run -p wardroom-testkit --example telegram_stand_in -- TOKEN NAME`
//!
//! It prints its address, then reads what people do from standard input, a line each:
//! `says ID NAME WORDS`, `file ID NAME WORDS`, `blocks ID NAME`, `floods METHOD SECONDS`,
//! `upgrades FROM TO`, `presses ID NAME MESSAGE LABEL`. It ends with its input.

use std::process::ExitCode;
use tokio::io::{AsyncBufReadExt, BufReader};
use wardroom_testkit::telegram::{Hiccup, Human, TelegramStandIn};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [token, name] = arguments.as_slice() else {
        eprintln!("usage: telegram_stand_in TOKEN NAME");
        return ExitCode::from(2);
    };
    match TelegramStandIn::start(&[(token, name)]).await {
        Ok(telegram) => {
            println!("{}", telegram.base_url());
            plays(&telegram, token).await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn plays(telegram: &TelegramStandIn, token: &str) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match does(telegram, token, &line) {
            Some(()) => println!("done"),
            None => println!("not understood: {line}"),
        }
    }
}

fn does(telegram: &TelegramStandIn, token: &str, line: &str) -> Option<()> {
    let words: Vec<&str> = line.splitn(4, ' ').collect();
    match words.as_slice() {
        ["says", id, name, text] => {
            telegram.says(token, &Human::new(id.parse().ok()?, name), text);
        }
        ["file", id, name, text] => {
            let file = ("notes.txt", "text/plain", text.as_bytes().to_vec());
            telegram.sends_file(token, &Human::new(id.parse().ok()?, name), file, "notes");
        }
        ["blocks", id, name] => {
            let human = Human::new(id.parse().ok()?, name);
            telegram.joins(&human);
            telegram.blocks(token, &human, true);
        }
        ["floods", method, seconds] => {
            telegram.hiccups(method, [Hiccup::Flood(seconds.parse().ok()?)]);
        }
        ["upgrades", from, to] => {
            let from = from.parse().ok()?;
            telegram.group(from, "deck");
            telegram.upgrades(token, from, to.parse().ok()?, &Human::new(42, "Ada"));
        }
        ["presses", id, name, rest] => {
            let (message, label) = rest.split_once(' ')?;
            let (id, message): (i64, i64) = (id.parse().ok()?, message.parse().ok()?);
            let sent = telegram.sent(token, id);
            let sent = sent.into_iter().find(|sent| sent.message_id == message)?;
            telegram.presses(token, &Human::new(id, name), &sent, label)?;
        }
        _ => return None,
    }
    Some(())
}
