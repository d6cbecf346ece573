//! The client IP of a request: the peer's, or the one that a trusted proxy forwards. It is found
//! once, in the access log middleware, for rate limits, access log and audit log. How the chain of
//! proxies is read is in `rate_limit::client_ip`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::ServiceRequest;
use slog::Logger;

use crate::rate_limit::client_ip::TrustedProxies;

const FORWARDED_FOR: &str = "x-forwarded-for";
const OTHERS: [&str; 2] = ["forwarded", "x-real-ip"];

/// The IP address of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Finds the client IP behind trusted proxies.
#[derive(Debug, Default)]
pub struct Forwarding {
    proxies: TrustedProxies,
    warned: AtomicBool,
}

impl Forwarding {
    /// Trusts the forwarded headers of these proxies.
    pub fn new(proxies: TrustedProxies) -> Self {
        Self { proxies, warned: AtomicBool::new(false) }
    }

    /// Returns the client IP of a request. Warns once about forwarded headers of an untrusted peer:
    /// more likely than an attack is a proxy that `TRUSTED_PROXIES` does not name, and then all its
    /// clients share one rate limit.
    pub fn client_address(&self, request: &ServiceRequest, logger: &Logger) -> ClientAddress {
        let peer =
            request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
        let headers = request.headers();
        let is_forwarded = headers.contains_key(FORWARDED_FOR)
            || OTHERS.iter().any(|name| headers.contains_key(*name));
        if self.proxies.is_untrusted_forwarder(peer, is_forwarded)
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            slog::warn!(logger, "forwarded headers ignored: TRUSTED_PROXIES does not name the peer";
                "peer" => peer.to_string());
        }
        // A value that is not text becomes one that is no address and so ends the chain.
        let values: Vec<&str> =
            headers.get_all(FORWARDED_FOR).map(|value| value.to_str().unwrap_or("?")).collect();
        ClientAddress(self.proxies.client_ip(peer, values.into_iter()))
    }
}
