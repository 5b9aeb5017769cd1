//! Where the coordinator gets time and chance from. The only place besides `main` that asks.

use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use wardroom_domain::Timestamp;

/// A clock and a source of chance, handed to whatever needs them.
#[derive(Clone)]
pub struct Clock {
    kind: Kind,
    random: Chance,
}

#[derive(Clone)]
enum Chance {
    System(SystemRandom),
    /// The same numbers for the same seed.
    Seeded(Arc<AtomicU64>),
}

#[derive(Clone)]
enum Kind {
    System,
    /// Moves only when it is told to.
    Held(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self {
            kind: Kind::System,
            random: Chance::System(SystemRandom::new()),
        }
    }

    /// A clock that stands still until it is moved, for tests.
    pub fn held(at: Timestamp) -> Self {
        let micros = Arc::new(AtomicI64::new(at.as_micros()));
        Self {
            kind: Kind::Held(micros),
            random: Chance::System(SystemRandom::new()),
        }
    }

    /// A held clock whose chance comes from a seed: what runs by it runs the same way again.
    pub fn seeded(at: Timestamp, seed: u64) -> Self {
        Self {
            random: Chance::Seeded(Arc::new(AtomicU64::new(seed))),
            ..Self::held(at)
        }
    }

    /// Moves a held clock on. The system's clock cannot be moved.
    pub fn advance(&self, by: std::time::Duration) {
        if let Kind::Held(micros) = &self.kind {
            micros.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
        }
    }

    /// Sets a held clock, forward or back. The system's clock cannot be set.
    pub fn set(&self, to: Timestamp) {
        if let Kind::Held(micros) = &self.kind {
            micros.store(to.as_micros(), Ordering::SeqCst);
        }
    }

    /// Now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everybody else is handed"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.kind {
            Kind::System => chrono::Utc::now().into(),
            Kind::Held(micros) => Timestamp::from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// 128 bits of chance. An operating system that has none left gives zeroes, and the store
    /// then refuses the second id as a duplicate.
    pub fn chance(&self) -> u128 {
        match &self.random {
            Chance::System(random) => {
                let mut bytes = [0; 16];
                let _ = random.fill(&mut bytes);
                u128::from_le_bytes(bytes)
            }
            Chance::Seeded(state) => (u128::from(next(state)) << 64) | u128::from(next(state)),
        }
    }
}

/// The next number of a seed (SplitMix64).
fn next(state: &AtomicU64) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let state = state.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Makes a new id of any kind: `mint!(clock, TaskId)`.
#[macro_export]
macro_rules! mint {
    ($clock:expr, $id:ty) => {{
        let clock: &$crate::Clock = &$clock;
        <$id>::mint(clock.now(), clock.chance())
    }};
}
