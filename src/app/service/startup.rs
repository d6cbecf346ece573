//! Prepares the database: migrations, connection pool, privileges, first administrator, sample
//! catalogue. The database may be unavailable, so this is a background task that retries every
//! second until it has succeeded; `/health/ready` answers 503 until then.

use std::time::{Duration, Instant};

use super::first_admin::FirstAdmin;
use super::startup_error::StartupError;
use crate::actors::db_breaker::Circuit;
use crate::http::auditing;
use crate::http::readiness::Readiness;
use crate::model::catalogue::{CatalogueDraft, DocumentFormat};
use crate::postgres::connection::is_rejection;
use crate::postgres::migrations::{self, MigrationError};
use crate::postgres::url::DatabaseTarget;
use crate::storage::audit_events::Actor;
use crate::storage::{business_domains, catalogue, metrics, privileges};
use crate::telemetry::error_chain;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Interval in which a cause that repeats is logged again.
const REMINDER_INTERVAL: Duration = Duration::from_mins(1);
const SAMPLE: &str = include_str!("../../../examples/catalogue.yaml");

/// The task that prepares the database.
pub(super) struct Startup {
    readiness: Readiness,
    first_admin: FirstAdmin,
    /// Named in errors.
    target: DatabaseTarget,
    with_sample: bool,
    migrated: bool,
}

impl Startup {
    /// Creates the task; `with_sample` loads the sample into an empty catalogue.
    pub(super) fn new(
        readiness: Readiness,
        first_admin: FirstAdmin,
        target: DatabaseTarget,
        with_sample: bool,
    ) -> Self {
        Self { readiness, first_admin, target, with_sample, migrated: false }
    }

    /// Retries until the database is prepared. A cause that repeats is logged once a minute.
    pub(super) async fn run(mut self) {
        let logger = self.first_admin.logger.clone();
        let mut last: Option<(String, Instant)> = None;
        while let Err(error) = self.attempt().await {
            let cause = error_chain(&error);
            let is_repeated = last
                .as_ref()
                .is_some_and(|(logged, at)| *logged == cause && at.elapsed() < REMINDER_INTERVAL);
            if !is_repeated {
                let target = &self.target;
                match error {
                    StartupError::Temporary(_) => {
                        slog::warn!(logger, "database not ready; retrying every second";
                            "host" => &target.host, "database" => &target.database,
                            "user" => &target.user, "error" => &cause);
                    }
                    StartupError::NeedsOperator(_) => {
                        slog::error!(logger, "service cannot become ready";
                            "host" => &target.host, "database" => &target.database,
                            "user" => &target.user, "error" => &cause);
                    }
                }
                last = Some((cause, Instant::now()));
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        self.readiness.mark_prepared();
        slog::info!(logger, "ready");
    }

    async fn attempt(&mut self) -> Result<(), StartupError> {
        // PostgreSQL is migrated at every attempt, because the server may have been replaced in
        // between. The only connection of the embedded database is the pool's from the first
        // success on.
        if !self.migrated || !self.first_admin.is_embedded() {
            self.migrate().await?;
        }
        if !std::mem::replace(&mut self.migrated, true) {
            self.first_admin.db.open_pool().await.map_err(StartupError::temporary)?;
        }
        self.check_privileges().await?;
        self.first_admin.ensure().await?;
        if self.with_sample { self.load_sample().await } else { Ok(()) }
    }

    async fn migrate(&self) -> Result<(), StartupError> {
        let connection = self.first_admin.db.administrative_connection().await;
        let mut connection = connection.map_err(|error| {
            // Waiting does not help against a wrong password or database name.
            if is_rejection(&error) {
                StartupError::NeedsOperator(error_chain(&error))
            } else {
                StartupError::temporary(error)
            }
        })?;
        let logger = &self.first_admin.logger;
        let schema = migrations::status(&mut connection).await.map_err(StartupError::temporary)?;
        if let Some(newest) = schema.unknown.last().filter(|_| !self.migrated) {
            slog::warn!(logger, "schema is newer than this version of mdl";
                "newest_migration" => newest, "unknown_migrations" => schema.unknown.len());
        }
        let run = migrations::run(connection).await.map_err(|error| match error {
            MigrationError::NoPermission { .. } => StartupError::NeedsOperator(error_chain(&error)),
            error => StartupError::temporary(error),
        });
        for migration in run? {
            slog::info!(logger, "migration run"; "migration" => migration);
        }
        Ok(())
    }

    /// Names the privileges that the service's role lacks.
    async fn check_privileges(&self) -> Result<(), StartupError> {
        let missing = self
            .first_admin
            .db
            .run(Circuit::Auth, "server.privileges", async |conn| privileges::missing(conn).await);
        let missing = missing.await.map_err(StartupError::temporary)?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(StartupError::NeedsOperator(format!(
            "the role of DATABASE_URL lacks privileges: {}; see scripts/roles.sql",
            missing.join(", ")
        )))
    }

    /// Loads the sample catalogue, unless the catalogue has any item.
    async fn load_sample(&self) -> Result<(), StartupError> {
        let FirstAdmin { db, clock, logger, username, .. } = &self.first_admin;
        let draft = CatalogueDraft::parse(SAMPLE.as_bytes(), DocumentFormat::Yaml)
            .map_err(|violations| StartupError::temporary(format!("sample: {violations:?}")))?;
        let (now, actor) = (clock.now(), Actor::system());
        let loaded = db.transaction(Circuit::Metrics, "metrics.import_sample", async |conn| {
            let (_, domains) = business_domains::list(conn, 0, 1).await?;
            if domains > 0 || metrics::count(conn).await? > 0 {
                return Ok(None);
            }
            let items = catalogue::import(conn, &draft, username, now, |_| ()).await?;
            catalogue::record_import(conn, &actor, &items, now).await?;
            Ok(Some(items.len()))
        });
        match loaded.await.map_err(StartupError::temporary)? {
            Some(items) => {
                slog::info!(logger, "sample catalogue loaded"; "items" => items);
                auditing::log_rows(logger, &actor.trail);
            }
            None => slog::info!(logger, "sample catalogue not loaded: catalogue is not empty"),
        }
        Ok(())
    }
}
