//! Tests of `http::connections::pace`.

use super::*;

#[test]
fn a_head_has_its_time_from_the_opening_and_from_each_response() {
    let opened = Instant::now();
    let at = |seconds| opened + Duration::from_secs(seconds);
    let pace = Rc::new(Pace::new(opened));
    assert_eq!(pace.deadline(), Some(at(10)));
    let request = pace.begin();
    assert_eq!(pace.deadline(), None, "the handler may take its time");
    let pipelined = pace.begin();
    drop(request);
    assert_eq!(pace.deadline(), None);
    drop(pipelined);
    pace.wrote(at(30));
    assert_eq!(pace.deadline(), Some(at(40)));
}

#[test]
fn a_response_that_is_not_read_has_its_time_from_the_last_byte() {
    let opened = Instant::now();
    let at = |seconds| opened + Duration::from_secs(seconds);
    let pace = Rc::new(Pace::new(opened));
    let request = pace.begin();
    pace.blocked(at(5));
    pace.blocked(at(9));
    assert_eq!(pace.deadline(), Some(at(15)));
    pace.wrote(at(14));
    assert_eq!(pace.deadline(), None);
    pace.blocked(at(14));
    // The whole body is in the buffer: the response has not ended as long as bytes are left
    // there.
    drop(request);
    assert_eq!(pace.deadline(), Some(at(24)));
    pace.wrote(at(20));
    assert_eq!(pace.deadline(), Some(at(30)));
}
