//! Tests of `telemetry::shipping::elasticsearch`.

use super::*;

#[test]
fn each_item_has_its_own_fate() {
    let answer = br#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409}},
        {"create":{"status":429}},{"create":{"status":503}},
        {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}}]}"#;
    let Verdict::Each(fates) = read(answer) else { panic!("a verdict on each") };
    assert!(matches!(
        &fates[..],
        [Fate::Shipped, Fate::Shipped, Fate::Again(_), Fate::Again(_), Fate::Rejected(why)] if why.contains("mapper")
    ));
    assert!(matches!(read(b"<html>"), Verdict::Again(..)));
}
