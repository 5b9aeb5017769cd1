//! Classifies JSON lines: `{"command": "…"}` per line on stdin, the tier, the rule and the command
//! on stdout. `--view` judges as inside a task's view, `--time` tells the median time instead.

use std::io::BufRead;

use wardroom_policy::classify::{Ground, classify_command};

fn main() {
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    let allowed_domains = Vec::new();
    let ground = if has("--view") {
        Ground::View { allowed_domains }
    } else {
        Ground::HostFolder { allowed_domains }
    };
    let mut times = Vec::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(item) = serde_json::from_str::<serde_json::Value>(&line) else {
            continue;
        };
        let command = item["command"].as_str().unwrap_or_default();
        let label = item["label"].as_str().unwrap_or_default();
        let start = std::time::Instant::now();
        let verdict = classify_command(command, &ground);
        times.push(start.elapsed().as_micros());
        if !has("--time") {
            println!(
                "{label}\t{}\t{}\t{}",
                &verdict.tier.as_str()[..2],
                verdict.rule,
                command.escape_debug()
            );
        }
    }
    if has("--time") {
        times.sort_unstable();
        println!(
            "median {} µs of {}",
            times.get(times.len() / 2).unwrap_or(&0),
            times.len()
        );
    }
}
