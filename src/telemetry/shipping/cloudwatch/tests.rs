//! Tests of `telemetry::shipping::cloudwatch`.

use super::*;
use aws_sdk_cloudwatchlogs::types::RejectedLogEventsInfo;

#[test]
fn a_call_that_went_well_may_have_refused_the_ends() {
    let told = |info: RejectedLogEventsInfo| {
        let output = PutLogEventsOutput::builder().rejected_log_events_info(info).build();
        fates(&output, 5).into_iter().map(|fate| matches!(fate, Fate::Shipped)).collect::<Vec<_>>()
    };
    let info = RejectedLogEventsInfo::builder;
    assert_eq!(fates(&PutLogEventsOutput::builder().build(), 2), [Fate::Shipped, Fate::Shipped]);
    assert_eq!(
        told(info().too_old_log_event_end_index(2).build()),
        [false, false, true, true, true]
    );
    let both = info().expired_log_event_end_index(1).too_new_log_event_start_index(4);
    assert_eq!(told(both.build()), [false, true, true, true, false]);
}
