//! A listener that serves, and how its end is noticed.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use socket2::SockRef;
use tokio::task::JoinHandle;

use super::listener::Listener;

/// How often the sockets are looked at.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A listener whose server runs as a task of the main thread.
pub(super) struct RunningListener {
    pub(super) address: SocketAddr,
    handle: ServerHandle,
    /// Given up when the server stops: a socket that is open anywhere accepts connections.
    sockets: Vec<TcpListener>,
    /// None when its end was noticed.
    task: Option<JoinHandle<io::Result<()>>>,
}

impl RunningListener {
    /// Begins to serve.
    pub(super) fn spawn(Listener { address, server, sockets }: Listener) -> Self {
        let handle = server.handle();
        Self { address, handle, sockets, task: Some(actix_web::rt::spawn(server)) }
    }

    /// Waits until the listener ends. Returns why.
    pub(super) async fn ended(&mut self) -> String {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let outcome = tokio::select! {
            outcome = task => outcome,
            () = closed(&self.sockets) => {
                return "another process has shut down its socket".to_owned();
            }
        };
        self.task = None;
        match outcome {
            Ok(Ok(())) => "it ended by itself".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Accepts no further connection, waits for active requests if `graceful`, and ends.
    pub(super) async fn stop(&mut self, graceful: bool) {
        self.sockets.clear();
        self.handle.pause().await;
        self.handle.stop(graceful).await;
        if self.task.is_some() {
            self.ended().await;
        }
    }
}

/// Waits until one of the sockets does not listen any more. The server does not see that: it tries
/// to accept connections again and again.
async fn closed(sockets: &[TcpListener]) {
    let listens = |socket: &TcpListener| SockRef::from(socket).is_listener().unwrap_or(true);
    while sockets.iter().all(listens) {
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use actix_web::dev::Server;

    use super::*;

    /// Makes a server on a free port that closes every connection.
    fn listener() -> Listener {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let service =
            || actix_web::dev::fn_service(async |_: tokio::net::TcpStream| Ok::<_, ()>(()));
        let builder = Server::build().workers(1).disable_signals();
        let sockets = vec![socket.try_clone().unwrap()];
        let server = builder.listen("test", socket, service).unwrap().run();
        Listener { address, server, sockets }
    }

    #[actix_web::test]
    async fn end_of_the_server_is_noticed() {
        let mut running = RunningListener::spawn(listener());
        running.handle.stop(false).await;
        assert_eq!(running.ended().await, "it ended by itself");
        // Its end is noticed once, and it can be stopped all the same.
        running.stop(true).await;
    }

    #[actix_web::test]
    async fn socket_that_is_shut_down_ends_the_listener() {
        let listener = listener();
        let socket = listener.sockets[0].try_clone().unwrap();
        let mut running = RunningListener::spawn(listener);
        {
            let ended = std::pin::pin!(running.ended());
            assert!(futures_util::poll!(ended).is_pending());
        }
        SockRef::from(&socket).shutdown(std::net::Shutdown::Both).unwrap();
        assert_eq!(running.ended().await, "another process has shut down its socket");
        running.stop(true).await;
    }

    #[actix_web::test]
    async fn stopped_listener_refuses_connections() {
        let mut running = RunningListener::spawn(listener());
        running.stop(true).await;
        assert!(std::net::TcpStream::connect(running.address).is_err());
    }
}
