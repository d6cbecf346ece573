//! A TCP proxy in front of the database that simulates faults of the network.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What is wrong with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkFault {
    None,
    /// New connections are refused, open ones are closed.
    Refuse,
    /// Bytes are dropped without an error; affected connections never pass any again.
    BlackHole,
    /// Bytes arrive three seconds late.
    Delay,
    /// Connections are reset (RST).
    Reset,
    /// The server's side closes, the client's stays open.
    HalfClose,
}

pub struct Network {
    pub port: u16,
    fault: watch::Sender<NetworkFault>,
}

impl Network {
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (fault, seen) = watch::channel(NetworkFault::None);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                match *seen.borrow() {
                    NetworkFault::Refuse => drop(client),
                    NetworkFault::Reset => reset(&client),
                    _ => {
                        tokio::spawn(connect(client, target, seen.clone()));
                    }
                }
            }
        });
        Self { port, fault }
    }

    pub fn set(&self, fault: NetworkFault) {
        self.fault.send_replace(fault);
    }
}

// The deprecation warns of a blocking close; with zero seconds it is the reset that is wanted.
#[allow(deprecated)]
fn reset(stream: &TcpStream) {
    let _ = stream.set_linger(Some(Duration::ZERO));
}

async fn connect(client: TcpStream, target: u16, seen: watch::Receiver<NetworkFault>) {
    let Ok(server) = TcpStream::connect(("localhost", target)).await else { return };
    let mut fault = seen.clone();
    let sockets = (client, server);
    let ended = async {
        loop {
            fault.changed().await.ok();
            let now = *fault.borrow();
            if matches!(now, NetworkFault::Refuse | NetworkFault::Reset) {
                return now;
            }
        }
    };
    let (client, server) = sockets;
    let raw_client =
        client.into_std().and_then(|socket| socket.set_nonblocking(true).map(|()| socket)).unwrap();
    let linger = TcpStream::from_std(raw_client.try_clone().unwrap()).unwrap();
    let (from_client, to_client) = TcpStream::from_std(raw_client).unwrap().into_split();
    let (from_server, to_server) = server.into_split();
    let both = futures_util::future::join(
        pump(from_client, to_server, seen.clone(), false),
        pump(from_server, to_client, seen.clone(), true),
    );
    tokio::select! {
        _ = both => {}
        fault = ended => if fault == NetworkFault::Reset { reset(&linger) },
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut fault: watch::Receiver<NetworkFault>,
    to_client: bool,
) {
    let mut dropping = false;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            changed = fault.changed() => {
                if changed.is_err() { return }
                let now = *fault.borrow();
                dropping |= now == NetworkFault::BlackHole;
                if now == NetworkFault::HalfClose && to_client {
                    let _ = to.shutdown().await;
                    dropping = true;
                }
                continue;
            }
        };
        if read == 0 {
            let _ = to.shutdown().await;
            return;
        }
        let now = *fault.borrow();
        dropping |= now == NetworkFault::BlackHole;
        if now == NetworkFault::Delay {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        if !dropping && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
