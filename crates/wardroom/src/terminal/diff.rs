//! A unified diff in colour. The signs stay, so nothing is lost where there is none.

use super::{style, visible};
use std::fmt::Write;

/// The diff, safe to show and painted line by line.
pub fn painted(diff: &str) -> String {
    let mut text = String::with_capacity(diff.len() * 2);
    for line in visible(diff).lines() {
        let style = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => style::HEAD,
            _ if line.starts_with("diff ") => style::HEAD,
            Some(b'+') => style::GOOD,
            Some(b'-') => style::BAD,
            Some(b'@') => style::MARK,
            _ => anstyle::Style::new(),
        };
        let _ = writeln!(text, "{style}{line}{style:#}");
    }
    text
}
