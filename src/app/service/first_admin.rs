//! The first administrator: made on a database that has none.
//!
//! With `DATABASE_URL` its password must be configured. The embedded mode makes one and shows it
//! once on the terminal; where stderr is no terminal but perhaps a log, it goes into a file
//! instead.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use slog::Logger;
use uuid::Uuid;

use super::startup_error::StartupError;
use crate::actors::db_breaker::{Circuit, DbBreakerHandle, DbError};
use crate::clock::Clock;
use crate::credentials::passwords;
use crate::embedded::write_private_file;
use crate::http::auditing;
use crate::model::audit::Action;
use crate::model::object::Object;
use crate::model::users::{Role, UserStatus};
use crate::storage::StorageError;
use crate::storage::audit_events::{self, Actor, Target};
use crate::storage::users::{self, NewUser};

/// Holds the generated password where stderr is no terminal.
const FILE: &str = "first-admin-password";

/// What is needed to create the first administrator.
pub(super) struct FirstAdmin {
    pub(super) db: DbBreakerHandle,
    pub(super) clock: Clock,
    pub(super) logger: Logger,
    pub(super) username: String,
    pub(super) password: Option<SecretString>,
    /// Folder of the embedded database, if the database is embedded: no other process has a
    /// connection then.
    pub(super) data_dir: Option<PathBuf>,
}

/// Makes sure that there is an administrator. Users without one do not count: a registration must
/// not prevent it.
pub(super) async fn ensure(admin: &FirstAdmin) -> Result<(), StartupError> {
    if !is_missing(admin).await? {
        return Ok(());
    }
    match (&admin.password, &admin.data_dir) {
        (Some(password), _) => create(admin, password).await.map(|_| ()),
        (None, None) => Err(StartupError::NeedsOperator(
            "the database has no administrator: set ADMIN_PASSWORD or ADMIN_PASSWORD_FILE and start again, or run \
             `mdl admin create`"
                .into(),
        )),
        (None, Some(folder)) => create_with_own_password(admin, folder).await,
    }
}

async fn is_missing(admin: &FirstAdmin) -> Result<bool, StartupError> {
    let any =
        admin.db.run(Circuit::Auth, "any_administrator", async |conn| users::any_admin(conn).await);
    Ok(!any.await.map_err(|error| format!("{error:?}"))?)
}

async fn create_with_own_password(admin: &FirstAdmin, folder: &Path) -> Result<(), StartupError> {
    let (password, file) = (passwords::random(), folder.join(FILE));
    let shown = std::io::stderr().is_terminal();
    if !shown {
        // Before the user is there: a password that no one can read would lock everybody out.
        write_private_file(&file, format!("{}\n", password.expose_secret()).as_bytes())
            .map_err(|error| format!("DATA_DIR: {}: {error}", file.display()))?;
    }
    let created = create(admin, &password).await;
    match (&created, shown) {
        (Ok(true), true) => show(&admin.username, &password),
        (Ok(true), false) => {
            slog::warn!(admin.logger, "password of the first administrator written to a file; log in, change it, and \
                delete the file"; "file" => file.display().to_string());
        }
        (Ok(false) | Err(StartupError::NeedsOperator(_)), false) => {
            let _ = std::fs::remove_file(&file);
        }
        // After a failure it may be the password all the same; the next attempt writes it anew if
        // not.
        _ => {}
    }
    created.map(|_| ())
}

/// Creates the administrator; `false` if another process was faster.
async fn create(admin: &FirstAdmin, password: &SecretString) -> Result<bool, StartupError> {
    let hash = {
        let password = password.clone();
        tokio::task::spawn_blocking(move || passwords::hash(&password))
            .await
            .ok()
            .and_then(Result::ok)
    };
    let hash = hash.ok_or_else(|| "the administrator's password could not be hashed".to_owned())?;
    let email = format!("{}@localhost", admin.username);
    let new = NewUser {
        user_id: Uuid::now_v7(),
        username: &admin.username,
        email: &email,
        full_name: "Administrator",
        password_hash: &hash,
        role: Role::Admin,
        status: UserStatus::Active,
        metadata: &Object::default(),
    };
    let (now, actor) = (admin.clock.now(), Actor::system());
    let made = admin.db.transaction(Circuit::Auth, "first_admin", async |conn| {
        let Some(user) = users::create_first_admin(conn, &new, now).await? else {
            return Ok(false);
        };
        let target = Target { id: user.user_id, name: &user.username };
        let details = json!({ "role": user.role, "status": user.status, "first": true });
        audit_events::record(conn, &actor, Action::UserCreated, target, &details, now).await?;
        Ok(true)
    });
    match made.await {
        Ok(true) => {
            auditing::log_rows(&admin.logger, &actor.trail);
            slog::info!(admin.logger, "administrator created"; "username" => &admin.username);
            Ok(true)
        }
        Ok(false) => Ok(false),
        Err(DbError::Storage(StorageError::Duplicate(_))) => Err(StartupError::NeedsOperator(
            "the database has no administrator, and a user without that role has the name or address of \
                 ADMIN_USERNAME: set another ADMIN_USERNAME, or run `mdl admin create`"
                .into(),
        )),
        Err(error) => Err(format!("{error:?}").into()),
    }
}

/// Shows the password, on the terminal only: stderr of a service is often a log.
fn show(username: &str, password: &SecretString) {
    let _ = writeln!(
        std::io::stderr().lock(),
        "\n  First start. The administrator, shown this once:\n\n      user name  {username}\n      password   {}\n",
        password.expose_secret()
    );
}
