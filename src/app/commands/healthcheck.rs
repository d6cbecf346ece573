//! `mdl healthcheck`: exits with 0 if the service on HOST:PORT is alive, or ready with `--ready`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::app::command_error::CommandError;
use crate::app::output::print_line;
use crate::config::Config;

/// Requests the health endpoint of the configured address.
pub(in crate::app) async fn run(config: &Config, ready: bool) -> Result<(), CommandError> {
    let path = if ready { "/health/ready" } else { "/health/live" };
    let (host, port) = (&config.service.host, config.service.port);
    let resolved = host.resolve(port).map_err(|error| {
        CommandError::failed(format!("HOST: {}: {error}", host.with_port(port)))
    })?;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(CommandError::failed)?;
    let mut failure = CommandError::failed("HOST has no address");
    for address in resolved {
        let url = format!("http://{}{path}", reachable(address));
        match client.get(&url).send().await {
            Ok(response) if response.status().is_success() => return print_line("ok"),
            Ok(response) => {
                let status = response.status();
                return Err(CommandError::failed(format!("{url} responded with {status}")));
            }
            // The service may listen on only some addresses of a name.
            Err(error) => failure = CommandError::failed(format!("{url}: {error}")),
        }
    }
    Err(failure)
}

/// A service that listens on all addresses is reached on the loopback address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            address.set_ip(Ipv6Addr::LOCALHOST.into());
        }
        _ => {}
    }
    address
}
