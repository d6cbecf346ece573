//! Whom a request is counted against: the peer, or, behind trusted proxies, whom they say.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Proxies that may say whom they speak for.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads a list of addresses and networks.
    ///
    /// # Errors
    /// The entry that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let network = |entry: &str| {
            entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from)).map_err(|_| entry.to_owned())
        };
        entries.map(network).collect::<Result<_, _>>().map(Self)
    }

    /// Whether this is the address of a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request: the peer, or, if that is trusted, the last one in `X-Forwarded-For` that is not. What a
    /// client writes itself comes before what the proxies append, and is never reached. `forwarded` are the values of the
    /// header in their order.
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut hops = forwarded.rev().flat_map(|value| value.rsplit(','));
        while self.trusts(client) {
            match hops.next().and_then(address) {
                Some(hop) => client = hop,
                // The first proxy of all, or one that does not know better.
                None => break,
            }
        }
        client
    }

    /// Whether a peer says whom it speaks for, although nobody trusts it.
    pub fn presumes(&self, peer: IpAddr, speaks_for_others: bool) -> bool {
        speaks_for_others && !self.trusts(peer.to_canonical())
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

/// What counts as one client: an IPv4 address, or an IPv6 /64, which is the least that a customer gets (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX))),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl std::fmt::Display for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(formatter, "{address}"),
            IpAddr::V6(address) => write!(formatter, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn from_the_right_and_only_from_the_trusted() {
        let proxies = TrustedProxies::parse("10.0.0.0/8, 192.0.2.7,2001:db8::/32").unwrap();
        for (peer, forwarded, client) in [
            ("203.0.113.9", vec!["1.1.1.1"], "203.0.113.9"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["1.1.1.1"], "1.1.1.1"),
            ("::ffff:10.0.0.1", vec!["::ffff:1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", vec!["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", vec!["6.6.6.6", "1.1.1.1, 10.9.9.9"], "1.1.1.1"),
            ("10.0.0.1", vec!["1.1.1.1:4711"], "1.1.1.1"),
            ("10.0.0.1", vec!["[2001:470::1]:80"], "2001:470::1"),
            ("10.0.0.1", vec!["1.1.1.1, nonsense"], "10.0.0.1"),
            ("10.0.0.1", vec!["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ] {
            assert_eq!(proxies.client(ip(peer), forwarded.clone().into_iter()), ip(client), "{peer} {forwarded:?}");
        }
        assert!(proxies.presumes(ip("203.0.113.9"), true) && !proxies.presumes(ip("10.1.1.1"), true));
        assert_eq!(TrustedProxies::parse("10.0.0.0/8, x/y").unwrap_err(), "x/y");
    }

    #[test]
    fn one_slash_64_is_one_client_and_two_ipv4_are_two() {
        let client = |text| Client::from(ip(text));
        assert_eq!(client("2001:db8:1:2::3"), client("2001:db8:1:2:ffff::4"));
        assert_ne!(client("2001:db8:1:2::3"), client("2001:db8:1:3::3"));
        assert_ne!(client("::ffff:192.0.2.1"), client("::ffff:192.0.2.2"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_eq!(client("2001:db8:1:2::3").to_string(), "2001:db8:1:2::/64");
    }

    proptest! {
        /// Whatever an untrusted client writes into the header, it is counted as itself; and nothing makes it panic.
        #[test]
        fn what_a_client_writes_changes_nothing(written in "[\\PC,]{0,200}", appended in any::<u32>()) {
            let proxies = TrustedProxies::parse("10.0.0.0/8").unwrap();
            let honest = IpAddr::from(std::net::Ipv4Addr::from(appended | 0x4000_0000));
            let (last, peer) = (honest.to_string(), ip("10.0.0.1"));
            prop_assert_eq!(proxies.client(peer, [written.as_str(), last.as_str()].into_iter()), honest);
            let joined = format!("{written}, {last}");
            prop_assert_eq!(proxies.client(peer, [joined.as_str()].into_iter()), honest);
            prop_assert_eq!(proxies.client(honest, [written.as_str()].into_iter()), honest);
        }
    }
}
