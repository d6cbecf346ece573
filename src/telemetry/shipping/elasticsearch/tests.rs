//! Tests of `telemetry::shipping::elasticsearch`.

use super::*;

#[test]
fn each_item_has_its_own_result() {
    let answer = br#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409}},
        {"create":{"status":429}},{"create":{"status":503}},
        {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}}]}"#;
    let Delivery::PerEvent(results) = read_results(answer) else { panic!("one result each") };
    assert!(matches!(
        &results[..],
        [
            EventDelivery::Shipped,
            EventDelivery::Shipped,
            EventDelivery::Retry(_),
            EventDelivery::Retry(_),
            EventDelivery::Rejected(cause),
        ] if cause.contains("mapper")
    ));
    assert!(matches!(read_results(b"<html>"), Delivery::Retry(..)));
}
