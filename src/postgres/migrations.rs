//! The migrations of `migrations/`, compiled into the binary and run under an advisory lock, so
//! that replicas which start together wait for each other.

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationVersion};
use diesel::pg::Pg;
use diesel::sql_types::Bool;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
/// Id of the advisory lock under which the schema changes: "mdl" as a number.
const LOCK: i64 = 0x006d_646c;

/// One migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The version and the name.
    pub name: String,
    pub applied: bool,
}

type DieselMigrationError = Box<dyn std::error::Error + Send + Sync>;

/// Why migrations could not be run, reverted or listed.
#[derive(Debug, Error)]
pub enum MigrationError {
    #[error("failed to lock the schema")]
    Lock(#[source] diesel::result::Error),
    #[error("failed to run the migrations")]
    Run(#[source] DieselMigrationError),
    #[error("failed to revert the last migration")]
    Revert(#[source] DieselMigrationError),
    #[error("failed to list the migrations")]
    List(#[source] DieselMigrationError),
    #[error("the migration task ended early")]
    Aborted(#[source] tokio::task::JoinError),
}

/// Runs all pending migrations. Returns their versions.
///
/// # Errors
/// When a migration fails; those before it stay applied.
pub async fn run(connection: AsyncPgConnection) -> Result<Vec<String>, MigrationError> {
    with_lock(connection, |harness| {
        let versions = harness.run_pending_migrations(MIGRATIONS).map_err(MigrationError::Run)?;
        Ok(versions.iter().map(ToString::to_string).collect())
    })
    .await
}

/// Reverts the last migration. Returns its version, or none if no migration is applied.
///
/// # Errors
/// When the revert fails.
pub async fn revert(connection: AsyncPgConnection) -> Result<Option<String>, MigrationError> {
    with_lock(connection, |harness| {
        let applied = harness.applied_migrations().map_err(MigrationError::List)?;
        if applied.is_empty() {
            return Ok(None);
        }
        let version = harness.revert_last_migration(MIGRATIONS).map_err(MigrationError::Revert)?;
        Ok(Some(version.to_string()))
    })
    .await
}

/// Lists all migrations in order, and whether the database has them.
///
/// # Errors
/// When the applied migrations cannot be read.
pub async fn status(connection: AsyncPgConnection) -> Result<Vec<MigrationStatus>, MigrationError> {
    with_lock(connection, |harness| {
        let applied: Vec<MigrationVersion<'static>> =
            harness.applied_migrations().map_err(MigrationError::List)?;
        let known: Vec<Box<dyn Migration<Pg>>> =
            diesel::migration::MigrationSource::<Pg>::migrations(&MIGRATIONS)
                .map_err(MigrationError::List)?;
        let mut all: Vec<MigrationStatus> = known
            .iter()
            .map(|migration| MigrationStatus {
                name: migration.name().to_string(),
                applied: applied.contains(&migration.name().version()),
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    })
    .await
}

type Harness = AsyncConnectionWrapper<AsyncPgConnection>;

/// Runs `work` under the advisory lock, on a blocking thread because diesel's harness blocks. The
/// lock ends with the connection at the latest.
async fn with_lock<T: Send + 'static>(
    connection: AsyncPgConnection,
    work: impl FnOnce(&mut Harness) -> Result<T, MigrationError> + Send + 'static,
) -> Result<T, MigrationError> {
    let job = move || {
        let mut harness = Harness::from(connection);
        call_lock_function(&mut harness, "SELECT pg_advisory_lock($1) IS NOT NULL AS done")?;
        let result = work(&mut harness);
        let unlocked = call_lock_function(&mut harness, "SELECT pg_advisory_unlock($1) AS done");
        // The error of the work is the cause, if both failed.
        let value = result?;
        unlocked.map(|()| value)
    };
    tokio::task::spawn_blocking(job).await.map_err(MigrationError::Aborted)?
}

#[derive(QueryableByName)]
struct LockRow {
    #[diesel(sql_type = Bool)]
    #[allow(dead_code)]
    done: bool,
}

fn call_lock_function(harness: &mut Harness, statement: &str) -> Result<(), MigrationError> {
    use diesel::RunQueryDsl;
    diesel::sql_query(statement)
        .bind::<diesel::sql_types::BigInt, _>(LOCK)
        .get_result::<LockRow>(harness)
        .map(|_| ())
        .map_err(MigrationError::Lock)
}
