//! The listeners of the API and of Prometheus: sockets, connection limits, and the servers on them.

use std::net::{IpAddr, SocketAddr, TcpListener};

use actix_web::dev::Server;
use actix_web::web;
use slog::Logger;
use socket2::{Domain, Protocol, Socket, Type};

use crate::app::command_error::CommandError;
use crate::config::Config;
use crate::http::AppState;
use crate::http::connections::open::{ConnectionLimits, Connections};
use crate::http::connections::responder::Responder;
use crate::http::connections::server::{ServerOptions, serve};
use crate::http::server::AppOptions;
use crate::rate_limit::client_ip::TrustedProxies;

/// Most connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Connection limits of the metrics listener, which only Prometheus needs: in all, per client IP.
const METRICS_CONNECTIONS: (usize, usize) = (256, 64);
/// Open files that are not connections of clients: the database's connections come on top.
const OTHER_FILES: usize = 64;

/// A bound server. It serves once it is spawned or awaited.
pub(in crate::app) struct Listener {
    pub(in crate::app) address: SocketAddr,
    pub(in crate::app) server: Server,
}

/// Starts the API listener; `with_metrics` adds `/metrics` to it.
pub(in crate::app) fn api(
    config: &Config,
    server_options: ServerOptions,
    proxies: &TrustedProxies,
    (state, app_options, with_metrics): (&web::Data<AppState>, &AppOptions, bool),
) -> Result<Listener, CommandError> {
    let (host, port) = (config.service.host, config.service.port);
    let limits = ConnectionLimits {
        total: affordable_connections(config, &state.logger),
        per_address: config.service.max_connections_per_address as usize,
        exempt: proxies.clone(),
    };
    let connections =
        Connections::new(limits, state.instruments.connections.clone(), state.logger.clone());
    let responder = Responder::new(state);
    let (state, app_options) = (state.clone(), app_options.clone());
    let app = move || crate::http::server::app(state.clone(), app_options.clone(), with_metrics).0;
    start("HOST, PORT", (host, port), |listener| {
        serve(listener, server_options, &connections, responder, app)
    })
}

/// Whether metrics are served on a listener of their own instead of the API's.
pub(in crate::app) fn has_own_metrics_listener(config: &Config) -> bool {
    let (metrics, service) = (&config.metrics, &config.service);
    let other_host = metrics.metrics_host.is_some_and(|host| host != service.host);
    // Port 0 takes a free port each time, so it never means the API's port.
    let other_port = metrics.metrics_port != service.port || metrics.metrics_port == 0;
    metrics.metrics_enabled && (other_host || other_port)
}

/// Starts the metrics listener.
pub(in crate::app) fn exposition(
    config: &Config,
    state: &web::Data<AppState>,
) -> Result<Listener, CommandError> {
    let host = config.metrics.metrics_host.unwrap_or(config.service.host);
    let port = config.metrics.metrics_port;
    let (total, per_address) = METRICS_CONNECTIONS;
    let limits = ConnectionLimits { total, per_address, exempt: TrustedProxies::default() };
    let connections =
        Connections::new(limits, state.instruments.connections.clone(), state.logger.clone());
    let (responder, state) = (Responder::new(state), state.clone());
    let app = move || crate::http::server::exposition(state.clone());
    let server_options = ServerOptions { workers: 1, grace: 1 };
    start("METRICS_HOST, METRICS_PORT", (host, port), |listener| {
        serve(listener, server_options, &connections, responder, app)
    })
}

fn start(
    variables: &str,
    (host, port): (IpAddr, u16),
    serve: impl FnOnce(TcpListener) -> std::io::Result<Server>,
) -> Result<Listener, CommandError> {
    let started = bind(SocketAddr::new(host, port)).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok(Listener { address, server: serve(listener)? })
    });
    started.map_err(|error| CommandError::failed(format!("{variables}: {host}:{port}: {error}")))
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it the port stays unusable for a minute after the service stopped.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Returns `MAX_CONNECTIONS`, lowered so that a flood of connections leaves enough open files for
/// the database.
fn affordable_connections(config: &Config, logger: &Logger) -> usize {
    let configured = config.service.max_connections as usize;
    let others = OTHER_FILES
        .saturating_add(METRICS_CONNECTIONS.0)
        .saturating_add(config.database.db_pool_max as usize);
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some(files) = soft_open_file_limit(&limits) else { return configured };
    let most = files.saturating_sub(others).max(1);
    if most < configured {
        slog::warn!(logger, "MAX_CONNECTIONS lowered: limit on open files (ulimit -n) is too small";
            "max_connections" => most, "open_files" => files);
    }
    configured.min(most)
}

/// Parses the soft limit on open files from the text of `/proc/self/limits`. `None` if unlimited or
/// where there is no such file.
fn soft_open_file_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
