//! Where the coordinator gets time and chance from. The only place besides `main` that asks.

use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use wardroom_domain::Timestamp;

/// A clock and a source of chance, handed to whatever needs them.
#[derive(Clone)]
pub struct Clock {
    kind: Kind,
    random: SystemRandom,
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
            random: SystemRandom::new(),
        }
    }

    /// A clock that stands still until it is moved, for tests.
    pub fn held(at: Timestamp) -> Self {
        let micros = Arc::new(AtomicI64::new(at.as_micros()));
        Self {
            kind: Kind::Held(micros),
            random: SystemRandom::new(),
        }
    }

    /// Moves a held clock on. The system's clock cannot be moved.
    pub fn advance(&self, by: std::time::Duration) {
        if let Kind::Held(micros) = &self.kind {
            micros.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
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
        let mut bytes = [0; 16];
        let _ = self.random.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }
}

/// Makes a new id of any kind: `mint!(clock, TaskId)`.
#[macro_export]
macro_rules! mint {
    ($clock:expr, $id:ty) => {{
        let clock: &$crate::Clock = &$clock;
        <$id>::mint(clock.now(), clock.chance())
    }};
}
