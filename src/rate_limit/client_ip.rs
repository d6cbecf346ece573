//! The client IP that a request is counted against: the peer's address or, behind trusted proxies,
//! the one they report in `X-Forwarded-For`. `http::request::client_ip` applies it to requests.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use thiserror::Error;

/// The proxies whose forwarded headers are trusted.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// An entry of a list is neither an IP address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0} is neither an IP address nor a network")]
pub struct InvalidNetwork(String);

impl TrustedProxies {
    /// Parses a comma-separated list of addresses and networks.
    ///
    /// # Errors
    /// The first invalid entry.
    pub fn parse(text: &str) -> Result<Self, InvalidNetwork> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let network = |entry: &str| {
            entry
                .parse::<IpNet>()
                .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| InvalidNetwork(entry.to_owned()))
        };
        entries.map(network).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address is that of a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the client IP of a request: the peer or, if that is trusted, the last address in
    /// `X-Forwarded-For` that is not. Addresses that the client writes itself come before those
    /// that proxies append, and are never reached. `forwarded` has the values of the header in
    /// their order.
    pub fn client_ip<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut hops = forwarded.rev().flat_map(|value| value.rsplit(','));
        while self.trusts(client) {
            match hops.next().and_then(parse_address) {
                Some(hop) => client = hop,
                // The outermost proxy, or one that does not report a valid address.
                None => break,
            }
        }
        client
    }

    /// Whether a peer sends forwarded headers without being a trusted proxy.
    pub fn is_untrusted_forwarder(&self, peer: IpAddr, sends_forwarded: bool) -> bool {
        sends_forwarded && !self.trusts(peer.to_canonical())
    }
}

/// Parses `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed =
        bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

/// The addresses that count as one client: an IPv4 address, or an IPv6 /64, which is the smallest
/// network that a customer gets (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientPrefix(IpAddr);

impl From<IpAddr> for ClientPrefix {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl std::fmt::Display for ClientPrefix {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(formatter, "{address}"),
            IpAddr::V6(address) => write!(formatter, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests;
