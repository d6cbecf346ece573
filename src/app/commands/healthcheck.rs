//! `mdl healthcheck`: exits with 0 if the service on HOST:PORT is alive, or ready with `--ready`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::app::command_error::CommandError;
use crate::app::output::print_line;
use crate::config::Config;

/// Requests the health endpoint of the configured address.
pub(in crate::app) async fn run(config: &Config, ready: bool) -> Result<(), CommandError> {
    let path = if ready { "/health/ready" } else { "/health/live" };
    let url = format!(
        "http://{}{path}",
        SocketAddr::new(reachable_address(config.service.host), config.service.port)
    );
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(CommandError::failed)?;
    let response = client
        .get(&url)
        .send()
        .await
        .map_err(|error| CommandError::failed(format!("{url}: {error}")))?;
    match response.status() {
        status if status.is_success() => print_line("ok"),
        status => Err(CommandError::failed(format!("{url} responded with {status}"))),
    }
}

/// A service that listens on all addresses is reached on the loopback address.
fn reachable_address(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}
