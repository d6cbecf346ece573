//! Tests of `http::connections::open`.

use super::*;

fn connections(total: usize, per_address: usize) -> Arc<Connections> {
    let instruments = ConnectionInstruments::new(&prometheus::Registry::new()).unwrap();
    let exempt = TrustedProxies::parse("10.0.0.0/8").unwrap();
    let limits = ConnectionLimits { total, per_address, exempt };
    Connections::new(limits, instruments, Logger::root(slog::Discard, slog::o!()))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn limit_per_client_does_not_apply_to_trusted_proxies() {
    let connections = connections(8, 2);
    let admit = |text| connections.admit(ip(text));
    let held =
        [admit("192.0.2.1"), admit("::ffff:192.0.2.1"), admit("2001:db8::1"), admit("2001:db8::2")];
    assert!(held.iter().all(Option::is_some));
    assert!(admit("192.0.2.1").is_none() && admit("2001:db8::3").is_none());
    let proxied =
        [admit("10.0.0.1"), admit("10.0.0.1"), admit("::ffff:10.0.0.1"), admit("10.0.0.1")];
    assert!(proxied.iter().all(Option::is_some));
    assert!(admit("10.0.0.1").is_none(), "the total limit applies to proxies too");
    drop(held);
    assert!(admit("192.0.2.1").is_some());
}

#[test]
fn closed_connections_free_their_slots() {
    let connections = connections(100, 100);
    for last in 0..100_u8 {
        drop(connections.admit(IpAddr::from([192, 0, 2, last])));
    }
    let open = connections.lock();
    assert!(open.total == 0 && open.by_client.is_empty());
}

#[test]
fn first_refusal_is_reported_at_once_and_later_ones_together() {
    let (mut refusals, now) = (ConnectionRefusals::default(), Instant::now());
    assert_eq!(refusals.take_due(now), None);
    refusals.count(RefusalReason::Total);
    assert_eq!(refusals.take_due(now), Some((1, 0)));
    for _ in 0..5 {
        refusals.count(RefusalReason::Address);
        assert_eq!(refusals.take_due(now + Duration::from_secs(9)), None);
    }
    assert_eq!(refusals.take_due(now + LOG_INTERVAL), Some((0, 5)));
    assert_eq!(refusals.take_due(now + LOG_INTERVAL * 2), None);
}
