//! Tests of `http::extract::accepted_feed`.

use actix_web::http::header::ACCEPT;
use actix_web::test::TestRequest;

use super::*;
use crate::model::changes::ChangeCursor;

fn format(accept: &str, ids: &[&str]) -> Result<FeedFormat, ApiError> {
    let mut request = TestRequest::default().insert_header((ACCEPT, accept));
    for id in ids {
        request = request.append_header((LAST_EVENT_ID, *id));
    }
    negotiate(&request.to_http_request())
}

#[test]
fn stream_is_sent_to_those_who_name_it() {
    for accept in [EVENT_STREAM, "text/event-stream, */*;q=0.1"] {
        assert_eq!(format(accept, &[]).unwrap(), FeedFormat::Stream(None), "{accept}");
    }
    for accept in ["", "*/*", "text/*", "application/json, text/event-stream;q=0.9"] {
        // The header has no meaning outside of a stream.
        assert_eq!(format(accept, &["?"]).unwrap(), FeedFormat::Json, "{accept}");
    }
}

#[test]
fn last_event_is_one_cursor() {
    let cursor = ChangeCursor { position: 3, time: 4 };
    let expected = FeedFormat::Stream(Some(FeedStart::After(cursor)));
    assert_eq!(format(EVENT_STREAM, &[&cursor.encode()]).unwrap(), expected);
    for bad in [&["3"][..], &[""], &["end", "end"]] {
        let refused = format(EVENT_STREAM, bad).unwrap_err();
        let ApiError::Validation(found) = refused else { panic!("{refused}") };
        assert_eq!(found[0].field, "last-event-id");
    }
}
