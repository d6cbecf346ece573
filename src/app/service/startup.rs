//! From a database that may be away to a service that can work: again every second until it is
//! done.

use std::time::Duration;

use super::first_admin::{self, FirstAdmin};
use super::startup_error::StartupError;
use crate::actors::db_breaker::Circuit;
use crate::http::auditing;
use crate::http::state::Readiness;
use crate::model::audit::Action;
use crate::model::catalogue::{Counts, Draft, Format};
use crate::postgres::migrations;
use crate::storage::audit_events::{self, Actor};
use crate::storage::{business_domains, catalogue, metrics};

const AGAIN: Duration = Duration::from_secs(1);
const SAMPLE: &str = include_str!("../../../examples/catalogue.yaml");

/// What is needed to prepare a database.
pub(super) struct Startup {
    pub(super) readiness: Readiness,
    pub(super) first_admin: FirstAdmin,
    pub(super) sample: bool,
}

impl Startup {
    /// Does it, however long the database is away.
    pub(super) async fn run(self) {
        let (mut logged, mut migrated) = (None, false);
        while let Err(cause) = self.attempt(&mut migrated).await {
            match &cause {
                _ if logged.as_ref() == Some(&cause) => {}
                StartupError::Failed(error) => {
                    slog::warn!(self.first_admin.logger, "the database is not ready; trying again every second"; "error" => error);
                }
                StartupError::NeedsOperator(error) => {
                    slog::error!(self.first_admin.logger, "the service cannot become ready"; "error" => error);
                }
            }
            logged = Some(cause);
            tokio::time::sleep(AGAIN).await;
        }
        self.readiness.prepared();
        slog::info!(self.first_admin.logger, "ready");
    }

    async fn attempt(&self, migrated: &mut bool) -> Result<(), StartupError> {
        // The embedded database has one connection, and from the first time on that is the pool's.
        // Any other may have been replaced.
        if !*migrated || self.first_admin.data_dir.is_none() {
            let connection = self
                .first_admin
                .db
                .administrative_connection()
                .await
                .map_err(|error| error.to_string())?;
            for migration in migrations::run(connection).await? {
                slog::info!(self.first_admin.logger, "migration run"; "version" => migration);
            }
        }
        if !std::mem::replace(migrated, true) {
            self.first_admin.db.open().await.map_err(|error| format!("{error:?}"))?;
        }
        first_admin::ensure(&self.first_admin).await?;
        if self.sample {
            self.sample().await?;
        }
        Ok(())
    }

    /// Into an empty catalogue only.
    async fn sample(&self) -> Result<(), String> {
        let draft = Draft::read(SAMPLE.as_bytes(), Format::Yaml)
            .map_err(|error| format!("the sample: {error:?}"))?;
        let (author, now, actor) =
            (self.first_admin.username.as_str(), self.first_admin.clock.now(), Actor::system());
        let loaded = self.first_admin.db.transaction(Circuit::Metrics, "sample", async |conn| {
            let (_, domains) = business_domains::list(conn, 0, 1).await?;
            if domains > 0 || metrics::count(conn).await? > 0 {
                return Ok(None);
            }
            let items = catalogue::import(conn, &draft, author, now, |_| ()).await?;
            let counts = Counts::of(&items);
            audit_events::record(
                conn,
                &actor,
                Action::CatalogueImported,
                "catalogue",
                &counts,
                now,
            )
            .await?;
            Ok(Some(items.len()))
        });
        match loaded.await.map_err(|error| format!("{error:?}"))? {
            Some(items) => {
                slog::info!(self.first_admin.logger, "sample catalogue loaded"; "items" => items);
                auditing::log_rows(&self.first_admin.logger, &actor.trail);
            }
            None => slog::info!(
                self.first_admin.logger,
                "the catalogue is not empty: the sample is not loaded"
            ),
        }
        Ok(())
    }
}
