//! Opens single connections to `PostgreSQL`, with timeouts for everything that runs on them. Of
//! several hosts the first one is taken that answers in its share of the time and accepts writes.

use std::time::Duration;

pub use diesel::ConnectionError;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::postgres::connect_error::{self, IS_NOT_READ_ONLY, IS_READ_ONLY};
use crate::postgres::dial::{self, into_connection_error};
use crate::postgres::hosts::{DatabaseHost, Hosts, share_of};
use crate::postgres::server_connection::{DriverConnection, QueryCancelToken, ServerConnection};
use crate::postgres::socket::{ReachedServer, ServerAddress};
use crate::postgres::tls::{self, TlsError};
use crate::postgres::url::DatabaseUrl;

/// Opens connections to one database.
#[derive(Clone)]
pub struct Connector {
    url: DatabaseUrl,
    hosts: Hosts,
    tls: Option<MakeRustlsConnect>,
    timeouts: Timeouts,
    /// Whether triggers announce what its connections change.
    notifies: bool,
    /// Whether its connections only read, so that a standby is as good as a primary.
    only_reads: bool,
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
        let hosts = Hosts::from_config(&url.config);
        Ok(Self {
            tls: tls::connector(&url)?,
            url,
            hosts,
            timeouts,
            notifies: true,
            only_reads: false,
        })
    }

    /// Returns a connector to the same database without a statement timeout.
    #[must_use]
    pub fn administrative(&self) -> Self {
        Self { timeouts: Timeouts { statement: None, ..self.timeouts }, ..self.clone() }
    }

    /// Returns a connector to the same database whose connections send no notifications.
    #[must_use]
    pub fn without_notifications(self) -> Self {
        Self { notifies: false, ..self }
    }

    /// Returns a connector to the same database for connections that only read.
    #[must_use]
    pub fn for_reads(self) -> Self {
        Self { only_reads: true, ..self }
    }

    /// Whether its connections only read.
    pub fn only_reads(&self) -> bool {
        self.only_reads
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When no host can be reached, all refuse the connection or are read-only, or the connect
    /// timeout expires.
    pub async fn connect(&self) -> Result<ServerConnection, ConnectionError> {
        let deadline = Instant::now() + self.timeouts.connect;
        let connection = self.try_hosts(true).await?;
        let connection = timeout_at(deadline, ServerConnection::new(connection)).await;
        connection.unwrap_or_else(|_| timed_out())
    }

    /// Returns the limit of the whole set-up of a connection.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.timeouts.connect
    }

    /// Opens a connection of the driver on the first host that works. If `prepared`, it has the
    /// settings of this connector and accepts writes, unless the URL asks for something else.
    pub(super) async fn try_hosts(
        &self,
        prepared: bool,
    ) -> Result<DriverConnection, ConnectionError> {
        let deadline = Instant::now() + self.timeouts.connect;
        let hosts = self.hosts.in_order();
        let (mut left, mut errors) = (hosts.len(), Vec::new());
        for (index, host) in hosts {
            let share = share_of(deadline.saturating_duration_since(Instant::now()), left);
            left = left.saturating_sub(1);
            let attempt = self.hosts.attempt(index);
            match self.try_host(host, prepared, Instant::now() + share).await {
                Ok(connection) => {
                    attempt.succeeded(&connection.server.address);
                    return Ok(connection);
                }
                Err(error) => errors.push((host.to_string(), error.to_string())),
            }
        }
        Err(connect_error::combine(errors))
    }

    async fn try_host(
        &self,
        host: &DatabaseHost,
        prepared: bool,
        deadline: Instant,
    ) -> Result<DriverConnection, ConnectionError> {
        let Ok(addresses) = timeout_at(deadline, host.resolve()).await else { return timed_out() };
        let mut addresses = addresses.map_err(|error| {
            ConnectionError::BadConnection(format!("error resolving the host: {error}"))
        })?;
        self.hosts.sort(&mut addresses);
        self.try_addresses(host, addresses, prepared, deadline).await
    }

    async fn try_addresses(
        &self,
        host: &DatabaseHost,
        addresses: Vec<ServerAddress>,
        prepared: bool,
        deadline: Instant,
    ) -> Result<DriverConnection, ConnectionError> {
        let (mut left, mut last) = (addresses.len(), None);
        for address in addresses {
            // Also an address that accepts connections and stays silent has its share only.
            let share = share_of(deadline.saturating_duration_since(Instant::now()), left);
            left = left.saturating_sub(1);
            let server =
                ReachedServer { label: host.to_string(), name: host.name.clone(), address };
            match timeout(share, self.open(server, prepared)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = timed_out::<()>().err(),
            }
        }
        Err(last.unwrap_or_else(|| ConnectionError::BadConnection("host not found".into())))
    }

    async fn open(
        &self,
        server: ReachedServer,
        prepared: bool,
    ) -> Result<DriverConnection, ConnectionError> {
        let connection = dial::log_in(&self.url, self.tls.as_ref(), server).await?;
        if prepared {
            self.prepare(&connection.client).await?;
        }
        Ok(connection)
    }

    /// Sets the timeouts and checks that the server is of the wanted kind, in one round trip.
    async fn prepare(&self, client: &Client) -> Result<(), ConnectionError> {
        let statements = format!("{}; SHOW transaction_read_only", self.settings_sql());
        let messages = client.simple_query(&statements).await;
        let messages = messages.map_err(|error| into_connection_error(&error))?;
        let is_read_only = messages.iter().any(
            |message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("on")),
        );
        let refusal = match self.url.config.get_target_session_attrs() {
            TargetSessionAttrs::ReadWrite if is_read_only => IS_READ_ONLY,
            TargetSessionAttrs::ReadOnly if !is_read_only => IS_NOT_READ_ONLY,
            _ => return Ok(()),
        };
        Err(ConnectionError::BadConnection(refusal.to_owned()))
    }

    /// Returns the SQL of its settings; a timeout of 0 is none.
    fn settings_sql(&self) -> String {
        let limits = self.timeouts.statement.map(ServerLimits::of);
        let milliseconds = |limit: fn(ServerLimits) -> Duration| {
            let limit = limits.map_or(0, |limits| limit(limits).as_millis());
            u64::try_from(limit).unwrap_or(u64::MAX)
        };
        let statement = milliseconds(|limits| limits.statement);
        let lock = milliseconds(|limits| limits.lock);
        let mut settings = format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {idle}; SET timezone = 'UTC'",
            idle = statement.saturating_mul(2),
        );
        if !self.notifies {
            settings.push_str("; SET mdl.notify = 'off'");
        }
        settings
    }

    /// Asks the server, on another connection, to cancel the running query, and waits until that
    /// has ended. Only then the query's own connection is closed: a pooler that sees it close first
    /// ends the session while the query runs, or gives it to another client, who is cancelled.
    pub async fn cancel(&self, mut token: QueryCancelToken) {
        let cancelled = async {
            dial::cancel(&self.url.config, self.tls.as_ref(), &token).await;
            token.reader.ended().await;
        };
        // A failure is ignored: the connection is discarded in any case.
        let _ = timeout(self.timeouts.connect, cancelled).await;
    }
}

pub(super) fn timed_out<T>() -> Result<T, ConnectionError> {
    Err(ConnectionError::BadConnection("connection attempt timed out".into()))
}

#[cfg(test)]
mod tests;
