//! The migrations of `migrations/`, compiled into the binary and run under an advisory lock, so
//! that replicas which start together wait for each other.

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationVersion};
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;
use tokio_postgres::error::SqlState;

use crate::postgres::server_connection::ServerConnection;
use crate::postgres::server_error::RecentErrors;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
/// Id of the advisory lock under which the schema changes: "mdl" as a number.
const LOCK: i64 = 0x006d_646c;
/// Longest wait of a migration for each lock on a table, in milliseconds. Everything else on the
/// table queues behind a migration that waits, so it gives up and is run again later.
const LOCK_TIMEOUT_MS: u32 = 5_000;

/// One migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The version and the name.
    pub name: String,
    pub applied: bool,
}

/// The schema of a database, compared with the migrations of this binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaStatus {
    /// The migrations of this binary, in order.
    pub migrations: Vec<MigrationStatus>,
    /// Versions of applied migrations that this binary does not have: a newer one has run there.
    pub unknown: Vec<String>,
}

impl SchemaStatus {
    /// Returns the names of the migrations that the database does not have, in order.
    pub fn pending(&self) -> Vec<&str> {
        let pending = self.migrations.iter().filter(|migration| !migration.applied);
        pending.map(|migration| migration.name.as_str()).collect()
    }
}

impl MigrationError {
    /// Returns the names of the migrations that were run before this error.
    pub fn done(&self) -> &[String] {
        match self {
            Self::Locked { done, .. } | Self::NotOwner { done, .. } => done,
            _ => &[],
        }
    }
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
    #[error("failed to read the applied migrations")]
    Read(#[source] diesel::result::Error),
    #[error(
        "the schema is older than this version of mdl ({pending} migrations are missing), and this \
         role may not change it: run `mdl migrate` as the owner of the schema"
    )]
    NoPermission { pending: usize },
    /// Those in `done` have been run.
    #[error(
        "migration {migration} gave up after {LOCK_TIMEOUT_MS} ms, because another transaction \
         locks a table that it changes; it is tried again"
    )]
    Locked { migration: String, done: Vec<String> },
    /// Those in `done` have been run.
    #[error(
        "this role may not run migration {migration}: run `mdl migrate` as the owner of the schema"
    )]
    NotOwner { migration: String, done: Vec<String>, source: DieselMigrationError },
    #[error("the migration task ended early")]
    Aborted(#[source] tokio::task::JoinError),
}

/// Runs all pending migrations. Returns their names. If none is pending, nothing but the list of
/// applied migrations is read, so a role that may not change the schema can call it.
///
/// # Errors
/// When a migration fails; those before it stay applied.
pub async fn run(mut connection: ServerConnection) -> Result<Vec<String>, MigrationError> {
    let pending = status(&mut connection).await?.pending().len();
    if pending == 0 {
        return Ok(Vec::new());
    }
    let may_create =
        "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS done";
    if !read_boolean(&mut connection, may_create).await? {
        return Err(MigrationError::NoPermission { pending });
    }
    let errors = connection.errors().clone();
    with_lock(connection, move |harness| {
        let mut done = Vec::new();
        for migration in harness.pending_migrations(MIGRATIONS).map_err(MigrationError::List)? {
            let name = migration.name().to_string();
            // Outside of a transaction it would stay half done.
            let limit = if migration.metadata().run_in_transaction() { LOCK_TIMEOUT_MS } else { 0 };
            set_lock_timeout(harness, limit)?;
            match harness.run_migration(&*migration) {
                Ok(_) => done.push(name),
                Err(error) => return Err(failed(error, &errors, name, done)),
            }
        }
        Ok(done)
    })
    .await
}

fn set_lock_timeout(harness: &mut Harness, milliseconds: u32) -> Result<(), MigrationError> {
    use diesel::RunQueryDsl;
    let statement = format!("SET lock_timeout = {milliseconds}");
    diesel::sql_query(statement).execute(harness).map(|_| ()).map_err(MigrationError::Lock)
}

