//! Tests of `cache::sessions`.

use super::*;

#[test]
fn whom_it_concerns_is_forgotten_and_what_was_asked_before_is_not_remembered() {
    let callers = Callers::<&str>::default();
    let (eva, max) =
        ((Uuid::from_u128(1), Uuid::from_u128(10)), (Uuid::from_u128(2), Uuid::from_u128(20)));
    let before = callers.epoch();
    callers.remember(eva, "eva", before);
    callers.remember(max, "max", before);
    callers.end(Concern::Sessions(eva.0));
    assert_eq!((callers.recall(eva), callers.recall(max)), (None, Some("max")));
    callers.remember(eva, "eva", before);
    assert_eq!(callers.recall(eva), None);
    callers.remember(eva, "eva", callers.epoch());
    callers.end(Concern::All);
    assert_eq!((callers.recall(eva), callers.recall(max)), (None, None));
}

#[test]
fn what_ends_for_somebody_else_meanwhile_costs_nobody_the_next_outage() {
    let callers = Callers::<&str>::default();
    let (eva, max) =
        ((Uuid::from_u128(1), Uuid::from_u128(10)), (Uuid::from_u128(2), Uuid::from_u128(20)));
    let before = callers.epoch();
    callers.end(Concern::User(max.0));
    callers.end(Concern::Key(Uuid::from_u128(3)));
    callers.remember(eva, "eva", before);
    callers.remember(max, "max", before);
    assert_eq!((callers.recall(eva), callers.recall(max)), (Some("eva"), None));
    // What everybody may be concerned by, and what happened longer ago than is known.
    callers.end(Concern::All);
    callers.remember(eva, "eva", before);
    assert_eq!(callers.recall(eva), None);
    let before = callers.epoch();
    callers.end(Concern::User(eva.0));
    for other in 0..MAX_ENDS {
        callers.end(Concern::User(Uuid::from_u128(1000 + other as u128)));
    }
    callers.remember(eva, "eva", before);
    assert_eq!(callers.recall(eva), None);
}
