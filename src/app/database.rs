//! The database that the configuration names, behind its circuit breaker. Starts the embedded
//! database where `DATABASE_URL` is not set, and adapts pool and timeouts to the purpose.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use slog::Logger;

use crate::actors::db_breaker::{CircuitSettings, DbBreakerHandle, PoolSettings, StorageCheck};
use crate::app::command_error::CommandError;
use crate::app::replica;
use crate::config::{Config, DatabaseConfig};
use crate::postgres::connection::{Connector, Timeouts};
use crate::postgres::migrations;
use crate::postgres::pooler::TRANSACTION_MODE;
use crate::postgres::url::{DatabaseTarget, DatabaseUrl};
use crate::telemetry::instruments::Instruments;

/// Timeout of statements of commands: an import may take hours.
const COMMAND_TIMEOUT: Duration = Duration::from_hours(24);

/// Longest start of the embedded database, on a busy machine.
const EMBEDDED_START_TIMEOUT: Duration = Duration::from_mins(1);

/// What a process uses the database for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Many short queries, none of which may hang.
    Service,
    /// One long piece of work.
    Command,
}

/// A database handle, and the embedded server if there is one.
pub(super) struct Database {
    pub(super) db: DbBreakerHandle,
    /// A standby for reads. Boxed, because this is held in large futures.
    pub(super) replica: Option<Box<DbBreakerHandle>>,
    pub(super) instruments: Instruments,
    /// What `DATABASE_URL` names.
    pub(super) target: DatabaseTarget,
    server: DatabaseServer,
}

enum DatabaseServer {
    External,
    #[cfg(feature = "embedded")]
    Embedded(crate::embedded::EmbeddedDatabase),
}

impl DatabaseServer {
    async fn start(config: &DatabaseConfig) -> Result<(Self, SecretString), CommandError> {
        if let Some(url) = config.url() {
            return Ok((Self::External, url.clone()));
        }
        #[cfg(feature = "embedded")]
        {
            let folder = config.data_dir.clone();
            let start = move || crate::embedded::EmbeddedDatabase::start(&folder);
            let started = tokio::task::spawn_blocking(start).await;
            let server = started.map_err(CommandError::failed)?.map_err(CommandError::failed)?;
            let url = server.url();
            Ok((Self::Embedded(server), url))
        }
        #[cfg(not(feature = "embedded"))]
        Err(CommandError::usage("DATABASE_URL is required: this build has no embedded database"))
    }

    fn is_embedded(&self) -> bool {
        !matches!(self, Self::External)
    }

    /// Returns the folder of the embedded database.
    fn data_folder(&self) -> Option<PathBuf> {
        match self {
            Self::External => None,
            #[cfg(feature = "embedded")]
            Self::Embedded(server) => Some(server.folder().to_owned()),
        }
    }

    /// Returns the check of the disk of the embedded database.
    fn storage_check(&self) -> Option<StorageCheck> {
        match self {
            Self::External => None,
            #[cfg(feature = "embedded")]
            Self::Embedded(server) => {
                let folder = server.folder().to_owned();
                Some(StorageCheck::new(move || crate::embedded::check_space(&folder)))
            }
        }
    }
}

