//! From a database that may be away to a service that can work: again every second until it is done.

use std::io::Write;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use slog::Logger;
use uuid::Uuid;

use crate::actors::db_breaker::{Circuit, DbBreaker, DbError};
use crate::clock::Clock;
use crate::credentials::passwords;
use crate::http::auditing;
use crate::http::state::Readiness;
use crate::model::audit::Action;
use crate::model::catalogue::{Counts, Draft, Format};
use crate::model::object::Object;
use crate::model::users::{Role, UserStatus};
use crate::storage::audit_events::{self, Actor, Target};
use crate::storage::users::{self, NewUser};
use crate::storage::{StorageError, business_domains, catalogue, metrics, migrations};

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
    /// Whether nobody else has a connection to the database.
    pub(super) alone: bool,
}

impl BringUp {
    /// Does it, however long the database is away.
    pub(super) async fn run(self) {
        let (mut told, mut migrated) = (String::new(), false);
        while let Err(cause) = self.attempt(&mut migrated).await {
            if cause != told {
                slog::warn!(self.logger, "the database is not ready; trying again every second"; "error" => &cause);
                told = cause;
            }
            tokio::time::sleep(AGAIN).await;
        }
        self.readiness.prepared();
        slog::info!(self.logger, "ready");
    }

    async fn attempt(&self, migrated: &mut bool) -> Result<(), String> {
        // The embedded database has one connection, and from the first time on that is the pool's. Any other may have been replaced.
        if !*migrated || !self.alone {
            let connection = self.db.administrative_connection().await.map_err(|error| error.to_string())?;
            for migration in migrations::run(connection).await? {
                slog::info!(self.logger, "migration run"; "version" => migration);
            }
        }
        if !std::mem::replace(migrated, true) {
            self.db.open().await.map_err(|error| format!("{error:?}"))?;
        }
        self.first_admin().await?;
        if self.sample { self.sample().await } else { Ok(()) }
    }

    /// On a database without an administrator: one, with a password that is told once, on the terminal, not in the log.
    async fn first_admin(&self) -> Result<(), String> {
        let any = self.db.run(Circuit::Auth, "any_admin", async |conn| users::any_admin(conn).await).await;
        if any.map_err(|error| format!("{error:?}"))? {
            return Ok(());
        }
        let password = self.admin_password.clone().unwrap_or_else(passwords::random);
        let hash = {
            let password = password.clone();
            tokio::task::spawn_blocking(move || passwords::hash(&password)).await.ok().and_then(Result::ok)
        };
        let hash = hash.ok_or("the administrator's password could not be hashed")?;
        let email = format!("{}@localhost", self.admin_username);
        let new = NewUser {
            user_id: Uuid::now_v7(),
            username: &self.admin_username,
            email: &email,
            full_name: "Administrator",
            password_hash: &hash,
            role: Role::Admin,
            status: UserStatus::Active,
            metadata: &Object::default(),
        };
        let (now, actor) = (self.clock.now(), Actor::system());
        let made = self.db.transaction(Circuit::Auth, "first_admin", async |conn| {
            let Some(user) = users::create_first_admin(conn, &new, now).await? else { return Ok(None) };
            let target = Target { id: user.user_id, name: &user.username };
            let details = json!({ "role": user.role, "status": user.status, "first": true });
            audit_events::record(conn, &actor, Action::UserCreated, target, &details, now).await?;
            Ok(Some(user))
        });
        match made.await {
            Ok(Some(_)) => {
                auditing::log_rows(&self.logger, &actor.trail);
                slog::info!(self.logger, "administrator created"; "username" => &self.admin_username);
                if self.admin_password.is_none() {
                    tell(&self.admin_username, &password);
                }
                Ok(())
            }
            // A replica was faster.
            Ok(None) => Ok(()),
            Err(DbError::Storage(StorageError::Duplicate(field))) => {
                slog::error!(self.logger, "first administrator not created: a user without the role has its name; \
                    set another ADMIN_USERNAME or run `mdl admin create`"; "taken" => field);
                Ok(())
            }
            Err(error) => Err(format!("{error:?}")),
        }
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

fn tell(username: &str, password: &SecretString) {
    let _ = writeln!(
        std::io::stderr().lock(),
        "\n  First start. The administrator, shown this once:\n\n      user name  {username}\n      password   {}\n",
        password.expose_secret()
    );
}
