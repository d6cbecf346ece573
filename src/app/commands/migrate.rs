//! `mdl migrate`: runs, reverts or lists the migrations of the database schema.

use std::time::Duration;

use crate::app::command_error::CommandError;
use crate::app::database::{Database, Purpose};
use crate::app::output::{print_line, print_warning};
use crate::config::Config;
use crate::postgres::migrations::{self, MigrationError};
use crate::postgres::server_connection::ServerConnection;

/// Attempts at a migration that waits for other transactions, each of which takes seconds.
const MAX_ATTEMPTS: u32 = 20;
/// Pause between two of them, in which what waited behind the migration gets its turn.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Migrations that protect data from the service's own role, by version (the leading digits of the
/// folder's name), and what is lost when they are reverted.
const PROTECTIONS: [(&str, &str); 4] = [
    ("20261124000009", "the audit log: all its rows are deleted"),
    (
        "20261124000010",
        "revocations: other processes no longer learn of revoked sessions and API keys",
    ),
    (
        "20261125000005",
        "the audit log: its rows can now be changed, deleted and truncated (append-only triggers \
         removed)",
    ),
    (
        "20261128000001",
        "the audit log: rows older than 30 days can now be deleted outside purge_audit_events",
    ),
];

/// Runs pending migrations, reverts the last one, or lists all.
pub(in crate::app) async fn run(
    config: &Config,
    revert: bool,
    status: bool,
) -> Result<(), CommandError> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Purpose::Command, &logger).await?;
    let outcome = migrate(&database, revert, status).await;
    database.stop().await;
    outcome
}

async fn migrate(database: &Database, revert: bool, status: bool) -> Result<(), CommandError> {
    database.ensure_sessions().await?;
    let connection = database.db.administrative_connection().await;
    let mut connection = connection.map_err(CommandError::failed)?;
    if status {
        let schema = migrations::status(&mut connection).await.map_err(CommandError::failed)?;
        for migration in &schema.migrations {
            let mark = if migration.applied { "x" } else { " " };
            print_line(&format!("[{mark}] {}", migration.name))?;
        }
        for version in &schema.unknown {
            print_line(&format!("[?] {version} (of a newer version of mdl)"))?;
        }
        return Ok(());
    }
    if revert {
        let reverted = migrations::revert(connection).await.map_err(CommandError::failed)?;
        let Some(version) = reverted else { return print_line("there is nothing to revert") };
        if let Some(warning) = revert_warning(&version) {
            print_warning(&warning);
        }
        return print_line(&format!("reverted {version}"));
    }
    if run_pending(database, connection).await? == 0 {
        print_line("the schema is up to date")
    } else {
        Ok(())
    }
}

fn print_names(migrations: &[String]) -> Result<(), CommandError> {
    for name in migrations {
        print_line(&format!("ran {name}"))?;
    }
    Ok(())
}

/// Runs pending migrations; again if other transactions are in the way. Returns their number.
async fn run_pending(
    database: &Database,
    mut connection: ServerConnection,
) -> Result<usize, CommandError> {
    let (mut attempts, mut count) = (0, 0);
    loop {
        attempts += 1;
        let (done, locked) = match migrations::run(connection).await {
            Ok(done) => (done, None),
            Err(MigrationError::Locked { migration, done }) => (done, Some(migration)),
            Err(error) => {
                print_names(error.done())?;
                return Err(CommandError::failed(error));
            }
        };
        print_names(&done)?;
        count += done.len();
        let Some(migration) = locked else { return Ok(count) };
        let error = MigrationError::Locked { migration, done };
        if attempts == MAX_ATTEMPTS {
            return Err(CommandError::failed(format!(
                "{error}: gave up; end the transaction (pg_stat_activity), then run `mdl migrate`"
            )));
        }
        print_warning(&error.to_string());
        tokio::time::sleep(RETRY_INTERVAL).await;
        let again = database.db.administrative_connection().await;
        connection = again.map_err(CommandError::failed)?;
    }
}

fn revert_warning(version: &str) -> Option<String> {
    let (_, lost) = PROTECTIONS.iter().find(|(protection, _)| *protection == version)?;
    Some(format!(
        "the reverted migration {version} protects {lost}; run `mdl migrate` to restore the \
         protection"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folders of `migrations/`, and the version of each as diesel prints it.
    fn folders() -> Vec<(std::path::PathBuf, String)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_dir())
            .map(|path| {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                let version = name.split('_').next().expect("a version").replace('-', "");
                (path, version)
            })
            .collect()
    }

    #[test]
    fn revert_of_each_migration_that_protects_the_audit_log_is_warned_about() {
        let mut protecting = 0;
        for (path, version) in folders() {
            let sql = std::fs::read_to_string(path.join("up.sql")).expect("up.sql");
            if sql.contains("protect_audit_events") || sql.contains("CREATE TABLE audit_events") {
                protecting += 1;
                assert!(revert_warning(&version).is_some(), "{}", path.display());
            }
        }
        assert!(protecting >= 2);
    }

    #[test]
    fn warning_names_what_is_lost() {
        let warning = revert_warning("20261125000005").expect("a warning");
        assert!(warning.contains("audit log") && warning.contains("append-only"), "{warning}");
        assert_eq!(revert_warning("20261124000001"), None);
    }
}
