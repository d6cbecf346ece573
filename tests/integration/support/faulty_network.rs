//! A TCP proxy in front of the database that can do what networks do.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// Connections are refused, those that are there end.
    Refuse,
    /// What is sent is swallowed; connections that saw this stay deaf for ever.
    BlackHole,
    /// Everything arrives three seconds late.
    Delay,
    /// Connections are reset in the middle.
    Reset,
    /// The server's side closes, the client's stays open.
    HalfClose,
}

pub struct Network {
    pub port: u16,
    weather: watch::Sender<Weather>,
}

impl Network {
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (weather, seen) = watch::channel(Weather::Fair);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                match *seen.borrow() {
                    Weather::Refuse => drop(client),
                    Weather::Reset => reset(&client),
                    _ => {
                        tokio::spawn(connect(client, target, seen.clone()));
                    }
                }
            }
        });
        Self { port, weather }
    }

    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

#[allow(deprecated)] // The blocking close that the deprecation warns of is the reset that is wanted.
fn reset(stream: &TcpStream) {
    let _ = stream.set_linger(Some(Duration::ZERO));
}

async fn connect(client: TcpStream, target: u16, seen: watch::Receiver<Weather>) {
    let Ok(server) = TcpStream::connect(("localhost", target)).await else { return };
    let mut weather = seen.clone();
    let sockets = (client, server);
    let ended = async {
        loop {
            weather.changed().await.ok();
            let now = *weather.borrow();
            if matches!(now, Weather::Refuse | Weather::Reset) {
                return now;
            }
        }
    };
    let (client, server) = sockets;
    let killer =
        client.into_std().and_then(|socket| socket.set_nonblocking(true).map(|()| socket)).unwrap();
    let linger = TcpStream::from_std(killer.try_clone().unwrap()).unwrap();
    let (from_client, to_client) = TcpStream::from_std(killer).unwrap().into_split();
    let (from_server, to_server) = server.into_split();
    let both = futures_util::future::join(
        pump(from_client, to_server, seen.clone(), false),
        pump(from_server, to_client, seen.clone(), true),
    );
    tokio::select! {
        _ = both => {}
        how = ended => if how == Weather::Reset { reset(&linger) },
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    to_client: bool,
) {
    let mut deaf = false;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            changed = weather.changed() => {
                if changed.is_err() { return }
                let now = *weather.borrow();
                deaf |= now == Weather::BlackHole;
                if now == Weather::HalfClose && to_client {
                    let _ = to.shutdown().await;
                    deaf = true;
                }
                continue;
            }
        };
        if read == 0 {
            let _ = to.shutdown().await;
            return;
        }
        let now = *weather.borrow();
        deaf |= now == Weather::BlackHole;
        if now == Weather::Delay {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        if !deaf && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
