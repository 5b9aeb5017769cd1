//! The database carries hints, on connections of their own.

use super::{Address, CHANNEL, Hearing, TRY_AGAIN_AFTER, Whispers};
use std::future::poll_fn;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client};

pub(super) async fn tell(address: Address, mut whispers: Whispers) {
    loop {
        if let Ok((client, connection)) = address.config.connect(address.tls.clone()).await {
            tokio::task::spawn_local(connection);
            // A hint that is lost with the machine is worth no wait for the disk.
            let _ = client.batch_execute("SET synchronous_commit = off").await;
            tell_on(&client, &mut whispers).await;
        }
        if !whispers.drop_all() {
            return;
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}

/// Until the connection is lost or there is nothing to tell any more.
async fn tell_on(client: &Client, whispers: &mut Whispers) {
    while let Some(gathered) = whispers.gather().await {
        for note in &gathered.notes {
            let told = client
                .execute("SELECT pg_notify($1, $2)", &[&CHANNEL, note])
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

pub(super) async fn listen(address: Address, hearing: Hearing) {
    loop {
        if let Ok((client, mut connection)) = address.config.connect(address.tls.clone()).await {
            let (notes, mut heard) = mpsc::unbounded_channel();
            let driving = tokio::task::spawn_local(async move {
                while let Some(Ok(message)) =
                    poll_fn(|context| connection.poll_message(context)).await
                {
                    if let AsyncMessage::Notification(note) = message
                        && notes.send(note.payload().to_owned()).is_err()
                    {
                        return;
                    }
                }
            });
            let listen = format!("LISTEN {CHANNEL}");
            if client.batch_execute(&listen).await.is_ok() {
                while let Some(payload) = heard.recv().await {
                    hearing.hear(&payload);
                }
            }
            driving.abort();
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}
