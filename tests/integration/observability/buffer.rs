//! The buffer of a sink: for any sequence of events, batches and results, every event is counted,
//! and the order and size of batches hold.

use chrono::{DateTime, TimeDelta, Utc};
use mdl::telemetry::shipping::buffer::{BatchLimits, Buffer, BufferedEvent, Capacity};
use mdl::telemetry::sinks::{SinkCounter, SinkCounts};
use proptest::prelude::*;
use serde_json::Value;
use slog::Level;
use uuid::Uuid;

use crate::observability::logger::assert_balanced;

const CAPACITY: Capacity = Capacity { events: 12, bytes: 600 };
const LIMITS: BatchLimits =
    BatchLimits { events: 5, bytes: 300, overhead: 26, span: TimeDelta::hours(24) };

#[derive(Clone, Debug)]
enum Step {
    Log(Level, usize, i64),
    Take,
    Ship(usize),
    Reject(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => ((1_usize..7), (10_usize..120), (-5_000_i64..90_000)).prop_map(
            |(level, size, seconds)| Step::Log(Level::from_usize(level).unwrap(), size, seconds)),
        1 => Just(Step::Take),
        2 => any::<usize>().prop_map(Step::Ship),
        1 => any::<usize>().prop_map(Step::Reject),
    ]
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_event_is_counted(history in prop::collection::vec(step(), 0..120)) {
        let buffer = Buffer::new(CAPACITY, LIMITS, Uuid::nil());
        let (mut now, mut logged) = (start(), 0_u64);
        let (mut in_flight, mut taken) = (Vec::<BufferedEvent>::new(), Vec::<BufferedEvent>::new());
        for step in history {
            match step {
                Step::Log(level, size, seconds) => {
                    now += TimeDelta::seconds(seconds);
                    buffer.push(level, now, "x".repeat(size).into());
                    logged += 1;
                }
                Step::Take if in_flight.is_empty() => {
                    let batch = buffer.take(now);
                    prop_assert!(batch.len() <= LIMITS.events);
                    if let (Some(first), Some(last)) = (batch.first(), batch.last()) {
                        prop_assert!(last.at - first.at < LIMITS.span);
                        prop_assert!(batch.is_sorted_by_key(|event| event.at));
                    }
                    let sizes = batch.iter().map(|event| event.line.len() + LIMITS.overhead);
                    let size: usize = sizes.sum();
                    prop_assert!(size <= LIMITS.bytes || batch.len() == 1);
                    taken.extend(batch.iter().cloned());
                    in_flight = batch;
                }
                Step::Ship(which) if !in_flight.is_empty() => {
                    buffer.count_shipped(&in_flight.remove(which % in_flight.len()));
                }
                Step::Reject(which) if !in_flight.is_empty() => {
                    buffer.count_rejected(&in_flight.remove(which % in_flight.len()));
                }
                Step::Take | Step::Ship(_) | Step::Reject(_) => {}
            }
            assert_balanced(buffer.counts());
            // Only markers may exceed the capacity: one queued and one in flight.
            prop_assert!(buffer.bytes() <= CAPACITY.bytes + 2 * 400, "{}", buffer.bytes());
        }
        for event in &in_flight {
            buffer.count_shipped(event);
        }
        loop {
            let batch = buffer.take(now);
            if batch.is_empty() {
                break;
            }
            for event in &batch {
                buffer.count_shipped(event);
            }
            taken.extend(batch);
        }
        let counts = buffer.counts();
        assert_balanced(counts);
        prop_assert_eq!(counts.buffered, 0);
        // The order is kept, and markers report every gap.
        prop_assert!(taken.is_sorted_by(|a, b| a.sequence < b.sequence));
        let markers: Vec<Value> =
            taken.iter().filter_map(|event| serde_json::from_str(&event.line).ok()).collect();
        let reported: u64 = markers.iter().map(|marker| marker["dropped"].as_u64().unwrap()).sum();
        prop_assert_eq!(reported, counts.dropped);
        prop_assert_eq!(counts.enqueued, logged + markers.len() as u64);
        prop_assert_eq!(taken.len() as u64, counts.enqueued - counts.dropped);
    }
}

#[test]
fn full_buffer_drops_least_severe_and_oldest_first() {
    let small = Capacity { events: 4, bytes: 10_000 };
    let buffer = Buffer::new(small, BatchLimits { bytes: 1000, ..LIMITS }, Uuid::nil());
    let log = |level, text: &str| buffer.push(level, start(), text.into());
    log(Level::Info, "old info");
    log(Level::Error, "error");
    log(Level::Info, "info");
    log(Level::Debug, "debug");
    log(Level::Warning, "warning");
    log(Level::Critical, "critical");
    log(Level::Debug, "late debug");
    let batch = buffer.take(start());
    let lines: Vec<&str> = batch.iter().map(|event| &*event.line).collect();
    assert_eq!(lines[..4], ["error", "info", "warning", "critical"]);
    let marker: Value = serde_json::from_str(lines[4]).unwrap();
    assert_eq!(marker["message"], "log events dropped");
    assert_eq!(
        (&marker["dropped"], &marker["levels"]),
        (&3.into(), &serde_json::json!({"debug": 2, "info": 1}))
    );
    assert_eq!((&marker["first"], &marker["last"]), (&1.into(), &7.into()));
    assert_eq!(
        buffer.counts(),
        SinkCounts { enqueued: 8, dropped: 3, buffered: 5, ..SinkCounts::default() }
    );
    assert_eq!(buffer.close(), 5);
    log(Level::Critical, "too late");
    assert_eq!(buffer.counts(), SinkCounts { enqueued: 9, dropped: 9, ..SinkCounts::default() });
    assert_balanced(buffer.counts());
}
