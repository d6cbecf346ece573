//! The server itself, by pglite-oxide. It has one connection; nobody but this process reaches its
//! socket.
//!
//! The crate's own `PgliteServer` stops listening for good after the first connection that ends
//! without a farewell, as a cancelled query's does; so its proxy is driven from here, and goes on.

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

/// The longest path of a Unix socket that every system takes.
const SOCKET_PATH_MAX: usize = 100;
/// How long the folder's lock may outlive a process that was killed.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How long the last connection may take to go.
const STOP_WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// A running embedded database.
#[derive(Debug)]
pub struct EmbeddedDatabase {
    socket: PathBuf,
    /// The socket's own folder, where the data folder's path is too long for one.
    elsewhere: Option<PathBuf>,
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    _lock: File,
}

impl EmbeddedDatabase {
    /// Starts it on the data in `folder`, which is locked. The first connection makes or recovers
    /// the data, for a second or two.
    ///
    /// # Errors
    /// A line that names the variable and says what to do.
    pub fn start(folder: &Path) -> Result<Self, String> {
        super::private_folder(folder)?;
        let failed = |error: std::io::Error| format!("DATA_DIR: {}: {error}", folder.display());
        let folder = folder.canonicalize().map_err(failed)?;
        let lock = lock(&folder)?;
        let (socket, elsewhere) = socket(&folder)?;
        if socket.exists() {
            std::fs::remove_file(&socket).map_err(failed)?;
        }
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let proxy = PgliteProxy::new(folder.join("postgres"));
        let thread = {
            let stopping = Arc::clone(&stopping);
            std::thread::Builder::new()
                .name("mdl-embedded".into())
                .spawn(move || serve(&proxy, &listener, &stopping))
                .map_err(failed)?
        };
        Ok(Self { socket, elsewhere, stopping, thread, _lock: lock })
    }

    /// Where it is.
    pub fn url(&self) -> SecretString {
        let folder = self.socket.parent().unwrap_or(Path::new("/")).to_string_lossy();
        let host: String = url::form_urlencoded::byte_serialize(folder.as_bytes()).collect();
        format!("postgres://postgres@/template1?host={}&sslmode=disable", host.replace('+', "%20"))
            .into()
    }

    /// Stops it. Its connection should be closed before; what is acknowledged is on disk in any
    /// case.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is over.
        drop(UnixStream::connect(&self.socket));
        let until = Instant::now() + STOP_WAIT;
        while !self.thread.is_finished() && Instant::now() < until {
            std::thread::sleep(PAUSE);
        }
        let _ = std::fs::remove_file(&self.socket);
        if let Some(folder) = self.elsewhere {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn serve(proxy: &PgliteProxy, listener: &UnixListener, stopping: &AtomicBool) {
    while !stopping.load(Ordering::SeqCst) {
        if let Err(error) = proxy.accept_unix_once(listener) {
            log::debug!("a connection to the embedded database ended: {error:#}");
            std::thread::sleep(PAUSE);
        }
    }
}

/// Takes the folder for this process; the system lets go when the process ends, however it ends.
fn lock(folder: &Path) -> Result<File, String> {
    let path = folder.join("lock");
    let failed = |error: &dyn std::fmt::Display| format!("DATA_DIR: {}: {error}", path.display());
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let file = open.map_err(|error| failed(&error))?;
    let until = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(PAUSE)
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(format!(
                    "DATA_DIR: another process works on {}; stop it first, or ask it over HTTP with --url",
                    folder.display()
                ));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(&error)),
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
