//! A TCP proxy in front of the database that a test opens and closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub struct Proxy {
    pub port: u16,
    open: Arc<AtomicBool>,
    cut: Arc<Notify>,
}

impl Proxy {
    /// Starts in front of the cluster; while it is closed every connection is dropped at once.
    pub async fn start(open: bool) -> Self {
        let target = super::database::cluster().rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, cut) = (Arc::new(AtomicBool::new(open)), Arc::new(Notify::new()));
        let (is_open, is_cut) = (Arc::clone(&open), Arc::clone(&cut));
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (is_open, is_cut) = (Arc::clone(&is_open), Arc::clone(&is_cut));
                tokio::spawn(async move {
                    // Registered before `open` is read, so that no cut is missed.
                    let cut = is_cut.notified();
                    if !is_open.load(Ordering::SeqCst) {
                        return;
                    }
                    let mut server = TcpStream::connect(("localhost", target)).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        () = cut => {}
                    }
                });
            }
        });
        Self { port, open, cut }
    }

    pub fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    /// Refuses new connections and closes existing ones.
    pub fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
        self.cut.notify_waiters();
    }

    /// Returns the URL of the same database through the proxy.
    pub fn url(&self, url: &str) -> String {
        let database = url.rsplit_once('/').unwrap().1;
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}
