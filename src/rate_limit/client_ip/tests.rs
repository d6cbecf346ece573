//! Tests of `rate_limit::client_ip`.

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
        assert_eq!(
            proxies.client(ip(peer), forwarded.clone().into_iter()),
            ip(client),
            "{peer} {forwarded:?}"
        );
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
    /// Whatever an untrusted client writes into the header, it is counted as itself; and
    /// nothing makes it panic.
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
