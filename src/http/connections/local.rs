//! Connections to the Unix socket of administrators. Only the system user of this process and root
//! may connect: the mode of the socket's file says so, and the peer of each connection is checked,
//! because the file exists for a moment before its mode is set.

use std::fmt::{self, Debug};
use std::io;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, map_config};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, fn_service};
use actix_web::rt::net::UnixStream;

/// Time for a request head, and for an idle connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time for active requests at shutdown, in seconds.
const GRACE: u64 = 1;

/// The system user at the other end of a local connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalPeer {
    uid: u32,
}

impl LocalPeer {
    /// Returns the peer of a connection, unless it is neither `owner` nor root.
    fn from_stream(stream: &UnixStream, owner: u32) -> io::Result<Self> {
        let uid = stream.peer_cred()?.uid();
        if uid == owner || uid == 0 {
            Ok(Self { uid })
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}

/// As the log and the audit log name it.
impl fmt::Display for LocalPeer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "local socket user {}", self.uid)
    }
}

/// Makes a server on this listener for connections of `owner` and root; its requests find their
/// [`LocalPeer`] in the data of their connection. It handles no signals.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve_local<F, I, S, B>(listener: UnixListener, owner: u32, app: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let builder = Server::build().workers(1).disable_signals().shutdown_timeout(GRACE);
    let builder = builder.listen_uds("admin", listener, move || {
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .keep_alive(PATIENCE)
            .client_request_timeout(PATIENCE)
            .on_connect_ext(move |stream: &UnixStream, data| {
                if let Ok(peer) = LocalPeer::from_stream(stream, owner) {
                    data.insert(peer);
                }
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: UnixStream| async move {
            // The drop of the stream with the error closes the connection.
            let admitted = LocalPeer::from_stream(&stream, owner).map_err(DispatchError::Io);
            admitted.map(|_| (stream, None::<std::net::SocketAddr>))
        })
        .and_then(http)
    })?;
    Ok(builder.run())
}
