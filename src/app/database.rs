//! The database that the configuration names, behind its breaker.

use std::time::Duration;

use secrecy::SecretString;
use slog::Logger;

use super::failure::Failure;
use crate::actors::db_breaker::{DbBreakerHandle, PoolSettings, Settings};
use crate::config::{Config, DatabaseConfig};
use crate::postgres::connection::{Connector, Limits};
use crate::postgres::migrations;
use crate::postgres::url::DatabaseUrl;
use crate::telemetry::instruments::Instruments;

/// A command may take as long as it takes.
const COMMAND_TIMEOUT: Duration = Duration::from_hours(24);

/// Longest start of the embedded database.
const BOOT: Duration = Duration::from_mins(1);

/// What the database is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Many short queries, none of which may hang.
    Service,
    /// One long piece of work.
    Command,
}

/// The database.
pub(super) struct Database {
    pub(super) db: DbBreakerHandle,
    pub(super) instruments: Instruments,
    server: Server,
}

enum Server {
    Elsewhere,
    #[cfg(feature = "embedded")]
    Embedded(crate::embedded::EmbeddedDatabase),
}

impl Server {
    async fn start(config: &DatabaseConfig) -> Result<(Self, SecretString), String> {
        if let Some(url) = config.url() {
            return Ok((Self::Elsewhere, url.clone()));
        }
        #[cfg(feature = "embedded")]
        {
            let folder = config.data_dir.clone();
            let start = move || crate::embedded::EmbeddedDatabase::start(&folder);
            let server =
                tokio::task::spawn_blocking(start).await.map_err(|error| error.to_string())??;
            let url = server.url();
            Ok((Self::Embedded(server), url))
        }
        #[cfg(not(feature = "embedded"))]
        Err("DATABASE_URL is required: this build has no embedded database".into())
    }

    fn is_embedded(&self) -> bool {
        !matches!(self, Self::Elsewhere)
    }
}

impl Database {
    /// Starts what is to be started; connects to nothing yet.
    pub(super) async fn start(
        config: &Config,
        purpose: Use,
        logger: &Logger,
    ) -> Result<Self, Failure> {
        let (config, breaker) = (&config.database, &config.breaker);
        let (server, url) = Server::start(config).await.map_err(Failure::new)?;
        let url = DatabaseUrl::parse(&url).map_err(Failure::usage)?;
        // The embedded database starts with its first connection, which a busy machine may take
        // longer over than one ever should over the network; and it would begin anew for each that
        // is given up.
        let connect = if server.is_embedded() { BOOT } else { config.connection_timeout() };
        let limits = Limits { connect, statement: Some(breaker.timeout()) };
        let mut connector = Connector::new(url, limits).map_err(Failure::usage)?;
        let wait = config.connection_timeout();
        let mut pool = PoolSettings { max: config.db_pool_max, min: config.db_pool_min, wait };
        let mut settings = Settings {
            enabled: breaker.circuit_breaker_enabled,
            timeout: breaker.timeout(),
            error_threshold: breaker.circuit_breaker_error_threshold,
            volume_threshold: breaker.circuit_breaker_volume_threshold,
            reset_timeout: breaker.reset_timeout(),
        };
        if purpose == Use::Command {
            connector = connector.administrative();
            settings = Settings { enabled: false, timeout: COMMAND_TIMEOUT, ..settings };
            pool = PoolSettings { max: 1, min: 0, wait };
        }
        if server.is_embedded() {
            // It has one connection, for which its callers queue up.
            pool = PoolSettings { max: 1, min: 1, wait: settings.timeout };
        }
        let instruments = Instruments::new().map_err(|error| Failure::new(error.to_string()))?;
        let db = DbBreakerHandle::start(
            connector,
            pool,
            settings,
            !server.is_embedded(),
            instruments.clone(),
            logger.clone(),
        );
        Ok(Self { db, instruments, server })
    }

    /// Whether the database is inside this process.
    pub(super) fn is_embedded(&self) -> bool {
        self.server.is_embedded()
    }

    /// For a command: connects, and makes sure that the schema is up to date. That of a database of
    /// our own is brought there; somebody else's is not touched without being asked.
    pub(super) async fn open(&self) -> Result<(), Failure> {
        let connection = self
            .db
            .administrative_connection()
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        if self.server.is_embedded() {
            migrations::run(connection).await.map_err(Failure::new)?;
        } else {
            let status = migrations::status(connection).await.map_err(Failure::new)?;
            if status.iter().any(|migration| !migration.applied) {
                return Err(Failure::new(
                    "the database's schema is not up to date; run `mdl migrate` first",
                ));
            }
        }
        self.db.open().await.map_err(|error| Failure::new(format!("{error:?}")))
    }

    /// Closes the connections and stops what was started.
    pub(super) async fn stop(self) {
        self.db.close().await;
        match self.server {
            Server::Elsewhere => {}
            #[cfg(feature = "embedded")]
            Server::Embedded(server) => {
                let _ = tokio::task::spawn_blocking(move || server.stop()).await;
            }
        }
    }
}
