//! The server itself, by pglite-oxide. It has one connection; nobody but this process reaches its socket.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pglite_oxide::PgliteServer;
use secrecy::SecretString;

/// The longest path of a Unix socket that every system takes.
const SOCKET_PATH_MAX: usize = 100;
/// How long the folder's lock may outlive a process that was killed.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A running embedded database.
pub struct EmbeddedDatabase {
    server: PgliteServer,
    /// The socket's own folder, where the data folder's path is too long for one.
    elsewhere: Option<PathBuf>,
}

impl std::fmt::Debug for EmbeddedDatabase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EmbeddedDatabase").finish_non_exhaustive()
    }
}

impl EmbeddedDatabase {
    /// Starts it on the data in `folder`. Blocks for a second or two.
    ///
    /// # Errors
    /// A line that names the variable and says what to do.
    pub fn start(folder: &Path) -> Result<Self, String> {
        super::private_folder(folder)?;
        let folder = folder.canonicalize().map_err(|error| format!("DATA_DIR: {}: {error}", folder.display()))?;
        let (socket, elsewhere) = socket(&folder)?;
        let until = Instant::now() + LOCK_WAIT;
        loop {
            match PgliteServer::builder().path(folder.join("postgres")).unix(&socket).start() {
                Ok(server) => return Ok(Self { server, elsewhere }),
                Err(error) if !format!("{error:#}").contains("already in use") => {
                    return Err(format!("DATA_DIR: the embedded database does not start: {error:#}"));
                }
                Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(100)),
                Err(_) => {
                    return Err(format!(
                        "DATA_DIR: another process works on {}; stop it first, or ask it over HTTP with --url",
                        folder.display()
                    ));
                }
            }
        }
    }

    /// Where it is.
    pub fn url(&self) -> SecretString {
        self.server.database_url().into()
    }

    /// Stops it. Its connections must be closed before.
    pub fn stop(self) {
        // What is acknowledged is on disk already; an error here has nobody to go to.
        let _ = self.server.shutdown();
        if let Some(folder) = self.elsewhere {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn socket(folder: &Path) -> Result<(PathBuf, Option<PathBuf>), String> {
    const NAME: &str = ".s.PGSQL.5432";
    let inside = folder.join("run");
    if inside.as_os_str().len() + NAME.len() < SOCKET_PATH_MAX {
        super::private_folder(&inside)?;
        return Ok((inside.join(NAME), None));
    }
    let elsewhere = std::env::temp_dir().join(format!("mdl-{}", uuid::Uuid::new_v4()));
    super::private_folder(&elsewhere)?;
    Ok((elsewhere.join(NAME), Some(elsewhere)))
}
