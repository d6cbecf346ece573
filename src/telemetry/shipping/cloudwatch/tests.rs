//! Tests of `telemetry::shipping::cloudwatch`.

use super::*;
use aws_sdk_cloudwatchlogs::types::RejectedLogEventsInfo;

#[test]
fn successful_call_may_reject_old_and_new_events() {
    let shipped = |info: RejectedLogEventsInfo| {
        let output = PutLogEventsOutput::builder().rejected_log_events_info(info).build();
        let results = results(&output, 5).into_iter();
        results.map(|result| result == EventDelivery::Shipped).collect::<Vec<_>>()
    };
    let info = RejectedLogEventsInfo::builder;
    let all = results(&PutLogEventsOutput::builder().build(), 2);
    assert_eq!(all, [EventDelivery::Shipped, EventDelivery::Shipped]);
    assert_eq!(
        shipped(info().too_old_log_event_end_index(2).build()),
        [false, false, true, true, true]
    );
    let both = info().expired_log_event_end_index(1).too_new_log_event_start_index(4);
    assert_eq!(shipped(both.build()), [false, true, true, true, false]);
}
