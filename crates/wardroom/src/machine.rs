//! The only place that asks the machine: for the time, for chance, for a runtime.

use crate::failure::Failure;
use ring::rand::{SecureRandom, SystemRandom};
use std::future::Future;
use wardroom_domain::{MessageId, Timestamp};

/// The time by the machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary is where the clock is read"
)]
pub fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = since_1970.map_or(0, |span| {
        i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
    });
    Timestamp::from_micros(micros)
}

/// 128 bits of chance.
pub fn chance() -> Result<u128, Failure> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Failure::new(
            "the system has no randomness to give",
            "Check that /dev/urandom is there.",
        )
    })?;
    Ok(u128::from_le_bytes(bytes))
}

/// A key for a request that may be sent twice and should count once.
pub fn idempotency_key() -> Result<String, Failure> {
    Ok(MessageId::mint(now(), chance()?).to_string())
}

/// The environment, without what is not text.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
}

/// Runs a conversation with the outside to its end.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| {
        Failure::caused(
            "the system gives no more resources",
            &error,
            "Close something and retry.",
        )
    })?;
    let result = runtime.block_on(work);
    // A prompt may still wait for a line in a thread of its own; nobody waits for that.
    runtime.shutdown_background();
    result
}
