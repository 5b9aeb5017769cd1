//! What the kernel says of this machine and of processes on it.

use crate::failure::{Failure, Outcome};
use std::fs;
use std::time::Duration;

/// How many clock ticks `/proc` counts per second; a constant of every Linux that we run on.
const TICKS_PER_SECOND: u64 = 100;

/// Cores, processor and how busy it is.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    let model = model.unwrap_or_else(|| "unknown processor".to_owned());
    format!("{cores} cores, {model}, load average {:.1}", load())
}

/// The load average of the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(f64::NAN)
}

/// What a process holds in memory: all of it, and its share of what others map too.
pub struct Memory {
    pub resident_bytes: u64,
    pub proportional_bytes: u64,
    pub anonymous_bytes: u64,
}

pub fn memory(pid: u32) -> Outcome<Memory> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(Failure::to(format!("read {path}")))?;
    Ok(Memory {
        resident_bytes: kib_of(&text, "Rss:") * 1024,
        proportional_bytes: kib_of(&text, "Pss:") * 1024,
        anonymous_bytes: kib_of(&text, "Anonymous:") * 1024,
    })
}

fn kib_of(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

/// The processor time that a process has used, which neighbours change little.
pub fn processor_time(pid: u32) -> Outcome<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).map_err(Failure::to(format!("read {path}")))?;
    // The name stands in brackets and may hold anything; user and system time follow it as the
    // 12th and 13th word.
    let after = text.rsplit(')').next().unwrap_or_default();
    let words = after.split_whitespace().skip(11).take(2);
    let ticks: u64 = words.filter_map(|word| word.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// How many threads a process has.
pub fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}
