//! The Unix socket for `mdl circuits`. The service runs without it if it cannot be created: a
//! warning says why.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use actix_web::web;
use tokio::sync::oneshot;

use crate::embedded::ensure_private_folder;
use crate::http::connections::local::serve_local;
use crate::http::{AppState, local_admin};
use crate::telemetry::error_chain;

/// Interval in which a socket is tried again that another process serves: one that stops, maybe.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The task that serves the socket, or waits for its turn to do so.
pub(super) struct AdminSocket {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl AdminSocket {
    /// Creates the socket and serves it. While another process serves it, it is tried again in the
    /// background; any other error is final.
    pub(super) fn start(path: PathBuf, state: &web::Data<AppState>) -> Self {
        let first = Served::start(&path, state).inspect_err(|error| {
            slog::warn!(state.logger,
                "admin socket not available: set ADMIN_SOCKET to a path that can be created";
                "path" => path.display().to_string(), "error" => error_chain(error));
        });
        let ((stop, stopped), state) = (oneshot::channel(), state.clone());
        let task = actix_web::rt::spawn(serve_until(stopped, first, path, state));
        Self { stop, task }
    }

    /// Stops serving and removes the file.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn serve_until(
    mut stopped: oneshot::Receiver<()>,
    mut served: io::Result<Served>,
    path: PathBuf,
    state: web::Data<AppState>,
) {
    while served.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse) {
        tokio::select! {
            () = tokio::time::sleep(RETRY_INTERVAL) => {}
            _ = &mut stopped => return,
        }
        served = Served::start(&path, &state).inspect(|_| {
            slog::info!(state.logger, "admin socket available";
                "path" => path.display().to_string());
        });
    }
    if let Ok(served) = served {
        let _ = stopped.await;
        served.stop().await;
    }
}

/// The socket while it is served.
struct Served {
    path: PathBuf,
    /// Inode of the file; another process may have replaced it.
    inode: u64,
    server: ServerHandle,
}

impl Served {
    fn start(path: &Path, state: &web::Data<AppState>) -> io::Result<Self> {
        // Not the owner of the file, which others could replace in a folder that they share.
        let owner = own_uid()?;
        let listener = bind(path)?;
        let inode = std::fs::symlink_metadata(path)?.ino();
        let state = state.clone();
        let server = serve_local(listener, owner, move || local_admin::app(state.clone()))?;
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Ok(Self { path: path.to_owned(), inode, server: handle })
    }

    async fn stop(self) {
        self.server.stop(false).await;
        let is_own = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|file| file.ino() == self.inode && file.file_type().is_socket());
        if is_own {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Returns the effective system user of this process: the peer of a connection to itself.
fn own_uid() -> io::Result<u32> {
    let (stream, _peer) = actix_web::rt::net::UnixStream::pair()?;
    Ok(stream.peer_cred()?.uid())
}

/// Binds the socket with mode 0600; replaces one whose process has ended.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.exists()
    {
        ensure_private_folder(folder).map_err(io::Error::other)?;
    }
    remove_stale(path)?;
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Removes the socket of a process that has ended. One that accepts connections is another
/// process's, and any other file is not a socket of ours.
fn remove_stale(path: &Path) -> io::Result<()> {
    let file = match std::fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !file.file_type().is_socket() {
        return Err(io::Error::other("the file is no socket"));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process serves it")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_socket_is_replaced_and_other_files_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new").join("admin.sock");
        let first = bind(&path).expect("a socket");
        let mode = |path: &Path| std::fs::metadata(path).expect("a file").mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder.path().join("new"))), (0o600, 0o700));
        let error = bind(&path).expect_err("in use").to_string();
        assert_eq!(error, "another process serves it");
        // The file of a process that was killed stays behind.
        drop(first);
        assert!(path.exists());
        bind(&path).expect("a socket again");

        let file = folder.path().join("notes");
        std::fs::write(&file, "text").expect("written");
        assert_eq!(bind(&file).expect_err("no socket").to_string(), "the file is no socket");
        assert_eq!(std::fs::read(&file).expect("read"), b"text");
    }
}
