//! Faults that the simulator plants to prove that it finds them. Only its own test build knows how:
//! everywhere else nothing is planted, and the compiler takes the question away.

#[cfg(feature = "planted")]
use std::cell::Cell;

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("faults are planted in tests only");

/// A mistake that somebody could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// The world is touched before the intent is written down.
    ActBeforeIntent,
    /// The gate lets a worker through that has lost its task.
    BlindGate,
    /// A yes is used and not used up.
    YesNotSpent,
    /// What cannot be repeated is repeated after a crash.
    BlindAgain,
    /// Mail wakes nobody.
    MailWakesNobody,
    /// What a lost process held is freed and not made ready.
    FreedNotReady,
}

#[cfg(feature = "planted")]
thread_local! {
    static NOW: Cell<Option<Planted>> = const { Cell::new(None) };
}

impl Planted {
    /// Plants a fault on this thread, or none.
    #[cfg(feature = "planted")]
    pub fn plant(fault: Option<Self>) {
        NOW.set(fault);
    }

    /// Whether this fault is planted here.
    #[cfg(feature = "planted")]
    pub fn is_planted(self) -> bool {
        NOW.get() == Some(self)
    }

    /// Never.
    #[cfg(not(feature = "planted"))]
    #[inline(always)]
    pub const fn is_planted(self) -> bool {
        false
    }
}
