//! The listeners of the API and of Prometheus: sockets, connection limits, and the servers on them.

use std::io;
use std::net::{SocketAddr, TcpListener};

use actix_web::dev::Server;
use actix_web::web;
use slog::Logger;
use socket2::{Domain, Protocol, Socket, Type};

use crate::app::command_error::CommandError;
use crate::config::{Config, ListenHost};
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
    /// Its sockets once more, to see whether they still listen.
    pub(in crate::app) sockets: Vec<TcpListener>,
}

/// Why a listener could not be started.
#[derive(Debug, thiserror::Error)]
#[error("{target}: {cause}{remedy}")]
struct ListenError {
    /// The variables and the address.
    target: String,
    cause: io::Error,
    remedy: String,
}

impl ListenError {
    fn is_in_use(&self) -> bool {
        self.cause.kind() == io::ErrorKind::AddrInUse
    }
}

/// Starts the API listener; `with_metrics` adds `/metrics` to it.
pub(in crate::app) fn api(
    config: &Config,
    server_options: ServerOptions,
    proxies: &TrustedProxies,
    (state, app_options, with_metrics): (&web::Data<AppState>, &AppOptions, bool),
) -> Result<Listener, CommandError> {
    let (host, port) = (&config.service.host, config.service.port);
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
    let started = start(("HOST", "PORT"), (host, port), |listeners| {
        serve(listeners, server_options, &connections, responder, app)
    });
    started.map_err(CommandError::failed)
}

/// Whether metrics are served on a listener of their own instead of the API's.
pub(in crate::app) fn has_own_metrics_listener(config: &Config) -> bool {
    let (metrics, service) = (&config.metrics, &config.service);
    let other_host = metrics.metrics_host.as_ref().is_some_and(|host| *host != service.host);
    // Port 0 takes a free port each time, so it never means the API's port.
    let other_port = metrics.port() != service.port || metrics.port() == 0;
    metrics.metrics_enabled && (other_host || other_port)
}

/// Starts the metrics listener, if metrics have one of their own. Without it the service runs all
/// the same if its port is the default one and another process uses that.
pub(in crate::app) fn metrics(
    config: &Config,
    state: &web::Data<AppState>,
) -> Result<Option<Listener>, CommandError> {
    if !has_own_metrics_listener(config) {
        return Ok(None);
    }
    match exposition(config, state) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.is_in_use() && config.metrics.is_port_optional() => {
            slog::warn!(state.logger, "metrics not served: set METRICS_PORT to a free port";
                "error" => error.to_string());
            Ok(None)
        }
        Err(error) => Err(CommandError::failed(error)),
    }
}

fn exposition(config: &Config, state: &web::Data<AppState>) -> Result<Listener, ListenError> {
    let host = config.metrics.metrics_host.as_ref().unwrap_or(&config.service.host);
    let port = config.metrics.port();
    let (total, per_address) = METRICS_CONNECTIONS;
    let limits = ConnectionLimits { total, per_address, exempt: TrustedProxies::default() };
    let connections =
        Connections::new(limits, state.instruments.connections.clone(), state.logger.clone());
    let (responder, state) = (Responder::new(state), state.clone());
    let app = move || crate::http::server::exposition(state.clone());
    let server_options = ServerOptions { workers: 1, grace: 1 };
    start(("METRICS_HOST", "METRICS_PORT"), (host, port), |listeners| {
        serve(listeners, server_options, &connections, responder, app)
    })
}

fn start(
    (host_variable, port_variable): (&str, &str),
    (host, port): (&ListenHost, u16),
    serve: impl FnOnce(Vec<TcpListener>) -> io::Result<Server>,
) -> Result<Listener, ListenError> {
    let started = bind_all(host, port).and_then(|listeners| {
        let first = listeners.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let address = first.local_addr()?;
        let sockets = listeners.iter().map(TcpListener::try_clone).collect::<io::Result<_>>()?;
        Ok(Listener { address, server: serve(listeners)?, sockets })
    });
    started.map_err(|cause| {
        let address = host.with_port(port);
        let target = format!("{host_variable}, {port_variable}: {address}");
        let remedy = match cause.kind() {
            io::ErrorKind::AddrInUse => {
                format!("; stop the process that uses the port, or set {port_variable}")
            }
            _ => String::new(),
        };
        ListenError { target, cause, remedy }
    })
}

/// Binds all addresses of a host, on one port. Of a name, addresses that this machine does not have
/// are left out, as `::1` where IPv6 is switched off.
fn bind_all(host: &ListenHost, port: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut unavailable = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for mut address in host.resolve(port)? {
        // Port 0 takes a free one, which is then that of the other addresses, too.
        if let Some(first) = listeners.first() {
            address.set_port(first.local_addr()?.port());
        }
        match bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if host.address().is_some() || error.kind() == io::ErrorKind::AddrInUse => {
                return Err(error);
            }
            Err(error) => unavailable = error,
        }
    }
    if listeners.is_empty() { Err(unavailable) } else { Ok(listeners) }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
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
