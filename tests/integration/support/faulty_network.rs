//! A TCP proxy in front of the database that simulates faults of the network.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

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
    /// Packets are lost, as TCP shows it: what is sent arrives late, now and then after a
    /// retransmission timeout, and a connection is reset now and then.
    Lossy,
}

/// What a lossy link does to one piece of a stream.
enum Transmission {
    After(Duration),
    Reset,
}

impl Transmission {
    /// A piece takes up to 5 ms. 1 % are lost and sent again after 200 ms, the shortest timeout of
    /// Linux, which doubles each time (RFC 6298). One of 1000 ends its connection.
    fn draw(random: &mut StdRng) -> Self {
        if random.random_ratio(1, 1000) {
            return Self::Reset;
        }
        let mut delay = Duration::from_micros(random.random_range(0..=5000));
        let mut timeout = Duration::from_millis(200);
        while random.random_ratio(1, 100) {
            delay += timeout;
            timeout *= 2;
        }
        Self::After(delay)
    }
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
            // The same for the n-th connection of every run.
            let mut number = 0;
            while let Ok((client, _)) = listener.accept().await {
                number += 1;
                match *seen.borrow() {
                    NetworkFault::Refuse => drop(client),
                    NetworkFault::Reset => reset(&client),
                    _ => {
                        tokio::spawn(connect(client, (target, number), seen.clone()));
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

async fn connect(
    client: TcpStream,
    (target, number): (u16, u64),
    seen: watch::Receiver<NetworkFault>,
) {
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
    let lost = Notify::new();
    let both = futures_util::future::join(
        pump((from_client, to_server), seen.clone(), false, (number * 2, &lost)),
        pump((from_server, to_client), seen.clone(), true, (number * 2 + 1, &lost)),
    );
    tokio::select! {
        _ = both => {}
        fault = ended => if fault == NetworkFault::Reset { reset(&linger) },
        () = lost.notified() => reset(&linger),
    }
}

async fn pump(
    (mut from, mut to): (tokio::net::tcp::OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf),
    mut fault: watch::Receiver<NetworkFault>,
    to_client: bool,
    (number, lost): (u64, &Notify),
) {
    let mut random = StdRng::seed_from_u64(number);
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
        if now == NetworkFault::Lossy {
            match Transmission::draw(&mut random) {
                Transmission::After(delay) => tokio::time::sleep(delay).await,
                Transmission::Reset => return lost.notify_one(),
            }
        }
        if !dropping && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
