//! Who is at the other end: the peer, or whom a trusted proxy speaks for. Worked out once, for
//! limits, log and audit log.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::ServiceRequest;
use slog::Logger;

use crate::rate_limit::client_ip::TrustedProxies;

const FORWARDED_FOR: &str = "x-forwarded-for";
const OTHERS: [&str; 2] = ["forwarded", "x-real-ip"];

/// The client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Whom to believe.
#[derive(Debug, Default)]
pub struct Forwarding {
    proxies: TrustedProxies,
    warned: AtomicBool,
}

impl Forwarding {
    /// Believes these.
    pub fn new(proxies: TrustedProxies) -> Self {
        Self { proxies, warned: AtomicBool::new(false) }
    }

    /// The client of a request. Warns once when somebody who is not trusted says whom it speaks
    /// for: more likely than an attack is a proxy that `TRUSTED_PROXIES` does not name, and then
    /// all its clients are counted as one.
    pub fn client(&self, request: &ServiceRequest, logger: &Logger) -> ClientAddress {
        let peer =
            request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
        let headers = request.headers();
        let speaks = headers.contains_key(FORWARDED_FOR)
            || OTHERS.iter().any(|name| headers.contains_key(*name));
        if self.proxies.presumes(peer, speaks) && !self.warned.swap(true, Ordering::Relaxed) {
            slog::warn!(logger, "forwarded headers from a peer that TRUSTED_PROXIES does not name are ignored";
                "peer" => peer.to_string());
        }
        // A value that is not text ends the chain: nobody knows what stands there.
        let values: Vec<&str> =
            headers.get_all(FORWARDED_FOR).map(|value| value.to_str().unwrap_or("?")).collect();
        ClientAddress(self.proxies.client(peer, values.into_iter()))
    }
}
