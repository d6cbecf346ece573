//! `mdl move`: copies everything from the embedded database to a `PostgreSQL` server. The source is
//! only read, and nothing may use it meanwhile. `storage::database_copy` has the rows, and how.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::app::command_error::CommandError;
use crate::config::Config;
use crate::postgres::url::DatabaseUrl;

const PASSWORD_SHOWN: &str = "--to must not have a password, which other users and the shell \
    history can see; set DATABASE_URL or DATABASE_URL_FILE instead of it";

/// Copies the data of `DATA_DIR` to the database at `to`, or at `DATABASE_URL`. Writes the signing
/// secrets to a new folder, if there is one to write them to.
pub(in crate::app) async fn run(
    config: &Config,
    to: Option<String>,
    secrets: Option<PathBuf>,
) -> Result<(), CommandError> {
    let target = target(config, to)?;
    #[cfg(feature = "embedded")]
    {
        from_embedded::run(config, target, secrets.as_deref()).await
    }
    #[cfg(not(feature = "embedded"))]
    {
        let _ = (target, secrets);
        Err(CommandError::usage("this build has no embedded database"))
    }
}

fn target(config: &Config, to: Option<String>) -> Result<DatabaseUrl, CommandError> {
    let Some(to) = to else {
        let url = config.database.url().ok_or_else(|| {
            CommandError::usage("name the target with --to or DATABASE_URL (docs/operations.md)")
        })?;
        return DatabaseUrl::parse(url).map_err(CommandError::usage);
    };
    let url = DatabaseUrl::parse(&SecretString::from(to))
        .map_err(|error| CommandError::usage(format!("--to: {error}")))?;
    if url.config.get_password().is_some() {
        return Err(CommandError::usage(PASSWORD_SHOWN));
    }
    Ok(url)
}

#[cfg(feature = "embedded")]
mod from_embedded {
    use std::fs::DirBuilder;
    use std::os::unix::fs::DirBuilderExt;
    use std::path::Path;
    use std::time::Duration;

    use secrecy::ExposeSecret;

    use crate::app::command_error::CommandError;
    use crate::app::commands::progress::item_bar;
    use crate::app::output::print_line;
    use crate::config::Config;
    use crate::embedded::{self, EmbeddedDatabase, EmbeddedSecrets};
    use crate::postgres::connection::{Connector, Timeouts};
    use crate::postgres::migrations;
    use crate::postgres::server_connection::ServerConnection;
    use crate::postgres::url::DatabaseUrl;
    use crate::storage::database_copy::{self, TableContent};

    /// Longest start of the embedded database, on a busy machine.
    const START_TIMEOUT: Duration = Duration::from_mins(1);

    pub(super) async fn run(
        config: &Config,
        target: DatabaseUrl,
        secrets: Option<&Path>,
    ) -> Result<(), CommandError> {
        let folder = config.database.data_dir.clone();
        embedded::ensure_data(&folder).map_err(CommandError::failed)?;
        let signing = EmbeddedSecrets::load_or_create(&folder).map_err(CommandError::failed)?;
        if let Some(path) = secrets.filter(|path| path.exists()) {
            return Err(CommandError::usage(format!("--secrets: {} exists", path.display())));
        }
        let start = move || EmbeddedDatabase::start_alone(&folder);
        let started = tokio::task::spawn_blocking(start).await.map_err(CommandError::failed)?;
        let server = started.map_err(CommandError::failed)?;
        let outcome = copy(&server, target, config.database.connection_timeout()).await;
        let _ = tokio::task::spawn_blocking(move || server.stop()).await;
        report(&outcome?)?;
        match secrets {
            Some(folder) => {
                write_secrets(&signing, folder).map_err(|error| {
                    CommandError::failed(format!("--secrets: {}: {error}", folder.display()))
                })?;
                print_line(&format!(
                    "signing secrets written: set JWT_SECRET_FILE={0}/jwt-secret and \
                     JWT_REFRESH_SECRET_FILE={0}/jwt-refresh-secret",
                    folder.display()
                ))
            }
            None => print_line(
                "signing secrets not written: with others than those of DATA_DIR/secrets.json \
                 users have to log in again (--secrets writes them)",
            ),
        }
    }

    fn write_secrets(signing: &EmbeddedSecrets, folder: &Path) -> std::io::Result<()> {
        DirBuilder::new().mode(0o700).create(folder)?;
        for (name, secret) in
            [("jwt-secret", &signing.access), ("jwt-refresh-secret", &signing.refresh)]
        {
            let content = secret.expose_secret().as_bytes();
            embedded::write_private_file(&folder.join(name), content)?;
        }
        Ok(())
    }

    async fn copy(
        server: &EmbeddedDatabase,
        target: DatabaseUrl,
        timeout: Duration,
    ) -> Result<Vec<TableContent>, CommandError> {
        let url = DatabaseUrl::parse(&server.url()).map_err(CommandError::failed)?;
        let mut source = connect(url, START_TIMEOUT).await?;
        ensure_schema(&mut source, "DATA_DIR", "start `mdl serve` on it once").await?;
        let mut target = connect(target, timeout).await?;
        ensure_schema(&mut target, "target", "run `mdl migrate` on it first").await?;
        let bar = item_bar(0);
        let progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let copied = database_copy::copy(&mut source, &mut target, progress).await;
        bar.finish_and_clear();
        copied.map_err(CommandError::failed)
    }

    async fn connect(
        url: DatabaseUrl,
        timeout: Duration,
    ) -> Result<ServerConnection, CommandError> {
        // Copying takes as long as it takes.
        let timeouts = Timeouts { connect: timeout, statement: None };
        let connector = Connector::new(url, timeouts).map_err(CommandError::usage)?;
        connector.connect().await.map_err(CommandError::failed)
    }

    async fn ensure_schema(
        connection: &mut ServerConnection,
        name: &str,
        remedy: &str,
    ) -> Result<(), CommandError> {
        let schema = migrations::status(connection).await.map_err(CommandError::failed)?;
        if !schema.unknown.is_empty() {
            return Err(CommandError::failed(format!(
                "{name}: the schema is of a newer version of mdl; use that version"
            )));
        }
        if !schema.pending().is_empty() {
            return Err(CommandError::failed(format!(
                "{name}: the schema is older than this version of mdl; {remedy}"
            )));
        }
        Ok(())
    }

    fn report(tables: &[TableContent]) -> Result<(), CommandError> {
        for TableContent { table, rows, .. } in tables.iter().filter(|table| table.rows > 0) {
            print_line(&format!("{rows:>8}  {table}"))?;
        }
        let rows: u64 = tables.iter().map(|table| table.rows).sum();
        print_line(&format!(
            "moved {rows} rows of {} tables; both databases compared: equal",
            tables.len()
        ))
    }
}
