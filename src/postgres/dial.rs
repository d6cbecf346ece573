//! Logs in to one server: socket, TLS, authentication.

use diesel::ConnectionError;
use tokio_postgres::config::SslMode as DriverSslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::postgres::closed_by_server::ClosedByServer;
use crate::postgres::error_scanner::ErrorScanner;
use crate::postgres::scanned_stream::{ScannedStream, ScannedTls};
use crate::postgres::server_connection::{DriverConnection, QueryCancelToken, ReaderTask};
use crate::postgres::server_error::RecentErrors;
use crate::postgres::socket::{DatabaseSocket, ReachedServer, ServerAddress};
use crate::postgres::url::{DatabaseUrl, SslMode};
use crate::telemetry::error_chain;

type RustlsConnect = <MakeRustlsConnect as MakeTlsConnect<DatabaseSocket>>::TlsConnect;

/// Logs in to a server. As for libpq, a Unix socket is never encrypted, and `prefer` falls back to
/// a plain connection. It does so only if the server has answered: one that cannot be reached, or
/// stays silent until the caller gives up, is not tried twice.
pub(super) async fn log_in(
    url: &DatabaseUrl,
    tls: Option<&MakeRustlsConnect>,
    server: ReachedServer,
) -> Result<DriverConnection, ConnectionError> {
    let mut plain = url.config.clone();
    plain.ssl_mode(DriverSslMode::Disable);
    let falls_back = url.ssl_mode == SslMode::Prefer;
    let socket = open_socket(&url.config, &server).await?;
    let outcome = match tls.filter(|_| matches!(server.address, ServerAddress::Tcp(_))) {
        None => log_in_on(socket, &plain, None, server).await,
        Some(tls) => match tls_for(tls, &server) {
            Err(_) if falls_back => log_in_on(socket, &plain, None, server).await,
            tls => match log_in_on(socket, &url.config, Some(tls?), server.clone()).await {
                Err(error) if falls_back && may_work_without_tls(&error) => {
                    let socket = open_socket(&url.config, &server).await?;
                    log_in_on(socket, &plain, None, server).await
                }
                outcome => outcome,
            },
        },
    };
    outcome.map_err(|error| into_connection_error(&error))
}

/// Whether TLS failed, or `pg_hba.conf` permits no encrypted connection.
fn may_work_without_tls(error: &tokio_postgres::Error) -> bool {
    error.code().is_none_or(|state| *state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

async fn open_socket(
    config: &Config,
    server: &ReachedServer,
) -> Result<DatabaseSocket, ConnectionError> {
    server.address.connect(config).await.map_err(|error| {
        ConnectionError::BadConnection(format!("error connecting to server: {error}"))
    })
}

async fn log_in_on(
    socket: DatabaseSocket,
    config: &Config,
    tls: Option<RustlsConnect>,
    server: ReachedServer,
) -> Result<DriverConnection, tokio_postgres::Error> {
    let errors = RecentErrors::default();
    let stream = ScannedStream::new(socket, ErrorScanner::new(tls.is_some(), errors.clone()));
    let (client, (reader, notifications)) = if let Some(tls) = tls {
        let (client, connection) = config.connect_raw(stream, ScannedTls(tls)).await?;
        (client, ReaderTask::start(connection, errors.clone()))
    } else {
        let (client, connection) = config.connect_raw(stream, NoTls).await?;
        (client, ReaderTask::start(connection, errors.clone()))
    };
    Ok(DriverConnection { client, reader, notifications, errors, server })
}

/// Asks a server, on another connection, to cancel a query, and waits until it has dealt with the
/// request. Failures are ignored: the connection of the query is discarded in any case.
pub(super) async fn cancel(
    config: &Config,
    tls: Option<&MakeRustlsConnect>,
    QueryCancelToken { token, server, .. }: &QueryCancelToken,
) {
    let Ok(socket) = server.address.connect(config).await else { return };
    let socket = ClosedByServer(socket);
    // The token itself says whether the connection was encrypted.
    let _ = match tls.map(|tls| tls_for(tls, server)) {
        Some(Ok(tls)) => token.cancel_query_raw(socket, tls).await,
        _ => token.cancel_query_raw(socket, NoTls).await,
    };
}

fn tls_for(
    tls: &MakeRustlsConnect,
    server: &ReachedServer,
) -> Result<RustlsConnect, ConnectionError> {
    let name = server.name.as_deref().unwrap_or_default();
    MakeTlsConnect::<DatabaseSocket>::make_tls_connect(&mut tls.clone(), name)
        .map_err(|error| ConnectionError::BadConnection(format!("TLS: {error}")))
}

/// Keeps the driver's error with its sources as text, and with its SQLSTATE, which is the same in
/// every language of the server. It names hosts and users, never a password.
pub(super) fn into_connection_error(error: &tokio_postgres::Error) -> ConnectionError {
    let text = error_chain(error);
    ConnectionError::BadConnection(match error.code() {
        Some(state) => format!("{text} (SQLSTATE {})", state.code()),
        None => text,
    })
}
