//! Tests of `cache::responses`.

use super::*;

fn answer(body: &str) -> Answer {
    Answer { body: body.to_owned().into(), version: None, headers: Vec::new() }
}

#[test]
fn fresh_while_nothing_changes_and_then_stale() {
    let (memory, now) = (Answers::default(), Instant::now());
    memory.hear(5, now);
    memory.remember("q", answer("a"), memory.epoch(), now);
    assert_eq!(memory.recall("q", now), Recollection::Fresh(answer("a")));
    assert_eq!(memory.recall("other", now), Recollection::Nothing);
    memory.hear(6, now);
    assert_eq!(memory.recall("q", now), Recollection::Stale(answer("a"), Duration::ZERO));
}

#[test]
fn who_has_heard_nothing_trusts_nothing() {
    let (memory, now) = (Answers::default(), Instant::now());
    memory.remember("q", answer("a"), 0, now);
    assert!(matches!(memory.recall("q", now), Recollection::Stale(..)));
    memory.hear(0, now);
    assert!(matches!(memory.recall("q", now + TRUST), Recollection::Fresh(_)));
    let later = now + TRUST + Duration::from_secs(1);
    assert!(matches!(memory.recall("q", later), Recollection::Stale(..)));
    assert_eq!(memory.recall("q", now + MAX_AGE), Recollection::Nothing);
}

#[test]
fn a_read_that_began_earlier_never_fills_over_a_later_one() {
    let (memory, now) = (Answers::default(), Instant::now());
    memory.hear(1, now);
    let slow = memory.epoch();
    memory.hear(2, now);
    memory.remember("q", answer("new"), memory.epoch(), now);
    memory.remember("q", answer("old"), slow, now);
    assert_eq!(memory.recall("q", now), Recollection::Fresh(answer("new")));
}

#[test]
fn it_is_bounded_in_bytes() {
    let (memory, now) = (Answers::default(), Instant::now());
    for number in 0..300 {
        memory.remember(&number.to_string(), answer(&"x".repeat(1024 * 1024)), 0, now);
    }
    memory.entries.run_pending_tasks();
    assert!(memory.entries.weighted_size() <= MAX_BYTES);
}
