//! `mdl healthcheck`: exit code 0 if the service on HOST:PORT answers as it should.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::app::failure::Failure;
use crate::app::output::say;
use crate::config::Config;

pub(in crate::app) async fn run(config: &Config, ready: bool) -> Result<(), Failure> {
    let path = if ready { "/health/ready" } else { "/health/live" };
    let url = format!(
        "http://{}{path}",
        SocketAddr::new(reachable(config.service.host), config.service.port)
    );
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Failure::new(error.to_string()))?;
    let answer =
        client.get(&url).send().await.map_err(|error| Failure::new(format!("{url}: {error}")))?;
    match answer.status() {
        status if status.is_success() => say("ok"),
        status => Err(Failure::new(format!("{url} answered {status}"))),
    }
}

/// Whoever listens on all addresses is reached on the loopback one.
fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}