/// Finds the cause of a failed migration by its SQLSTATE. Diesel's error is private; its text is
/// "Failed to run … with: " and the message of the server.
fn failed(
    source: DieselMigrationError,
    errors: &RecentErrors,
    migration: String,
    done: Vec<String>,
) -> MigrationError {
    let text = source.to_string();
    let found = text.split_once(" with: ").and_then(|(_, message)| errors.find(message));
    match found.map(|error| error.state) {
        Some(SqlState::LOCK_NOT_AVAILABLE) => MigrationError::Locked { migration, done },
        Some(SqlState::INSUFFICIENT_PRIVILEGE) => {
            MigrationError::NotOwner { migration, done, source }
        }
        _ => MigrationError::Run(source),
    }
}

/// Reverts the last migration. Returns its version, or none if no migration is applied.
///
/// # Errors
/// When the revert fails.
pub async fn revert(connection: ServerConnection) -> Result<Option<String>, MigrationError> {
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

/// Compares the database with the migrations of this binary. Only reads, and takes no lock.
///
/// # Errors
/// When the applied migrations cannot be read.
pub async fn status(connection: &mut AsyncPgConnection) -> Result<SchemaStatus, MigrationError> {
    use diesel_async::RunQueryDsl;
    // Diesel's own function would create the table first, which needs a right on the schema.
    let exists = "SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS done";
    let mut applied: Vec<AppliedRow> = Vec::new();
    if read_boolean(connection, exists).await? {
        let versions = "SELECT version FROM __diesel_schema_migrations ORDER BY version";
        let rows = diesel::sql_query(versions).load(connection).await;
        applied = rows.map_err(MigrationError::Read)?;
    }
    let known = embedded()?;
    let is_applied = |version: &MigrationVersion<'_>| {
        applied.iter().any(|row| MigrationVersion::from(row.version.as_str()) == *version)
    };
    let is_known = |row: &AppliedRow| {
        known.iter().any(|(version, _)| MigrationVersion::from(row.version.as_str()) == *version)
    };
    let migrations = known
        .iter()
        .map(|(version, name)| MigrationStatus { name: name.clone(), applied: is_applied(version) })
        .collect();
    let unknown = applied.iter().filter(|row| !is_known(row)).map(|row| row.version.clone());
    Ok(SchemaStatus { migrations, unknown: unknown.collect() })
}

async fn read_boolean(
    connection: &mut AsyncPgConnection,
    statement: &str,
) -> Result<bool, MigrationError> {
    use diesel_async::RunQueryDsl;
    let row = diesel::sql_query(statement).get_result::<BooleanRow>(connection).await;
    row.map(|row| row.done).map_err(MigrationError::Read)
}

/// Returns the versions and names of the migrations of this binary, in order.
fn embedded() -> Result<Vec<(MigrationVersion<'static>, String)>, MigrationError> {
    let all: Vec<Box<dyn Migration<Pg>>> =
        diesel::migration::MigrationSource::<Pg>::migrations(&MIGRATIONS)
            .map_err(MigrationError::List)?;
    let mut all: Vec<_> = all
        .iter()
        .map(|migration| (migration.name().version().as_owned(), migration.name().to_string()))
        .collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(all)
}

#[derive(QueryableByName)]
struct AppliedRow {
    #[diesel(sql_type = Text)]
    version: String,
}

type Harness = AsyncConnectionWrapper<AsyncPgConnection>;

/// Runs `work` under the advisory lock, on a blocking thread because diesel's harness blocks. The
/// lock ends with the connection at the latest.
async fn with_lock<T: Send + 'static>(
    connection: ServerConnection,
    work: impl FnOnce(&mut Harness) -> Result<T, MigrationError> + Send + 'static,
) -> Result<T, MigrationError> {
    let job = move || {
        let (connection, _reader) = connection.into_parts();
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
struct BooleanRow {
    #[diesel(sql_type = Bool)]
    done: bool,
}

fn call_lock_function(harness: &mut Harness, statement: &str) -> Result<(), MigrationError> {
    use diesel::RunQueryDsl;
    diesel::sql_query(statement)
        .bind::<diesel::sql_types::BigInt, _>(LOCK)
        .get_result::<BooleanRow>(harness)
        .map(|_| ())
        .map_err(MigrationError::Lock)
}
