//! Settings of the API listener, its workers and its bounds, and the retention of audit events.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::host::ListenHost;

/// Milliseconds; as long as most load balancers need for two failed checks.
const DEFAULT_SHUTDOWN_DELAY_MS: u32 = 5_000;

/// Listener, workers, bounds, retention.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceConfig {
    /// Address to listen on, or a host name: then all its addresses
    #[arg(long, env, global = true, default_value = "127.0.0.1", value_name = "HOST",
          value_parser = ListenHost::parse)]
    pub host: ListenHost,
    /// Port to listen on; 0 takes a free one
    #[arg(long, env, global = true, default_value_t = 3000, value_name = "PORT")]
    pub port: u16,
    /// Unix socket for `mdl circuits` and `mdl backup`, which work without logging in [default:
    /// `DATA_DIR/admin-PORT.sock`]
    #[arg(long, env, global = true, value_name = "ADMIN_SOCKET")]
    pub admin_socket: Option<PathBuf>,
    /// Worker threads [default: number of cores]
    #[arg(long, env, global = true, value_name = "WORKERS",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
    /// Largest body of POST /api/v1/import, in bytes
    #[arg(long, env, global = true, default_value_t = 8_388_608, value_name = "IMPORT_MAX_BYTES",
        value_parser = clap::value_parser!(u32).range(65_536..=268_435_456))]
    pub import_max_bytes: u32,
    /// Maximum memory of cached responses, in bytes. The largest one that is kept is an eighth of
    /// it; 0 keeps none, so that no read is answered while the database is unavailable
    #[arg(long, env, global = true, default_value_t = 67_108_864, value_name = "CACHE_MAX_BYTES",
        value_parser = clap::value_parser!(u64).range(0..=1_099_511_627_776))]
    pub cache_max_bytes: u64,
    /// Maximum open streams of GET /api/v1/changes, of which one user, or one address without
    /// credentials, has at most 4; further ones are refused with 503
    #[arg(long, env, global = true, default_value_t = 64, value_name = "CHANGE_STREAMS_MAX",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub change_streams_max: u32,
    /// Days after which audit events are purged: 0 (never) or at least 30
    #[arg(long, env, global = true, default_value_t = 365, value_name = "AUDIT_RETENTION_DAYS",
          value_parser = parse_retention)]
    pub audit_retention_days: u32,
    /// Days for which expired and revoked sessions are kept
    #[arg(long, env, global = true, default_value_t = 30, value_name = "SESSION_RETENTION_DAYS",
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub session_retention_days: u32,
    /// Days for which expired and revoked API keys are kept; 0 keeps them for ever
    #[arg(long, env, global = true, default_value_t = 0, value_name = "API_KEY_RETENTION_DAYS",
          value_parser = clap::value_parser!(u32).range(0..=36_500))]
    pub api_key_retention_days: u32,
    /// Milliseconds from SIGTERM, which makes /health/ready answer 503, until no further connection
    /// is accepted: as long as load balancers need to notice [default: 5000; 0 on a terminal]
    #[arg(long, env, global = true, value_name = "SHUTDOWN_DELAY",
          value_parser = clap::value_parser!(u32).range(0..=300_000))]
    pub shutdown_delay: Option<u32>,
    /// Maximum open connections; further ones are closed at once. Lowered to what the limit on open
    /// files allows
    #[arg(long, env, global = true, default_value_t = 4096, value_name = "MAX_CONNECTIONS",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    /// Maximum open connections from one client IP (IPv6: /64); trusted proxies are exempt
    #[arg(long, env, global = true, default_value_t = 512,
          value_name = "MAX_CONNECTIONS_PER_ADDRESS",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections_per_address: u32,
}

impl ServiceConfig {
    /// Time for load balancers to notice that the service stops. A service on a terminal has none
    /// in front of it.
    pub fn shutdown_delay(&self, is_on_terminal: bool) -> Duration {
        let default = if is_on_terminal { 0 } else { DEFAULT_SHUTDOWN_DELAY_MS };
        Duration::from_millis(self.shutdown_delay.unwrap_or(default).into())
    }
}

fn parse_retention(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(days @ (0 | 30..=36_500)) => Ok(days),
        _ => Err("must be 0 or a number of days from 30 to 36500".into()),
    }
}
