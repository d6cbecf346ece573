//! The database: `PostgreSQL` by its URL, or the embedded one in its folder.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;

/// Which database, and how long to wait for it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseConfig {
    /// `DATABASE_URL`: where `PostgreSQL` is; without it the embedded database.
    #[arg(skip)]
    pub database_url: Option<SecretString>,
    /// Folder of the embedded database and its secrets
    #[arg(long, env, global = true, default_value = "./data", value_name = "DATA_DIR")]
    pub data_dir: PathBuf,
    /// Most connections
    #[arg(long, env, global = true, default_value_t = 10, value_name = "DB_POOL_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub db_pool_max: u32,
    /// Connections kept open when idle
    #[arg(long, env, global = true, default_value_t = 2, value_name = "DB_POOL_MIN",
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub db_pool_min: u32,
    /// Longest wait for a connection, in milliseconds
    #[arg(long, env, global = true, default_value_t = 2000, value_name = "DB_CONNECTION_TIMEOUT",
          value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub db_connection_timeout: u64,
}

impl DatabaseConfig {
    /// The URL, where one is given; without it the database is the embedded one.
    pub fn url(&self) -> Option<&SecretString> {
        super::given(self.database_url.as_ref())
    }

    /// Longest wait for a connection.
    pub fn connection_timeout(&self) -> Duration {
        Duration::from_millis(self.db_connection_timeout)
    }

    /// Whether a database could be opened so.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn check(&self) -> Result<(), String> {
        if self.db_pool_min > self.db_pool_max {
            return Err("DB_POOL_MIN must not be greater than DB_POOL_MAX".into());
        }
        if self.url().is_none() && !cfg!(feature = "embedded") {
            return Err("DATABASE_URL is required: this build has no embedded database".into());
        }
        Ok(())
    }
}
