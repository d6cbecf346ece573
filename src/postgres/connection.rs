//! One connection to `PostgreSQL`, set up so that nothing on it can wait for ever.

use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio_postgres::NoTls;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::postgres::tls;
use crate::postgres::url::{DatabaseUrl, SslMode};

/// Opens connections to one database.
#[derive(Clone)]
pub struct Connector {
    url: DatabaseUrl,
    tls: Option<MakeRustlsConnect>,
    limits: Limits,
}

/// How long things on a connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The whole set-up of the connection: TCP, TLS, log-in, settings.
    pub connect: Duration,
    /// One statement; none for administrative work.
    pub statement: Option<Duration>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connector").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Connector {
    /// For this database.
    ///
    /// # Errors
    /// A line that names the variable, when its certificates cannot be read.
    pub fn new(url: DatabaseUrl, limits: Limits) -> Result<Self, String> {
        Ok(Self { tls: tls::connector(&url)?, url, limits })
    }

    /// The same database, for work without a limit to its statements.
    #[must_use]
    pub fn administrative(&self) -> Self {
        Self { limits: Limits { statement: None, ..self.limits }, ..self.clone() }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// What the way there or the server says; also when it takes too long.
    pub async fn connect(&self) -> Result<AsyncPgConnection, ConnectionError> {
        match tokio::time::timeout(self.limits.connect, self.open()).await {
            Ok(opened) => opened,
            Err(_) => {
                Err(ConnectionError::BadConnection("the connection took too long to set up".into()))
            }
        }
    }

    async fn open(&self) -> Result<AsyncPgConnection, ConnectionError> {
        let mut connection = match &self.tls {
            None => self.plain(self.url.config.clone()).await?,
            Some(tls) => match self.encrypted(tls.clone()).await {
                // As libpq does: `prefer` prefers a plain connection to none.
                Err(_) if self.url.ssl_mode == SslMode::Prefer => {
                    let mut config = self.url.config.clone();
                    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
                    self.plain(config).await?
                }
                encrypted => encrypted?,
            },
        };
        connection
            .batch_execute(&self.settings())
            .await
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }

    async fn plain(
        &self,
        config: tokio_postgres::Config,
    ) -> Result<AsyncPgConnection, ConnectionError> {
        let (client, connection) = config.connect(NoTls).await.map_err(told)?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    }

    async fn encrypted(
        &self,
        tls: MakeRustlsConnect,
    ) -> Result<AsyncPgConnection, ConnectionError> {
        let (client, connection) = self.url.config.connect(tls).await.map_err(told)?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    }

    /// The server ends a statement a little before we stop waiting for it, so that we get to hear
    /// why.
    fn settings(&self) -> String {
        let statement = self.limits.statement.map_or(0, |limit| {
            u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).saturating_mul(9) / 10
        });
        let lock = statement / 2;
        format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {idle}; SET timezone = 'UTC'",
            idle = statement.saturating_mul(2),
        )
    }

    /// Asks the server to stop what a connection is doing, on a connection of its own.
    pub async fn cancel(&self, token: tokio_postgres::CancelToken) {
        let cancel = async {
            match self.tls.clone() {
                Some(tls) => token.cancel_query(tls).await,
                None => token.cancel_query(NoTls).await,
            }
        };
        // If even this fails there is nobody to tell: the connection is thrown away in any case.
        let _ = tokio::time::timeout(self.limits.connect, cancel).await;
    }
}

/// The driver's error with its causes; it names hosts and users, never a password.
fn told(error: tokio_postgres::Error) -> ConnectionError {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    ConnectionError::BadConnection(message)
}
