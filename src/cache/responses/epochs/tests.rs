//! Tests of `cache::responses::epochs`.

mod property_tests;

use super::*;

/// Which of a metric, another one and a list are fresh that were read at an epoch.
struct Reads<'a> {
    epochs: &'a CatalogueEpochs,
    now: Instant,
}

impl Reads<'_> {
    fn fresh(&self, epoch: CatalogueEpoch) -> [bool; 3] {
        let (a, b) =
            (self.epochs.dependency_on("metrics/a"), self.epochs.dependency_on("metrics/b"));
        [a, b, Dependency::Catalogue].map(|read| self.epochs.is_fresh(epoch, read, self.now))
    }
}

fn event(text: &str) -> CatalogueEvent {
    text.parse().unwrap()
}

/// Epochs that are known to be at 10.
fn at_ten() -> (CatalogueEpochs, Instant) {
    let (epochs, now) = (CatalogueEpochs::default(), Instant::now());
    epochs.apply_polled(10, epochs.current(), now);
    (epochs, now)
}

const ALL: [bool; 3] = [true, true, true];
const NONE: [bool; 3] = [false, false, false];
const ALL_BUT_A: [bool; 3] = [false, true, false];
const ITEMS: [bool; 3] = [true, true, false];

#[test]
fn change_of_one_item_keeps_others_fresh_and_no_list() {
    let (epochs, now) = at_ten();
    let (before, reads) = (epochs.current(), Reads { epochs: &epochs, now });
    assert_eq!(reads.fresh(before), ALL);
    epochs.apply_notified(&event("11 items metrics/a"), now);
    // The epoch alone follows on the other channel, for older versions of the service.
    epochs.apply_notified(&event("11"), now);
    assert_eq!(reads.fresh(before), ALL_BUT_A);
    let after = epochs.current();
    assert_eq!(reads.fresh(after), ALL);
    epochs.apply_notified(&event("12 items"), now);
    assert_eq!((reads.fresh(before), reads.fresh(after)), (ALL_BUT_A, ITEMS));
    epochs.apply_notified(&event("13 all"), now);
    assert_eq!(reads.fresh(after), NONE);
}

#[test]
fn gap_before_a_change_makes_everything_stale() {
    for change in ["12 items metrics/a", "12", "11"] {
        let (epochs, now) = at_ten();
        let before = epochs.current();
        epochs.apply_notified(&event(change), now);
        assert_eq!(Reads { epochs: &epochs, now }.fresh(before), NONE, "{change}");
    }
    let (epochs, now) = at_ten();
    let before = epochs.current();
    epochs.apply_polled(11, before, now);
    assert_eq!(Reads { epochs: &epochs, now }.fresh(before), NONE);
    // The notification arrives late.
    let after = epochs.current();
    epochs.apply_notified(&event("11 items metrics/a"), now);
    assert_eq!(Reads { epochs: &epochs, now }.fresh(after), ALL);
}

#[test]
fn own_change_is_applied_to_its_items_before_or_after_its_notification() {
    let own = event("12 items metrics/a");
    for notified in [&[][..], &["11 items metrics/a"], &["11 items", "12 items metrics/a"]] {
        let (epochs, now) = at_ten();
        let (before, reads) = (epochs.current(), Reads { epochs: &epochs, now });
        for notified in notified {
            epochs.apply_notified(&event(notified), now);
        }
        epochs.apply_committed(10, &own, before, now);
        assert_eq!(reads.fresh(before), ALL_BUT_A, "{notified:?}");
        let after = epochs.current();
        for late in ["11 items metrics/a", "11", "12 items metrics/a", "12"] {
            epochs.apply_notified(&event(late), now);
        }
        assert_eq!((reads.fresh(after), epochs.current()), (ALL, after), "{notified:?}");
    }
    // Another process has made change 11, of which this one does not know yet.
    let (epochs, now) = at_ten();
    let before = epochs.current();
    epochs.apply_committed(11, &own, before, now);
    assert_eq!(Reads { epochs: &epochs, now }.fresh(before), NONE);
}

/// A failover to a server that lacks the last two changes: until it tells its number, its events
/// have numbers that were used before.
#[test]
fn events_of_an_unverified_counter_count_for_everything() {
    let (epochs, now) = at_ten();
    let reads = Reads { epochs: &epochs, now };
    epochs.start_incarnation();
    for change in ["9 items metrics/a", "10 items metrics/b", "11 items metrics/c"] {
        let before = epochs.current();
        epochs.apply_notified(&event(change), now);
        assert_eq!(reads.fresh(before), NONE, "{change}");
    }
    let before = epochs.current();
    epochs.apply_polled(11, before, now);
    assert_eq!(reads.fresh(before), NONE, "it may have been read before a change");
    let verified = epochs.current();
    epochs.apply_notified(&event("12 items metrics/a"), now);
    assert_eq!(reads.fresh(verified), ALL_BUT_A);
}

/// A change that was made between two failovers, and is applied after the second: its number says
/// nothing about the counter of the present server.
#[test]
fn own_change_on_a_former_server_verifies_no_number() {
    let (epochs, now) = at_ten();
    epochs.start_incarnation();
    let before = epochs.current();
    epochs.start_incarnation();
    epochs.apply_committed(8, &event("9 items metrics/a"), before, now);
    let read = epochs.current();
    epochs.apply_notified(&event("9 items metrics/b"), now);
    assert_eq!(Reads { epochs: &epochs, now }.fresh(read), NONE);
}
