//! From a database that may be away to a service that can work: again every second until it is done.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use slog::Logger;

use super::first_admin;
use crate::actors::db_breaker::{Circuit, DbBreaker};
use crate::clock::Clock;
use crate::http::auditing;
use crate::http::state::Readiness;
use crate::model::audit::Action;
use crate::model::catalogue::{Counts, Draft, Format};
use crate::storage::audit_events::{self, Actor};
use crate::storage::{business_domains, catalogue, metrics, migrations};

const AGAIN: Duration = Duration::from_secs(1);
const SAMPLE: &str = include_str!("../../examples/catalogue.yaml");

/// What is needed to prepare a database.
pub(super) struct BringUp {
    pub(super) db: DbBreaker,
    pub(super) clock: Clock,
    pub(super) readiness: Readiness,
    pub(super) logger: Logger,
    pub(super) admin_username: String,
    pub(super) admin_password: Option<SecretString>,
    pub(super) sample: bool,
    /// Folder of the embedded database, if the database is embedded: no other process has a connection then.
    pub(super) data_dir: Option<PathBuf>,
}

/// Why the database cannot be used yet.
#[derive(PartialEq, Eq)]
pub(super) enum Unprepared {
    /// It is unavailable, or something failed that may work next time.
    Failed(String),
    /// It needs the operator, as this line says.
    NeedsOperator(String),
}

impl From<String> for Unprepared {
    fn from(cause: String) -> Self {
        Self::Failed(cause)
    }
}

impl BringUp {
    /// Does it, however long the database is away.
    pub(super) async fn run(self) {
        let (mut logged, mut migrated) = (None, false);
        while let Err(cause) = self.attempt(&mut migrated).await {
            match &cause {
                _ if logged.as_ref() == Some(&cause) => {}
                Unprepared::Failed(error) => {
                    slog::warn!(self.logger, "the database is not ready; trying again every second"; "error" => error);
                }
                Unprepared::NeedsOperator(error) => {
                    slog::error!(self.logger, "the service cannot become ready"; "error" => error);
                }
            }
            logged = Some(cause);
            tokio::time::sleep(AGAIN).await;
        }
        self.readiness.prepared();
        slog::info!(self.logger, "ready");
    }

    async fn attempt(&self, migrated: &mut bool) -> Result<(), Unprepared> {
        // The embedded database has one connection, and from the first time on that is the pool's. Any other may have been replaced.
        if !*migrated || self.data_dir.is_none() {
            let connection = self.db.administrative_connection().await.map_err(|error| error.to_string())?;
            for migration in migrations::run(connection).await? {
                slog::info!(self.logger, "migration run"; "version" => migration);
            }
        }
        if !std::mem::replace(migrated, true) {
            self.db.open().await.map_err(|error| format!("{error:?}"))?;
        }
        first_admin::ensure(self).await?;
        if self.sample {
            self.sample().await?;
        }
        Ok(())
    }

    /// Into an empty catalogue only.
    async fn sample(&self) -> Result<(), String> {
        let draft = Draft::read(SAMPLE.as_bytes(), Format::Yaml).map_err(|error| format!("the sample: {error:?}"))?;
        let (author, now, actor) = (self.admin_username.as_str(), self.clock.now(), Actor::system());
        let loaded = self.db.transaction(Circuit::Metrics, "sample", async |conn| {
            let (_, domains) = business_domains::list(conn, 0, 1).await?;
            if domains > 0 || metrics::count(conn).await? > 0 {
                return Ok(None);
            }
            let items = catalogue::import(conn, &draft, author, now, |_| ()).await?;
            let counts = Counts::of(&items);
            audit_events::record(conn, &actor, Action::CatalogueImported, "catalogue", &counts, now).await?;
            Ok(Some(items.len()))
        });
        match loaded.await.map_err(|error| format!("{error:?}"))? {
            Some(items) => {
                slog::info!(self.logger, "sample catalogue loaded"; "items" => items);
                auditing::log_rows(&self.logger, &actor.trail);
            }
            None => slog::info!(self.logger, "the catalogue is not empty: the sample is not loaded"),
        }
        Ok(())
    }
}
