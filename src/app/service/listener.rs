//! The listeners: sockets, how many connections they take, and the servers on them.

use std::net::{IpAddr, SocketAddr, TcpListener};

use actix_web::dev::Server;
use actix_web::web;
use slog::Logger;
use socket2::{Domain, Protocol, Socket, Type};

use crate::app::failure::Failure;
use crate::config::Config;
use crate::http::AppState;
use crate::http::connections::open::{ConnectionLimits, Connections};
use crate::http::connections::server::{Running, serve};
use crate::http::server::Shields;
use crate::rate_limit::client_ip::TrustedProxies;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Most connections of the listener that only Prometheus needs, in all and from one address.
const SCRAPERS: (usize, usize) = (256, 64);
/// Open files that are not connections of clients: the database's connections come on top.
const OTHER_FILES: usize = 64;

/// A server, and where it listens.
pub(in crate::app) struct Listener {
    pub(in crate::app) address: SocketAddr,
    pub(in crate::app) server: Server,
}

/// The listener of the API; with `/metrics`, if Prometheus has none of its own.
pub(in crate::app) fn api(
    config: &Config,
    running: Running,
    proxies: &TrustedProxies,
    (state, shields, with_metrics): (&web::Data<AppState>, &Shields, bool),
) -> Result<Listener, Failure> {
    let (host, port) = (config.service.host, config.service.port);
    let limits = ConnectionLimits {
        total: affordable(config, &state.logger),
        per_address: config.service.max_connections_per_address as usize,
        exempt: proxies.clone(),
    };
    let connections =
        Connections::new(limits, state.instruments.connections.clone(), state.logger.clone());
    let (state, shields) = (state.clone(), shields.clone());
    let app = move || crate::http::server::app(state.clone(), shields.clone(), with_metrics).0;
    start("HOST, PORT", (host, port), |listener| serve(listener, running, &connections, app))
}

/// The listener of Prometheus.
pub(in crate::app) fn exposition(
    config: &Config,
    state: &web::Data<AppState>,
) -> Result<Listener, Failure> {
    let host = config.metrics.metrics_host.unwrap_or(config.service.host);
    let port = config.metrics.metrics_port;
    let (total, per_address) = SCRAPERS;
    let limits = ConnectionLimits { total, per_address, exempt: TrustedProxies::default() };
    let connections =
        Connections::new(limits, state.instruments.connections.clone(), state.logger.clone());
    let state = state.clone();
    let app = move || crate::http::server::exposition(state.clone());
    let running = Running { workers: 1, grace: 1 };
    start("METRICS_HOST, METRICS_PORT", (host, port), |listener| {
        serve(listener, running, &connections, app)
    })
}

fn start(
    variables: &str,
    (host, port): (IpAddr, u16),
    serve: impl FnOnce(TcpListener) -> std::io::Result<Server>,
) -> Result<Listener, Failure> {
    let started = bind(SocketAddr::new(host, port)).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok(Listener { address, server: serve(listener)? })
    });
    started.map_err(|error| Failure::new(format!("{variables}: {host}:{port}: {error}")))
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Or the port could not be used again for a minute after the service stopped.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// `MAX_CONNECTIONS`, or as many as the process may have open files for: otherwise a flood would
/// leave none for the database.
fn affordable(config: &Config, logger: &Logger) -> usize {
    let wanted = config.service.max_connections as usize;
    let others =
        OTHER_FILES.saturating_add(SCRAPERS.0).saturating_add(config.database.db_pool_max as usize);
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some(files) = open_files(&limits) else { return wanted };
    let most = files.saturating_sub(others).max(1);
    if most < wanted {
        slog::warn!(logger, "MAX_CONNECTIONS is lowered: the limit on open files (ulimit -n) is too small";
            "max_connections" => most, "open_files" => files);
    }
    wanted.min(most)
}

/// The soft limit on open files, from the text of `/proc/self/limits`; none where there is no such
/// limit or no such file.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
