//! Tests of `http::middleware::bodies`.

use super::*;

#[test]
fn what_arrives_buys_time() {
    assert_eq!(allowance(0), GRACE);
    assert_eq!(allowance(MIN_BYTES_PER_SECOND / 2), GRACE + Duration::from_millis(500));
    assert_eq!(allowance(8 * 1024 * 1024), GRACE + Duration::from_secs(128));
}
