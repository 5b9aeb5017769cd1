//! Every limit of the foreign doors, each with its reason.

use std::time::Duration;

/// How long somebody waits who asks whether a platform answers.
pub const TRY_MAX: Duration = Duration::from_secs(15);
/// How often a process looks whether the foreign doors are its duty; far below the lease that holds it.
pub const DUTY_LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often each part looks by itself: hints are only hints.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many rows are looked at in one go.
pub const ROWS_MAX: u32 = 100;
/// The first pause after a failed delivery; it doubles with every further one.
pub const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest pause between two tries: an outage of an hour is seen to within minutes of its end.
pub const RETRY_MAX: Duration = Duration::from_secs(120);
/// How long a connector whose key is refused waits before it asks again: a person has to act.
pub const KEY_REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// How often a door looks whether its key was replaced: reading a number, not asking anybody.
pub const KEY_LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long what cannot reach a closed chat waits: it is set free when the chat opens.
pub const CLOSED_PAUSE: Duration = Duration::from_secs(365 * 24 * 3600);
/// How often an arrival that could not be seen to is tried again before it is answered with a no.
pub const ARRIVAL_TRIES_MAX: u32 = 4;
/// How long a delivery that was seen to is remembered, so that it is not taken for a new one:
/// Telegram brings again for a day at most, and a backup that is put back may be a month old.
pub const ARRIVAL_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often those are forgotten.
pub const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// How many refusals of strangers are written down per minute: a flood must not fill the log.
pub const STRANGERS_PER_MINUTE: u32 = 30;
/// How long a task works before a message of its own tells how it gets on.
pub const PROGRESS_AFTER: Duration = Duration::from_secs(2);
/// How much of an action's arguments is shown in a question; the rest is on the portal.
pub const ARGUMENTS_CHARS_MAX: usize = 2400;
/// The largest file that `/open` shows.
pub const NOTE_BYTES_MAX: u64 = 64 * 1024;
/// How many notes `/search` looks through, and how many it shows.
pub const NOTES_MAX: usize = 2000;
/// How many results `/search` shows.
pub const FOUND_MAX: usize = 5;
/// The longest answer to a press.
pub const PRESS_CHARS_MAX: usize = 180;
