//! Opens single connections to `PostgreSQL`, with timeouts for everything that runs on them.

use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio_postgres::NoTls;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::postgres::tls::{self, TlsError};
use crate::postgres::url::{DatabaseUrl, SslMode};
use crate::telemetry::error_chain;

/// Opens connections to one database.
#[derive(Clone)]
pub struct Connector {
    url: DatabaseUrl,
    tls: Option<MakeRustlsConnect>,
    timeouts: Timeouts,
}

/// Timeouts of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Limit of the whole set-up: TCP, TLS, authentication, settings.
    pub connect: Duration,
    /// Limit of one statement; none for administrative work.
    pub statement: Option<Duration>,
}

/// Limits that the server enforces. They are below the timeout of this process, so that the server
/// ends a statement first, and its error has the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// `statement_timeout`: 90 % of the timeout.
    pub statement: Duration,
    /// `lock_timeout`: 45 % of the timeout.
    pub lock: Duration,
}

impl ServerLimits {
    /// Returns the limits for a timeout of this process.
    pub fn of(timeout: Duration) -> Self {
        let statement = timeout.saturating_mul(9) / 10;
        Self { statement, lock: statement / 2 }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Connector")
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Creates a connector; connects to nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be configured, for example because certificates cannot be read.
    pub fn new(url: DatabaseUrl, timeouts: Timeouts) -> Result<Self, TlsError> {
        Ok(Self { tls: tls::connector(&url)?, url, timeouts })
    }

    /// Returns a connector to the same database without a statement timeout.
    #[must_use]
    pub fn administrative(&self) -> Self {
        Self { timeouts: Timeouts { statement: None, ..self.timeouts }, ..self.clone() }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses the connection, or the connect timeout expires.
    pub async fn connect(&self) -> Result<AsyncPgConnection, ConnectionError> {
        match tokio::time::timeout(self.timeouts.connect, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(ConnectionError::BadConnection("connection attempt timed out".into())),
        }
    }

    async fn open(&self) -> Result<AsyncPgConnection, ConnectionError> {
        let mut connection = match &self.tls {
            None => self.open_plain(self.url.config.clone()).await?,
            Some(tls) => match self.open_encrypted(tls.clone()).await {
                // As libpq does: `prefer` falls back to a plain connection.
                Err(_) if self.url.ssl_mode == SslMode::Prefer => {
                    let mut config = self.url.config.clone();
                    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
                    self.open_plain(config).await?
                }
                encrypted => encrypted?,
            },
        };
        connection
            .batch_execute(&self.settings_sql())
            .await
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }

    async fn open_plain(
        &self,
        config: tokio_postgres::Config,
    ) -> Result<AsyncPgConnection, ConnectionError> {
        let (client, connection) = config.connect(NoTls).await.map_err(into_connection_error)?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    }

    async fn open_encrypted(
        &self,
        tls: MakeRustlsConnect,
    ) -> Result<AsyncPgConnection, ConnectionError> {
        let (client, connection) =
            self.url.config.connect(tls).await.map_err(into_connection_error)?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    }

    /// Returns the SQL that sets the timeouts; 0 is none.
    fn settings_sql(&self) -> String {
        let limits = self.timeouts.statement.map(ServerLimits::of);
        let milliseconds = |limit: fn(ServerLimits) -> Duration| {
            let limit = limits.map_or(0, |limits| limit(limits).as_millis());
            u64::try_from(limit).unwrap_or(u64::MAX)
        };
        let statement = milliseconds(|limits| limits.statement);
        let lock = milliseconds(|limits| limits.lock);
        format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {idle}; SET timezone = 'UTC'",
            idle = statement.saturating_mul(2),
        )
    }

    /// Asks the server, on another connection, to cancel the running query.
    pub async fn cancel(&self, token: tokio_postgres::CancelToken) {
        let cancel = async {
            match self.tls.clone() {
                Some(tls) => token.cancel_query(tls).await,
                None => token.cancel_query(NoTls).await,
            }
        };
        // A failure is ignored: the connection is discarded in any case.
        let _ = tokio::time::timeout(self.timeouts.connect, cancel).await;
    }
}

/// Keeps the driver's error with its sources as text, and with its SQLSTATE, which is the same in
/// every language of the server. It names hosts and users, never a password.
fn into_connection_error(error: tokio_postgres::Error) -> ConnectionError {
    let text = error_chain(&error);
    ConnectionError::BadConnection(match error.code() {
        Some(state) => format!("{text} (SQLSTATE {})", state.code()),
        None => text,
    })
}

/// SQLSTATEs of a server that will refuse the next connection, too: invalid authorisation, invalid
/// password, unknown database, missing privilege.
const REJECTIONS: [&str; 4] = ["28000", "28P01", "3D000", "42501"];

/// Whether the server refused a connection for a reason that only an operator can remove.
pub fn is_rejection(error: &ConnectionError) -> bool {
    let ConnectionError::BadConnection(text) = error else { return false };
    REJECTIONS.iter().any(|state| text.ends_with(&format!("(SQLSTATE {state})")))
}
