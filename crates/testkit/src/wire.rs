//! A wire between two programs, on loopback, that can be cut, held, slowed and fed garbage.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the wire does to what goes over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// It carries.
    #[default]
    Fair,
    /// Each piece takes so long.
    Slow(Duration),
    /// Nothing goes through, and nothing is refused.
    Held,
    /// Whoever connects is cut off.
    Down,
    /// Whoever asks hears this, and nobody else hears of it.
    Answers(&'static str),
}

/// A running wire; it goes when dropped.
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    to: String,
    weather: watch::Sender<Weather>,
    /// Counts the cuts; a connection ends when it grows.
    cuts: watch::Sender<u64>,
    garbage: Mutex<Option<Vec<u8>>>,
}

impl Wire {
    /// Lays a wire to an address, such as `127.0.0.1:5432`.
    pub async fn to(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = listener.local_addr()?;
        let shared = Arc::new(Shared {
            to: address.to_owned(),
            weather: watch::Sender::default(),
            cuts: watch::Sender::default(),
            garbage: Mutex::default(),
        });
        let carried = shared.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(carried.clone(), stream));
            }
        });
        Ok(Self {
            address: own,
            shared,
            server,
        })
    }

    /// Its near end.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Changes the weather for everything that goes over it.
    pub fn weather(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Cuts every connection that there is now.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Puts these bytes in front of the next piece that comes back.
    pub fn garbles(&self, bytes: &[u8]) {
        *lock(&self.shared.garbage) = Some(bytes.to_vec());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.server.abort();
        self.cut();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn carry(shared: Arc<Shared>, near: TcpStream) {
    if *shared.weather.borrow() == Weather::Down {
        return;
    }
    let now = *shared.weather.borrow();
    if let Weather::Answers(words) = now {
        let _ = answer(near, words).await;
        return;
    }
    let Ok(far) = TcpStream::connect(&shared.to).await else {
        return;
    };
    let mut cuts = shared.cuts.subscribe();
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        _ = pour(&shared, near_in, far_out, false) => {}
        _ = pour(&shared, far_in, near_out, true) => {}
        _ = cuts.changed() => {}
    }
}

/// Listens until the asker waits for an answer.
async fn answer(mut near: TcpStream, words: &str) -> io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    let quiet = Duration::from_millis(100);
    while let Ok(heard) = tokio::time::timeout(quiet, near.read(&mut piece)).await {
        if heard? == 0 {
            return Ok(());
        }
    }
    near.write_all(words.as_bytes()).await?;
    near.shutdown().await
}

async fn pour(
    shared: &Shared,
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    is_back: bool,
) -> io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    let mut weather = shared.weather.subscribe();
    loop {
        let count = from.read(&mut piece).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        let now = *weather.borrow_and_update();
        match now {
            Weather::Fair => {}
            Weather::Slow(pause) => tokio::time::sleep(pause).await,
            Weather::Down | Weather::Answers(_) => return Ok(()),
            // The sender lives as long as the wire.
            Weather::Held => drop(weather.wait_for(|now| *now != Weather::Held).await),
        }
        let garbage = lock(&shared.garbage).take_if(|_| is_back);
        if let Some(garbage) = garbage {
            to.write_all(&garbage).await?;
        }
        to.write_all(&piece[..count]).await?;
    }
}
