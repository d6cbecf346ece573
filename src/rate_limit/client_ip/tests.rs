//! Tests of `rate_limit::client_ip`.

use super::*;
use proptest::prelude::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn forwarded_for_is_read_from_the_right_and_from_trusted_proxies_only() {
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
            proxies.client_ip(ip(peer), forwarded.clone().into_iter()),
            ip(client),
            "{peer} {forwarded:?}"
        );
    }
    assert!(proxies.is_untrusted_forwarder(ip("203.0.113.9"), true));
    assert!(!proxies.is_untrusted_forwarder(ip("10.1.1.1"), true));
    let invalid = TrustedProxies::parse("10.0.0.0/8, x/y").unwrap_err();
    assert_eq!(invalid.to_string(), "x/y is neither an IP address nor a network");
}

#[test]
fn client_is_an_ipv6_64_network_or_an_ipv4_address() {
    let client = |text| ClientPrefix::from(ip(text));
    assert_eq!(client("2001:db8:1:2::3"), client("2001:db8:1:2:ffff::4"));
    assert_ne!(client("2001:db8:1:2::3"), client("2001:db8:1:3::3"));
    assert_ne!(client("::ffff:192.0.2.1"), client("::ffff:192.0.2.2"));
    assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
    assert_eq!(client("2001:db8:1:2::3").to_string(), "2001:db8:1:2::/64");
}

proptest! {
    #[test]
    fn forged_header_never_changes_the_client(
        forged in "[\\PC,]{0,200}",
        appended in any::<u32>(),
    ) {
        let proxies = TrustedProxies::parse("10.0.0.0/8").unwrap();
        let client = IpAddr::from(std::net::Ipv4Addr::from(appended | 0x4000_0000));
        let (last, peer) = (client.to_string(), ip("10.0.0.1"));
        let values = [forged.as_str(), last.as_str()];
        prop_assert_eq!(proxies.client_ip(peer, values.into_iter()), client);
        let joined = format!("{forged}, {last}");
        prop_assert_eq!(proxies.client_ip(peer, [joined.as_str()].into_iter()), client);
        prop_assert_eq!(proxies.client_ip(client, [forged.as_str()].into_iter()), client);
    }
}
