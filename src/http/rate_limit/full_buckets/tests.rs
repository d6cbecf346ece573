//! Tests of `http::rate_limit::full_buckets`.

use super::*;

#[test]
fn full_bucket_refuses_until_it_has_room_or_is_read_again() {
    let buckets = FullBuckets::default();
    let check = |subject, now| buckets.check(subject, now).map_err(|wait| wait.0);
    let insert = |subject: &str, wait| {
        buckets.insert(subject.into(), Wait(wait), 1_000, buckets.releases());
    };
    insert("long", 60_000);
    insert("short", 500);
    assert_eq!(check("other", 1_000), Ok(()));
    assert_eq!(check("long", 2_000), Err(59_000));
    assert_eq!(check("long", 11_000), Ok(()), "the database is asked again");
    assert_eq!((check("short", 1_499), check("short", 1_500)), (Err(1), Ok(())));
    insert("long", 60_000);
    buckets.remove(["long".to_owned()].iter());
    assert_eq!(check("long", 2_000), Ok(()));
}

#[test]
fn bucket_is_not_taken_to_be_full_if_a_hit_was_released_meanwhile() {
    let buckets = FullBuckets::default();
    // Another request was refused by the database before the release, and returns after it.
    let releases = buckets.releases();
    buckets.remove(["auth address 1".to_owned()].iter());
    buckets.insert("auth address 1".into(), Wait(900_000), 1_000, releases);
    assert!(buckets.check("auth address 1", 2_000).is_ok());
    buckets.insert("auth address 1".into(), Wait(900_000), 1_000, buckets.releases());
    assert!(buckets.check("auth address 1", 2_000).is_err());
}
