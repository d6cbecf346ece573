//! Prepares the database: migrations, connection pool, first administrator, sample catalogue. The
//! database may be unavailable, so this is a background task that retries every second until it
//! has succeeded; `/health/ready` answers 503 until then.

use std::time::Duration;

use super::first_admin::FirstAdmin;
use super::startup_error::StartupError;
use crate::actors::db_breaker::Circuit;
use crate::http::auditing;
use crate::http::readiness::Readiness;
use crate::model::catalogue::{CatalogueDraft, DocumentFormat};
use crate::postgres::migrations;
use crate::storage::audit_events::Actor;
use crate::storage::{business_domains, catalogue, metrics};
use crate::telemetry::error_chain;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);
const SAMPLE: &str = include_str!("../../../examples/catalogue.yaml");

/// The task that prepares the database.
pub(super) struct Startup {
    readiness: Readiness,
    first_admin: FirstAdmin,
    with_sample: bool,
    migrated: bool,
}

impl Startup {
    /// Creates the task; `with_sample` loads the sample into an empty catalogue.
    pub(super) fn new(readiness: Readiness, first_admin: FirstAdmin, with_sample: bool) -> Self {
        Self { readiness, first_admin, with_sample, migrated: false }
    }

    /// Retries until the database is prepared. A cause that repeats is logged once.
    pub(super) async fn run(mut self) {
        let logger = self.first_admin.logger.clone();
        let mut last_cause = String::new();
        while let Err(error) = self.attempt().await {
            let cause = error_chain(&error);
            if cause != last_cause {
                match error {
                    StartupError::Temporary(_) => {
                        slog::warn!(logger, "database not ready; retrying every second";
                            "error" => &cause);
                    }
                    StartupError::NeedsOperator(_) => {
                        slog::error!(logger, "service cannot become ready"; "error" => &cause);
                    }
                }
                last_cause = cause;
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
        self.first_admin.ensure().await?;
        if self.with_sample { self.load_sample().await } else { Ok(()) }
    }

    async fn migrate(&self) -> Result<(), StartupError> {
        let connection = self.first_admin.db.administrative_connection().await;
        let connection = connection.map_err(StartupError::temporary)?;
        for migration in migrations::run(connection).await.map_err(StartupError::temporary)? {
            slog::info!(self.first_admin.logger, "migration run"; "version" => migration);
        }
        Ok(())
    }

    /// Loads the sample catalogue, unless the catalogue has any item.
    async fn load_sample(&self) -> Result<(), StartupError> {
        let FirstAdmin { db, clock, logger, username, .. } = &self.first_admin;
        let draft = CatalogueDraft::parse(SAMPLE.as_bytes(), DocumentFormat::Yaml)
            .map_err(|violations| StartupError::temporary(format!("sample: {violations:?}")))?;
        let (now, actor) = (clock.now(), Actor::system());
        let loaded = db.transaction(Circuit::Metrics, "sample", async |conn| {
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
