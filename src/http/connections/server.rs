//! The HTTP server on guarded streams. It is what `actix_web::HttpServer` builds, with one more
//! step between accepting a connection and reading from it, and with a count of the requests under
//! way on each connection.

use std::fmt::Debug;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

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

use super::guarded::Guarded;
use super::open::Connections;
use super::pace::UnderWay;

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// For the first request head; [`super::pace`] limits the following ones.
const FIRST_HEAD: Duration = Duration::from_secs(5);
const DISCONNECT: Duration = Duration::from_secs(1);
/// The most bytes that the kernel holds and has not sent. Without it, a slow reader's progress is
/// seen only in steps of a third of the send buffer, which may be megabytes, and each connection
/// could take that much of the kernel's memory.
const UNSENT: u32 = 128 * 1024;

/// How a server runs.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    pub workers: usize,
    /// How long requests may take to finish at shutdown, in seconds.
    pub grace: u64,
}

/// A server that listens here. Signals are not its business.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve<F, I, S, B>(
    listener: TcpListener,
    running: Running,
    connections: &Arc<Connections>,
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
    let builder =
        Server::build().workers(running.workers).disable_signals().shutdown_timeout(running.grace);
    let (stopping, connections) = (builder.graceful_shutdown_signal(), connections.clone());
    let address = listener.local_addr()?;
    let builder = builder.listen("http", listener, move || {
        let (stopping, connections) = (stopping.clone(), connections.clone());
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
            .on_connect_ext(|stream: &Guarded, data| {
                data.insert(stream.pace());
            })
            .h1(map_config(apply_fn_factory(app, counted), |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let connections = connections.clone();
            async move { accept(stream, &connections).map_err(actix_http::error::DispatchError::Io) }
        })
        .and_then(http)
    })?;
    Ok(builder.run())
}

/// Closes the connection by the error if there are too many.
fn accept(
    stream: TcpStream,
    connections: &Arc<Connections>,
) -> io::Result<(Guarded, Option<std::net::SocketAddr>)> {
    let peer = stream.peer_addr()?;
    let open = connections.admit(peer.ip()).ok_or(io::ErrorKind::ConnectionRefused)?;
    // Without it the pieces of a compressed response wait for delayed acknowledgements.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT)?;
    Ok((Guarded::new(stream, open), Some(peer)))
}

/// Handles a request, which is under way until its response has no more bytes to give.
fn counted<S, B>(
    request: Request,
    service: &S,
) -> impl Future<Output = Result<Response<Counted<B>>, S::Error>> + use<S, B>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    B: MessageBody,
{
    let under_way =
        request.conn_data::<std::rc::Rc<super::pace::Pace>>().map(super::pace::Pace::begin);
    let response = service.call(request);
    async move {
        let response: Response<B> = response.await?.into();
        Ok(response.map_body(|_, body| Counted { body: Box::pin(body), _under_way: under_way }))
    }
}

/// The body of a response to a request under way.
struct Counted<B> {
    body: Pin<Box<B>>,
    _under_way: Option<UnderWay>,
}

impl<B: MessageBody> MessageBody for Counted<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_mut().poll_next(context)
    }
}
