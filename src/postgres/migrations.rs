//! The migrations of `migrations/`, embedded, run under an advisory lock so that replicas starting
//! together take turns.

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationVersion};
use diesel::pg::Pg;
use diesel::sql_types::Bool;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
/// "mdl" as a number; whoever holds this lock changes the schema.
const LOCK: i64 = 0x006d_646c;

/// A migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name, version included.
    pub name: String,
    /// Whether it has been run.
    pub applied: bool,
}

/// Runs what the database does not have yet. Returns the names of what was run.
///
/// # Errors
/// What went wrong, for the operator.
pub async fn run(connection: AsyncPgConnection) -> Result<Vec<String>, String> {
    locked(connection, |harness| {
        let versions =
            harness.run_pending_migrations(MIGRATIONS).map_err(|error| error.to_string())?;
        Ok(versions.iter().map(ToString::to_string).collect())
    })
    .await
}

/// Takes back the last migration. Returns its name, if there was one.
///
/// # Errors
/// What went wrong, for the operator.
pub async fn revert(connection: AsyncPgConnection) -> Result<Option<String>, String> {
    locked(connection, |harness| {
        let applied = harness.applied_migrations().map_err(|error| error.to_string())?;
        if applied.is_empty() {
            return Ok(None);
        }
        let version =
            harness.revert_last_migration(MIGRATIONS).map_err(|error| error.to_string())?;
        Ok(Some(version.to_string()))
    })
    .await
}

/// All migrations, in order, and whether the database has them.
///
/// # Errors
/// What went wrong, for the operator.
pub async fn status(connection: AsyncPgConnection) -> Result<Vec<Status>, String> {
    locked(connection, |harness| {
        let applied: Vec<MigrationVersion<'static>> =
            harness.applied_migrations().map_err(|error| error.to_string())?;
        let known: Vec<Box<dyn Migration<Pg>>> =
            diesel::migration::MigrationSource::<Pg>::migrations(&MIGRATIONS)
                .map_err(|error| error.to_string())?;
        let mut all: Vec<Status> = known
            .iter()
            .map(|migration| Status {
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

/// Diesel's harness blocks, so it works on a thread of its own; the lock ends with the connection
/// at the latest.
async fn locked<T: Send + 'static>(
    connection: AsyncPgConnection,
    work: impl FnOnce(&mut Harness) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let job = move || {
        let mut harness = Harness::from(connection);
        lock(&mut harness, "SELECT pg_advisory_lock($1) IS NOT NULL AS done")?;
        let result = work(&mut harness);
        lock(&mut harness, "SELECT pg_advisory_unlock($1) AS done")?;
        result
    };
    tokio::task::spawn_blocking(job).await.map_err(|error| error.to_string())?
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    #[allow(dead_code)]
    done: bool,
}

fn lock(harness: &mut Harness, statement: &str) -> Result<(), String> {
    use diesel::RunQueryDsl;
    diesel::sql_query(statement)
        .bind::<diesel::sql_types::BigInt, _>(LOCK)
        .get_result::<Locked>(harness)
        .map(|_| ())
        .map_err(|error| error.to_string())
}