impl Database {
    /// Starts the embedded database if there is one, and the circuit breaker. Opens no connection.
    pub(super) async fn start(
        config: &Config,
        purpose: Purpose,
        logger: &Logger,
    ) -> Result<Self, CommandError> {
        let (config, breaker) = (&config.database, &config.breaker);
        let (server, url) = DatabaseServer::start(config).await?;
        let url = DatabaseUrl::parse(&url).map_err(CommandError::usage)?;
        let url = url.with_process_name(&process_name());
        let target = url.target();
        // The embedded database starts with its first connection, and starts anew for each that is
        // given up.
        let connect =
            if server.is_embedded() { EMBEDDED_START_TIMEOUT } else { config.connection_timeout() };
        let timeouts = Timeouts { connect, statement: Some(breaker.timeout()) };
        let mut connector = Connector::new(url, timeouts).map_err(CommandError::usage)?;
        if !config.notify_enabled {
            connector = connector.without_notifications();
        }
        let wait = config.connection_timeout();
        let mut pool = PoolSettings { max: config.db_pool_max, min: config.db_pool_min, wait };
        let mut settings = CircuitSettings {
            enabled: breaker.circuit_breaker_enabled,
            timeout: breaker.timeout(),
            error_threshold: breaker.circuit_breaker_error_threshold,
            volume_threshold: breaker.circuit_breaker_volume_threshold,
            reset_timeout: breaker.reset_timeout(),
        };
        if purpose == Purpose::Command {
            connector = connector.administrative();
            settings = CircuitSettings { enabled: false, timeout: COMMAND_TIMEOUT, ..settings };
            pool = PoolSettings { max: 1, min: 0, wait };
        }
        if server.is_embedded() {
            // The embedded database has one connection, for which callers queue.
            pool = PoolSettings { max: 1, min: 1, wait: settings.timeout };
        }
        let instruments = Instruments::new().map_err(CommandError::failed)?;
        let db = DbBreakerHandle::start(
            connector,
            pool,
            settings,
            server.storage_check(),
            instruments.clone(),
            logger.clone(),
        );
        let replica = match purpose {
            Purpose::Service => {
                Box::pin(replica::start(config, &process_name(), &instruments)).await?
            }
            Purpose::Command => None,
        };
        let replica = replica.map(Box::new);
        Ok(Self { db, replica, instruments, target, server })
    }

    /// Whether the database runs inside this process.
    pub(super) fn is_embedded(&self) -> bool {
        self.server.is_embedded()
    }

    /// Returns the folder of the embedded database, without links.
    pub(super) fn data_folder(&self) -> Option<PathBuf> {
        self.server.data_folder()
    }

    /// Refuses a connection pooler in transaction mode, in which a migration or an import would run
    /// without its lock and its settings.
    pub(super) async fn ensure_sessions(&self) -> Result<(), CommandError> {
        if self.is_embedded() || self.db.keeps_sessions().await.map_err(CommandError::failed)? {
            return Ok(());
        }
        Err(CommandError::failed(TRANSACTION_MODE))
    }

    /// Connects for a command and requires an up-to-date schema. The embedded database is migrated;
    /// an external one only by `mdl migrate`.
    pub(super) async fn open(&self) -> Result<(), CommandError> {
        self.ensure_sessions().await?;
        let connection = self.db.administrative_connection().await;
        let mut connection = connection.map_err(CommandError::failed)?;
        if self.server.is_embedded() {
            migrations::run(connection).await.map_err(CommandError::failed)?;
        } else {
            let schema = migrations::status(&mut connection).await.map_err(CommandError::failed)?;
            if !schema.pending().is_empty() {
                return Err(CommandError::failed(
                    "database schema is not up to date; run `mdl migrate` first",
                ));
            }
        }
        self.db.open_pool().await.map_err(CommandError::from)
    }

    /// Runs the work of a command on an up-to-date database, which is stopped afterwards.
    pub(super) async fn run_command<T>(
        config: &Config,
        work: impl AsyncFnOnce(&DbBreakerHandle) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let logger = Logger::root(slog::Discard, slog::o!());
        let database = Self::start(config, Purpose::Command, &logger).await?;
        let outcome = match database.open().await {
            Ok(()) => work(&database.db).await,
            Err(error) => Err(error),
        };
        database.stop().await;
        outcome
    }

    /// Closes all connections and stops the embedded database.
    pub(super) async fn stop(self) {
        self.db.close_pool().await;
        if let Some(replica) = self.replica {
            Box::pin(replica.close_pool()).await;
        }
        match self.server {
            DatabaseServer::External => {}
            #[cfg(feature = "embedded")]
            DatabaseServer::Embedded(server) => {
                let _ = tokio::task::spawn_blocking(move || server.stop()).await;
            }
        }
    }
}

/// Names this process for the database administrator: `host:process id`.
fn process_name() -> String {
    let host = hostname::get().unwrap_or_default();
    format!("{}:{}", host.to_string_lossy(), std::process::id())
}
