//! Sockets to a database server.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::Config;
use tokio_util::either::Either;

/// A socket to a server.
pub(super) type DatabaseSocket = Either<TcpStream, UnixStream>;

/// Where one server was reached, for example to cancel a query there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServerAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A server that was reached.
#[derive(Clone, Debug)]
pub(super) struct ReachedServer {
    /// As the URL names it.
    pub(super) label: String,
    /// The name that its certificate must have; none for a Unix socket.
    pub(super) name: Option<String>,
    pub(super) address: ServerAddress,
}

impl std::fmt::Display for ReachedServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.label)
    }
}

impl ServerAddress {
    /// Opens a socket, with the keepalive settings of the configuration.
    pub(super) async fn connect(&self, config: &Config) -> io::Result<DatabaseSocket> {
        let stream = match self {
            Self::Unix(path) => return Ok(Either::Right(UnixStream::connect(path).await?)),
            Self::Tcp(address) => TcpStream::connect(address).await?,
        };
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        #[cfg(target_os = "linux")]
        if let Some(timeout) = config.get_tcp_user_timeout() {
            socket.set_tcp_user_timeout(Some(*timeout))?;
        }
        if config.get_keepalives() {
            let mut keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
            if let Some(interval) = config.get_keepalives_interval() {
                keepalive = keepalive.with_interval(interval);
            }
            if let Some(retries) = config.get_keepalives_retries() {
                keepalive = keepalive.with_retries(retries);
            }
            socket.set_tcp_keepalive(&keepalive)?;
        }
        Ok(Either::Left(stream))
    }
}
