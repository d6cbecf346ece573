//! Prepares the database: migrations, connection pool, privileges, first administrator, sample
//! catalogue. The database may be unavailable, so this is a background task that retries every
//! second until it has succeeded; `/health/ready` answers 503 until then.

use std::time::{Duration, Instant};

use super::database_inspection::{connection_error, log_server, refuse_transaction_pooler};
use super::first_admin::FirstAdmin;
use super::startup_error::{LoggedCause, StartupError};
use crate::actors::db_breaker::Circuit;
use crate::http::auditing;
use crate::http::readiness::Readiness;
use crate::model::catalogue::{CatalogueDraft, DocumentFormat};
use crate::model::versions::{ChangeChannel, RevisionStamp};
use crate::postgres::migrations::{self, MigrationError};
use crate::postgres::url::DatabaseTarget;
use crate::storage::audit_events::Actor;
use crate::storage::catalogue_epochs::LockedCatalogue;
use crate::storage::metrics::UnknownIds;
use crate::storage::{Transaction, business_domains, catalogue, metrics, privileges};
use crate::telemetry::error_chain;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);
const SAMPLE: &str = include_str!("../../../examples/catalogue.yaml");

/// The task that prepares the database.
pub(super) struct Startup {
    readiness: Readiness,
    first_admin: FirstAdmin,
    /// Named in errors.
    target: DatabaseTarget,
    with_sample: bool,
    inspected: bool,
    migrated: bool,
    /// Number of items of the sample that were loaded.
    sample_items: Option<usize>,
}

impl Startup {
    /// Creates the task; `with_sample` loads the sample into an empty catalogue.
    pub(super) fn new(
        readiness: Readiness,
        first_admin: FirstAdmin,
        target: DatabaseTarget,
        with_sample: bool,
    ) -> Self {
        Self {
            readiness,
            first_admin,
            target,
            with_sample,
            inspected: false,
            migrated: false,
            sample_items: None,
        }
    }

    /// Retries until the database is prepared. A cause that repeats is logged once a minute.
    pub(super) async fn run(mut self) {
        let logger = self.first_admin.logger.clone();
        let mut last_cause = LoggedCause::default();
        while let Err(error) = self.attempt().await {
            let cause = error_chain(&error);
            if last_cause.is_due(&cause, Instant::now()) {
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
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        self.readiness.mark_prepared();
        match self.sample_items {
            Some(items) => slog::info!(logger, "ready"; "sample_items" => items),
            None => slog::info!(logger, "ready"),
        }
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

    async fn migrate(&mut self) -> Result<(), StartupError> {
        let db = &self.first_admin.db;
        if !self.inspected && !self.first_admin.is_embedded() {
            refuse_transaction_pooler(db).await?;
        }
        let mut connection = db.administrative_connection().await.map_err(connection_error)?;
        if !self.inspected {
            let name = &self.target.application_name;
            let name = Some(name).filter(|_| !self.first_admin.is_embedded());
            log_server(&mut connection, name, &self.first_admin.logger).await?;
            self.inspected = true;
        }
        let logger = &self.first_admin.logger;
        let schema = migrations::status(&mut connection).await.map_err(StartupError::temporary)?;
        if let Some(newest) = schema.unknown.last().filter(|_| !self.migrated) {
            slog::warn!(logger, "schema is newer than this version of mdl";
                "newest_migration" => newest, "unknown_migrations" => schema.unknown.len());
        }
        let run = migrations::run(connection).await;
        let done = match &run {
            Ok(done) => done.as_slice(),
            Err(error) => error.done(),
        };
        if !done.is_empty() {
            slog::info!(logger, "migrations run";
                "count" => done.len(), "migrations" => done.join(", "));
        }
        run.map(|_| ()).map_err(|error| match error {
            MigrationError::NoPermission { .. } | MigrationError::NotOwner { .. } => {
                StartupError::NeedsOperator(error_chain(&error))
            }
            error => StartupError::temporary(error),
        })
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
    async fn load_sample(&mut self) -> Result<(), StartupError> {
        let FirstAdmin { db, clock, logger, username, .. } = &self.first_admin;
        let draft = CatalogueDraft::parse(SAMPLE.as_bytes(), DocumentFormat::Yaml)
            .map_err(|violations| StartupError::temporary(format!("sample: {violations:?}")))?;
        let actor = Actor::system();
        let work = async |conn: &mut Transaction<'_>, locked: LockedCatalogue| {
            let now = locked.time_of_change(clock.now());
            let stamp = RevisionStamp { author: username, channel: ChangeChannel::Import, now };
            let (_, domains) = business_domains::list(conn, 0, 1).await?;
            if domains > 0 || metrics::count(conn).await? > 0 {
                return Ok(None);
            }
            let tally = catalogue::import(conn, &draft, Some(stamp), UnknownIds::Refused).await?;
            catalogue::record_import(conn, &actor, &tally, now).await?;
            Ok(Some(tally.counts().created))
        };
        let loaded = db.change_catalogue(Circuit::Metrics, "metrics.import_sample", work);
        match loaded.await.map_err(StartupError::temporary)? {
            Some(items) => {
                auditing::log_rows(logger, &actor.trail);
                self.sample_items = Some(items);
            }
            None => slog::info!(logger, "sample catalogue not loaded: catalogue is not empty"),
        }
        Ok(())
    }
}
