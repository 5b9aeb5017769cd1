//! A Redis carries hints. It keeps nothing, and is asked for nothing that is not in the database.

use super::{CHANNEL, Hearing, TRY_AGAIN_AFTER, Whispers};
use crate::StoreError;
use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use std::time::Duration;

/// How long Redis may take to answer before it counts as gone.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// The Redis of a URL. Nothing is asked of it yet.
pub(in crate::postgres) fn at(url: &str) -> Result<Client, StoreError> {
    Client::open(url).map_err(|error| StoreError::Bus {
        // Its own words may repeat the URL, with a password.
        reason: format!("its URL cannot be read ({:?})", error.kind()),
    })
}

pub(super) async fn tell(client: Client, mut whispers: Whispers) {
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_TIME_MAX))
        .set_response_timeout(Some(ANSWER_TIME_MAX));
    let mut was_told = true;
    loop {
        match client
            .get_multiplexed_async_connection_with_config(&settings)
            .await
        {
            Ok(mut connection) => {
                was_told = true;
                tell_on(&mut connection, &mut whispers).await;
            }
            Err(error) if was_told => {
                was_told = false;
                tracing::warn!(kind = ?error.kind(), "the bus does not answer; tasks are found by looking");
            }
            Err(_) => {}
        }
        if !whispers.drop_all() {
            return;
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}

/// Until the connection is lost or there is nothing to tell any more.
async fn tell_on(connection: &mut MultiplexedConnection, whispers: &mut Whispers) {
    while let Some(gathered) = whispers.gather().await {
        for note in &gathered.notes {
            let told = redis::cmd("PUBLISH")
                .arg(CHANNEL)
                .arg(note)
                .query_async::<i64>(connection)
                .await;
            if told.is_err() {
                return;
            }
        }
        if let Some(done) = gathered.done {
            let _ = done.send(());
        }
    }
}

pub(super) async fn listen(client: Client, hearing: Hearing) {
    loop {
        let connected = tokio::time::timeout(ANSWER_TIME_MAX, client.get_async_pubsub()).await;
        if let Ok(Ok(mut connection)) = connected
            && connection.subscribe(CHANNEL).await.is_ok()
        {
            let mut notes = connection.on_message();
            while let Some(note) = notes.next().await {
                if let Ok(payload) = note.get_payload::<String>() {
                    hearing.hear(&payload);
                }
            }
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}
