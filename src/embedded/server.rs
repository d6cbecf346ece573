//! The embedded `PostgreSQL` server, run by pglite-oxide. It has one connection, and only this
//! process can reach its socket.
//!
//! The crate's own `PgliteServer` stops listening after the first connection that ends without a
//! Terminate message, as the connection of a cancelled query does. So its proxy is driven from
//! here, and continues.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pglite_oxide::PgliteProxy;
use secrecy::SecretString;

use super::error::EmbeddedError;

/// Longest path of a Unix socket that all systems accept, in bytes.
const SOCKET_PATH_MAX: usize = 100;
/// How long the lock of the folder may outlive a process that was killed.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for the last connection to close.
const STOP_WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// A running embedded database.
#[derive(Debug)]
pub struct EmbeddedDatabase {
    folder: PathBuf,
    socket: PathBuf,
    /// The folder of the socket if the path of the data folder is too long for one.
    temporary_folder: Option<PathBuf>,
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    _lock: File,
}

impl EmbeddedDatabase {
    /// Locks the data in `folder` and starts the server on it. The first connection creates or
    /// recovers the data, which takes a second or two.
    ///
    /// # Errors
    /// When the folder cannot be used, or another process uses it.
    pub fn start(folder: &Path) -> Result<Self, EmbeddedError> {
        super::ensure_private_folder(folder)?;
        let failed = EmbeddedError::at(folder);
        let folder = folder.canonicalize().map_err(&failed)?;
        let lock = lock(&folder, LOCK_WAIT)?;
        let (socket, temporary_folder) = prepare_socket(&folder)?;
        if socket.exists() {
            std::fs::remove_file(&socket).map_err(&failed)?;
        }
        let listener = UnixListener::bind(&socket).map_err(&failed)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let proxy = PgliteProxy::new(folder.join(super::DATABASE));
        let thread = {
            let stopping = Arc::clone(&stopping);
            std::thread::Builder::new()
                .name("mdl-embedded".into())
                .spawn(move || serve(&proxy, &listener, &stopping))
                .map_err(&failed)?
        };
        Ok(Self { folder, socket, temporary_folder, stopping, thread, _lock: lock })
    }

    /// Starts it for a command that has no other way to the data than this folder.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_alone(folder: &Path) -> Result<Self, EmbeddedError> {
        Self::start(folder).map_err(EmbeddedError::in_use)
    }

    /// Returns the folder of the data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the connection URL.
    pub fn url(&self) -> SecretString {
        let folder = self.socket.parent().unwrap_or(Path::new("/")).to_string_lossy();
        let host: String = url::form_urlencoded::byte_serialize(folder.as_bytes()).collect();
        format!("postgres://postgres@/template1?host={}&sslmode=disable", host.replace('+', "%20"))
            .into()
    }

    /// Stops the server. Close its connection first; committed data is on disk in any case.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the listener, which then reads the flag.
        drop(UnixStream::connect(&self.socket));
        let deadline = Instant::now() + STOP_WAIT;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(PAUSE);
        }
        let _ = std::fs::remove_file(&self.socket);
        if let Some(folder) = self.temporary_folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn serve(proxy: &PgliteProxy, listener: &UnixListener, stopping: &AtomicBool) {
    while !stopping.load(Ordering::SeqCst) {
        if let Err(error) = proxy.accept_unix_once(listener) {
            log::debug!("embedded database connection ended: {error:#}");
            std::thread::sleep(PAUSE);
        }
    }
}

/// Locks the folder for this process, within `patience`. The system releases the lock when the
/// process ends.
pub(super) fn lock(folder: &Path, patience: Duration) -> Result<File, EmbeddedError> {
    let path = folder.join("lock");
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let file = open.map_err(EmbeddedError::at(&path))?;
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(PAUSE);
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(EmbeddedError::Locked(folder.to_owned()));
            }
            Err(std::fs::TryLockError::Error(source)) => {
                return Err(EmbeddedError::Io { path, source });
            }
        }
    }
}

/// Returns the path of the socket, and its temporary folder if it needs one.
fn prepare_socket(folder: &Path) -> Result<(PathBuf, Option<PathBuf>), EmbeddedError> {
    const NAME: &str = ".s.PGSQL.5432";
    let inside = folder.join("run");
    if inside.as_os_str().len() + NAME.len() < SOCKET_PATH_MAX {
        super::ensure_private_folder(&inside)?;
        return Ok((inside.join(NAME), None));
    }
    let temporary = std::env::temp_dir().join(format!("mdl-{}", uuid::Uuid::new_v4()));
    super::ensure_private_folder(&temporary)?;
    Ok((temporary.join(NAME), Some(temporary)))
}
