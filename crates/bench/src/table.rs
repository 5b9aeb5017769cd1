//! The rows of the report, and the arithmetic of times.

use crate::machine;
use std::fmt;
use std::time::Duration;

/// What was measured, printed as Markdown.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

/// One figure beside its baseline and its target.
pub struct Row {
    pub what: &'static str,
    pub measured: String,
    pub baseline: String,
    /// The figure divided by its baseline.
    pub ratio: Option<f64>,
    pub target: Target,
}

/// What was hoped for, and whether it came.
pub enum Target {
    None,
    Of { text: String, is_met: bool },
}

impl Target {
    pub fn of(text: impl Into<String>, is_met: bool) -> Self {
        let text = text.into();
        Self::Of { text, is_met }
    }
}

impl Row {
    /// A figure that stands alone.
    pub fn new(what: &'static str, measured: impl Into<String>, target: Target) -> Self {
        Self {
            what,
            measured: measured.into(),
            baseline: "–".to_owned(),
            ratio: None,
            target,
        }
    }

    /// The same beside a baseline.
    pub fn beside(mut self, baseline: impl Into<String>, ratio: f64) -> Self {
        self.baseline = baseline.into();
        self.ratio = Some(ratio);
        self
    }
}

impl Table {
    /// Takes a row, and shows it at once to whoever is waiting.
    pub fn push(&mut self, row: Row) {
        eprintln!("{row} load {:.1}", machine::load());
        self.rows.push(row);
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self
            .ratio
            .map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        let (target, verdict) = match &self.target {
            Target::None => ("–", "–"),
            Target::Of { text, is_met } => (text.as_str(), if *is_met { "met" } else { "missed" }),
        };
        let (what, measured, baseline) = (self.what, &self.measured, &self.baseline);
        write!(
            f,
            "| {what} | {measured} | {baseline} | {ratio} | {target} | {verdict} |"
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | measured | baseline | ratio | target | |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

/// Times of one kind.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The time that so many hundredths of them do not exceed.
    pub fn percentile(&self, hundredths: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let place = (sorted.len() * hundredths).div_ceil(100).saturating_sub(1);
        sorted.get(place.min(last)).copied().unwrap_or_default()
    }

    pub fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// The median and the tail.
    pub fn shown(&self) -> String {
        format!("p50 {}, p99 {}", ms(self.median()), ms(self.percentile(99)))
    }
}

pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let mut times = Times::default();
        assert_eq!(times.median(), Duration::ZERO);
        (1..=200).for_each(|ms| times.push(Duration::from_millis(ms)));
        let at = |hundredths| times.percentile(hundredths).as_millis();
        assert_eq!((at(0), at(50), at(99), at(100)), (1, 100, 198, 200));
    }
}
