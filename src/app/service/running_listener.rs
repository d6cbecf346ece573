//! A listener that serves, and how its end is noticed.

use std::io;
use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use tokio::task::JoinHandle;

use super::listener::Listener;

/// A listener whose server runs as a task of the main thread.
pub(super) struct RunningListener {
    pub(super) address: SocketAddr,
    handle: ServerHandle,
    /// None when its end was noticed.
    task: Option<JoinHandle<io::Result<()>>>,
}

impl RunningListener {
    /// Begins to serve.
    pub(super) fn spawn(Listener { address, server }: Listener) -> Self {
        let handle = server.handle();
        Self { address, handle, task: Some(actix_web::rt::spawn(server)) }
    }

    /// Waits until the listener ends. Returns why.
    pub(super) async fn ended(&mut self) -> String {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let outcome = task.await;
        self.task = None;
        match outcome {
            Ok(Ok(())) => "it ended by itself".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Accepts no further connection, waits for active requests if `graceful`, and ends.
    pub(super) async fn stop(&mut self, graceful: bool) {
        self.handle.pause().await;
        self.handle.stop(graceful).await;
        if self.task.is_some() {
            self.ended().await;
        }
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
        Listener { address, server: builder.listen("test", socket, service).unwrap().run() }
    }

    #[actix_web::test]
    async fn end_of_the_server_is_noticed() {
        let mut running = RunningListener::spawn(listener());
        running.handle.stop(false).await;
        assert_eq!(running.ended().await, "it ended by itself");
        // Its end is noticed once, and it can be stopped all the same.
        running.stop(true).await;
    }
}
