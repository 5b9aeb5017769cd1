//! What `wardroom user limit` sets and shows.

use crate::failure::Failure;
use crate::people::People;
use crate::place::Place;
use crate::terminal::visible;
use clap::Args;
use std::str::FromStr;
use wardroom_api::quota::HeldQuota;
use wardroom_domain::OwnQuota;

/// How much somebody may ask for. What is not named stays as it is.
#[derive(Clone, Copy, Debug, Args)]
pub struct Limits {
    /// Messages in a minute: a number, `none`, or `default` for as many as everybody
    #[arg(long, value_name = "N", value_parser = count::<u32>)]
    messages: Option<Most<u32>>,
    /// Tasks in a minute
    #[arg(long, value_name = "N", value_parser = count::<u32>)]
    tasks: Option<Most<u32>>,
    /// Model tokens in a minute
    #[arg(long, value_name = "N", value_parser = count::<u64>)]
    tokens: Option<Most<u64>>,
    /// Money in a month, in the currency of the models' prices, such as 20.50
    #[arg(long, value_name = "AMOUNT", value_parser = money)]
    spend: Option<Most<u64>>,
}

/// What is set for one person; none is as for everybody, zero is no limit.
#[derive(Clone, Copy, Debug)]
struct Most<T>(Option<T>);

/// The two words that stand for no number.
fn word<T: Default>(text: &str) -> Option<Most<T>> {
    match text {
        "default" => Some(Most(None)),
        "none" => Some(Most(Some(T::default()))),
        _ => None,
    }
}

const HOW: &str = "it is a number above 0, `none` for no limit, or `default` for that of everybody";

fn count<T: FromStr + Default + PartialEq>(text: &str) -> Result<Most<T>, String> {
    if let Some(word) = word(text) {
        return Ok(word);
    }
    let number = text.parse().ok().filter(|number| *number != T::default());
    number.map(|number| Most(Some(number))).ok_or(HOW.into())
}

/// An amount with at most six digits after the point, in millionths.
fn money(text: &str) -> Result<Most<u64>, String> {
    if let Some(word) = word(text) {
        return Ok(word);
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let micros = || {
        let is_plain =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !is_plain(whole) || !is_plain(part) || part.len() > 6 {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let part: u64 = format!("{part:0<6}").parse().ok()?;
        whole.checked_mul(1_000_000)?.checked_add(part)
    };
    let micros = micros().filter(|micros| *micros > 0);
    micros.map(|micros| Most(Some(micros))).ok_or(HOW.into())
}

impl Limits {
    fn is_empty(&self) -> bool {
        self.messages.is_none()
            && self.tasks.is_none()
            && self.tokens.is_none()
            && self.spend.is_none()
    }

    fn over(self, before: OwnQuota) -> OwnQuota {
        OwnQuota {
            messages_per_minute: self
                .messages
                .map_or(before.messages_per_minute, |most| most.0),
            tasks_per_minute: self.tasks.map_or(before.tasks_per_minute, |most| most.0),
            tokens_per_minute: self.tokens.map_or(before.tokens_per_minute, |most| most.0),
            spend_per_month_micros: self
                .spend
                .map_or(before.spend_per_month_micros, |most| most.0),
        }
    }

    /// Sets what is named, and says how it stands.
    pub async fn carry_out(
        self,
        place: &Place,
        people: &People,
        name: &str,
    ) -> Result<HeldQuota, Failure> {
        let user = people.named(name).await?;
        let held = people.quota(place, &user).await?;
        if self.is_empty() {
            return Ok(held);
        }
        let own = self.over(held.own.into());
        people.set_quota(place, &user, own).await
    }
}

/// For people.
pub fn shown(name: &str, held: &HeldQuota) -> String {
    let (own, quota) = (&held.own, &held.quota);
    let line = |what: &str, most: String, is_own: bool| {
        let whose = if is_own {
            "set for him"
        } else {
            "as everybody"
        };
        format!("  {what:<20} {most:<12} {whose}")
    };
    let count = |most: u64| match most {
        0 => "no limit".to_owned(),
        most => most.to_string(),
    };
    let spend = match quota.spend_per_month_micros {
        0 => "no limit".to_owned(),
        most => amount(most),
    };
    [
        format!("{} may ask for:", visible(name)),
        line(
            "messages per minute",
            count(quota.messages_per_minute.into()),
            own.messages_per_minute.is_some(),
        ),
        line(
            "tasks per minute",
            count(quota.tasks_per_minute.into()),
            own.tasks_per_minute.is_some(),
        ),
        line(
            "tokens per minute",
            count(quota.tokens_per_minute),
            own.tokens_per_minute.is_some(),
        ),
        line(
            "money per month",
            spend,
            own.spend_per_month_micros.is_some(),
        ),
        format!(
            "{} spent so far; the next month begins on {}.",
            amount(held.spent_micros),
            held.anew_on
        ),
    ]
    .join("\n")
}

fn amount(micros: u64) -> String {
    format!("{}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_write_them() {
        let most = |text| money(text).map(|most| most.0);
        assert_eq!(most("20.5"), Ok(Some(20_500_000)));
        assert_eq!(most("3"), Ok(Some(3_000_000)));
        assert_eq!(most("none"), Ok(Some(0)));
        assert_eq!(most("default"), Ok(None));
        for wrong in [
            "0",
            "-1",
            "1e9",
            ".5",
            "5.",
            "1.0000001",
            "99999999999999999999",
            "",
        ] {
            assert!(most(wrong).is_err(), "{wrong}");
        }
        let messages = |text| count::<u32>(text).map(|most| most.0);
        assert_eq!(
            (messages("7"), messages("none")),
            (Ok(Some(7)), Ok(Some(0)))
        );
        assert!(messages("0").is_err() && messages("5000000000").is_err());
    }
}
