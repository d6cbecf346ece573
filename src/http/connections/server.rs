//! The HTTP server on guarded streams. It is what `actix_web::HttpServer` builds, with one more
//! step between accepting a connection and reading from it, and with a count of the active requests
//! of each connection.

use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Request, Response};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config,
};
use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{AppConfig, Server, fn_service};
use actix_web::web::Bytes;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::guarded::GuardedStream;
use super::open::Connections;
use super::pace::{ActiveRequest, ConnectionPace};
use super::responder::Responder;

/// Time that an idle connection stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Time for the first request head; [`super::pace`] limits the following ones.
const FIRST_HEAD: Duration = Duration::from_secs(5);
const DISCONNECT: Duration = Duration::from_secs(1);
/// Limit of unsent bytes in the kernel. Without it, the progress of a slow reader is visible only
/// in steps of a third of the send buffer, which may be megabytes, and each connection could take
/// as much memory of the kernel.
const UNSENT: u32 = 128 * 1024;

/// Options of a server.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    pub workers: usize,
    /// Time for active requests at shutdown, in seconds.
    pub grace: u64,
}

/// Makes a server on these listeners. It handles no signals.
///
/// # Errors
/// When a listener cannot be used.
pub fn serve<F, I, S, B>(
    listeners: Vec<TcpListener>,
    options: ServerOptions,
    connections: &Arc<Connections>,
    responder: Responder,
    app: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let mut builder =
        Server::build().workers(options.workers).disable_signals().shutdown_timeout(options.grace);
    let (stopping, connections) = (builder.graceful_shutdown_signal(), connections.clone());
    let responder = Arc::new(responder);
    for listener in listeners {
        let (stopping, connections) = (stopping.clone(), connections.clone());
        let (address, responder, app) = (listener.local_addr()?, responder.clone(), app.clone());
        builder = builder.listen("http", listener, move || {
            let (stopping, connections) = (stopping.clone(), connections.clone());
            let responder = responder.clone();
            let app = app().into_factory().map_err(|error| error.into().error_response());
            let http = HttpService::build()
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(FIRST_HEAD)
                .client_disconnect_timeout(DISCONNECT)
                .local_addr(address)
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .on_connect_ext(|stream: &GuardedStream, data| {
                    data.insert(stream.pace());
                })
                .h1(map_config(apply_fn_factory(app, counted), |()| AppConfig::default()));
            fn_service(move |stream: TcpStream| {
                let (connections, responder) = (connections.clone(), responder.clone());
                async move { accept(stream, &connections, responder).map_err(DispatchError::Io) }
            })
            .and_then(apply_fn_factory(http, until_requests_end))
        })?;
    }
    Ok(builder.run())
}

/// Serves a connection, and keeps the worker counting it until its requests have ended. A write
/// runs on after its client has disconnected (`http::middleware::run_to_end`); without this, a
/// worker that shuts down would stop as soon as its last connection is closed, and end that write.
fn until_requests_end<S>(
    (stream, peer): (GuardedStream, Option<SocketAddr>),
    http: &S,
) -> impl Future<Output = Result<(), S::Error>> + use<S>
where
    S: Service<(GuardedStream, Option<SocketAddr>), Response = ()>,
{
    let pace = stream.pace();
    let connection = http.call((stream, peer));
    async move {
        let outcome = connection.await;
        pace.until_idle().await;
        outcome
    }
}

/// Accepts a connection; its drop with the error closes one that is over a limit.
fn accept(
    stream: TcpStream,
    connections: &Arc<Connections>,
    responder: Arc<Responder>,
) -> io::Result<(GuardedStream, Option<std::net::SocketAddr>)> {
    let peer = stream.peer_addr()?;
    let open = connections.admit(peer.ip()).ok_or(io::ErrorKind::ConnectionRefused)?;
    // Without it the pieces of a compressed response wait for delayed acknowledgements.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT)?;
    Ok((GuardedStream::new(stream, open, responder), Some(peer)))
}

/// Handles a request, which is active until its response is complete.
fn counted<S, B>(
    request: Request,
    service: &S,
) -> impl Future<Output = Result<Response<CountedBody<B>>, S::Error>> + use<S, B>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    B: MessageBody,
{
    let pace = request.conn_data::<Rc<ConnectionPace>>().cloned();
    let under_way = pace.as_ref().map(ConnectionPace::begin_request);
    let response = service.call(request);
    async move {
        let response: Response<B> = response.await?.into();
        let counted = |body| CountedBody { body: Box::pin(body), pace, _under_way: under_way };
        Ok(response.map_body(|_, body| counted(body)))
    }
}

/// The body of a response; its request is active until it is complete.
struct CountedBody<B> {
    body: Pin<Box<B>>,
    pace: Option<Rc<ConnectionPace>>,
    _under_way: Option<ActiveRequest>,
}

impl<B: MessageBody> MessageBody for CountedBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = self.body.as_mut().poll_next(context);
        if let (Some(pace), Poll::Ready(Some(Ok(chunk)))) = (&self.pace, &next) {
            pace.record_chunk(chunk);
        }
        next
    }
}
