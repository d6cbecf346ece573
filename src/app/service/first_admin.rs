//! Creates the first administrator on a database that has none.
//!
//! With `DATABASE_URL` its password must be configured. The embedded mode generates one and shows
//! it once on the terminal. Where stderr is no terminal it may be a log, so the password goes into
//! a file instead.

mod generated_password;

use std::path::PathBuf;

use secrecy::SecretString;
use serde_json::json;
use slog::Logger;
use uuid::Uuid;

use self::generated_password::{CreateOutcome, GeneratedPassword};
use super::startup_error::StartupError;
use crate::actors::db_breaker::{Circuit, DbBreakerHandle, DbError};
use crate::app::database::Database;
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::passwords;
use crate::http::auditing;
use crate::model::audit::Action;
use crate::model::object::Object;
use crate::model::users::{Role, UserStatus};
use crate::storage::StorageError;
use crate::storage::audit_events::{self, Actor, Target};
use crate::storage::users::{self, NewUser};

/// Creates the first administrator.
pub(super) struct FirstAdmin {
    pub(super) db: DbBreakerHandle,
    pub(super) clock: Clock,
    pub(super) logger: Logger,
    pub(super) username: String,
    password: Option<SecretString>,
    /// Folder of the embedded database; `None` with `DATABASE_URL`. No other process connects to an
    /// embedded database.
    data_dir: Option<PathBuf>,
    /// Kept from one attempt to the next until it is known whether it is in use.
    generated: Option<GeneratedPassword>,
}

impl FirstAdmin {
    /// Takes name and password from the configuration.
    pub(super) fn from_config(
        config: &Config,
        database: &Database,
        clock: Clock,
        logger: &Logger,
    ) -> Self {
        Self {
            db: database.db.clone(),
            clock,
            logger: logger.clone(),
            username: config.auth.admin_username.clone(),
            password: config.auth.password().cloned(),
            data_dir: database.is_embedded().then(|| config.database.data_dir.clone()),
            generated: None,
        }
    }

    pub(super) fn is_embedded(&self) -> bool {
        self.data_dir.is_some()
    }

    /// Creates the administrator unless there is one. Other users do not count: a registration must
    /// not prevent it.
    pub(super) async fn ensure(&mut self) -> Result<(), StartupError> {
        if !self.is_missing().await? {
            // An earlier attempt may have committed although its outcome was unknown.
            self.settle(CreateOutcome::AdminExists);
            return Ok(());
        }
        match (self.password.clone(), self.data_dir.clone()) {
            (Some(password), _) => {
                if self.create(&password).await? {
                    let username = &self.username;
                    slog::info!(self.logger, "administrator created"; "username" => username);
                }
                Ok(())
            }
            (None, None) => Err(StartupError::NeedsOperator(
                "database has no administrator: set ADMIN_PASSWORD or ADMIN_PASSWORD_FILE and \
                 start again, or run `mdl admin create`"
                    .into(),
            )),
            (None, Some(folder)) => {
                if self.generated.is_none() {
                    let password = GeneratedPassword::new(&folder);
                    self.generated = Some(password.map_err(StartupError::temporary)?);
                }
                self.create_with_generated_password().await
            }
        }
    }

    async fn is_missing(&self) -> Result<bool, StartupError> {
        let any = self.db.run(Circuit::Auth, "users.any_administrator", async |conn| {
            users::has_admin(conn).await
        });
        any.await.map(|any| !any).map_err(StartupError::temporary)
    }

    async fn create_with_generated_password(&mut self) -> Result<(), StartupError> {
        let Some(generated) = &self.generated else { return Ok(()) };
        let password = generated.password().clone();
        let created = self.create(&password).await;
        self.settle(match &created {
            Ok(true) => CreateOutcome::Created,
            Ok(false) => CreateOutcome::AdminExists,
            Err(StartupError::NeedsOperator(_)) => CreateOutcome::Refused,
            Err(StartupError::Temporary(_)) => CreateOutcome::Unknown,
        });
        created.map(|_| ())
    }

    /// Announces or discards the generated password once the outcome says which.
    fn settle(&mut self, outcome: CreateOutcome) {
        if let Some(generated) = self.generated.take() {
            self.generated = generated.settle(outcome, &self.username, &self.logger);
        }
    }

    /// Creates the administrator; `false` if another process was faster.
    async fn create(&self, password: &SecretString) -> Result<bool, StartupError> {
        let hash = {
            let password = password.clone();
            tokio::task::spawn_blocking(move || passwords::hash(&password))
                .await
                .ok()
                .and_then(Result::ok)
        };
        let hash = hash.ok_or_else(|| {
            StartupError::temporary("failed to hash the administrator's password")
        })?;
        let email = format!("{}@localhost", self.username);
        let new = NewUser {
            user_id: Uuid::now_v7(),
            username: &self.username,
            email: &email,
            full_name: "Administrator",
            password_hash: &hash,
            role: Role::Admin,
            status: UserStatus::Active,
            metadata: &Object::default(),
        };
        let (now, actor) = (self.clock.now(), Actor::system());
        let created =
            self.db.transaction(Circuit::Auth, "users.create_first_admin", async |conn| {
                let Some(user) = users::create_first_admin(conn, &new, now).await? else {
                    return Ok(false);
                };
                let target = Target { id: user.user_id, name: &user.username };
                let details = json!({ "role": user.role, "status": user.status, "first": true });
                audit_events::record(conn, &actor, Action::UserCreated, target, &details, now)
                    .await?;
                Ok(true)
            });
        match created.await {
            Ok(true) => {
                auditing::log_rows(&self.logger, &actor.trail);
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(DbError::Storage(StorageError::Duplicate(_))) => Err(StartupError::NeedsOperator(
                "database has no administrator, and a user without that role has the name or \
                 e-mail address of ADMIN_USERNAME: set another ADMIN_USERNAME, or run \
                 `mdl admin create`"
                    .into(),
            )),
            Err(error) => Err(StartupError::temporary(error)),
        }
    }
}
