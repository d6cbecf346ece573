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

    /// Returns the SQL that sets the timeouts. The server cancels a statement at 90 % of the
    /// timeout, before this process gives up, so that the error has its cause.
    fn settings_sql(&self) -> String {
        let statement = self.timeouts.statement.map_or(0, |limit| {
            u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).saturating_mul(9) / 10
        });
        let lock = statement / 2;
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

/// Keeps the driver's error with its sources as text. It names hosts and users, never a password.
fn into_connection_error(error: tokio_postgres::Error) -> ConnectionError {
    ConnectionError::BadConnection(error_chain(&error))
}
