//! The headers of deprecated metrics: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), and the link
//! to the successor (RFC 5829). Programs that read a metric find out without looking at its status.

use actix_web::http::header::{HeaderName, LINK};

use crate::storage::metrics::DeprecationNotice;

/// Returns the headers; `list` is the path of the list to which the successor belongs.
pub fn deprecation_headers(notice: &DeprecationNotice, list: &str) -> Vec<(HeaderName, String)> {
    let since = format!("@{}", notice.since.timestamp());
    let mut headers = vec![(HeaderName::from_static("deprecation"), since)];
    if let Some(day) = notice.sunset_on {
        let date = day.format("%a, %d %b %Y 00:00:00 GMT").to_string();
        headers.push((HeaderName::from_static("sunset"), date));
    }
    if let Some(id) = &notice.successor_id {
        headers.push((LINK, format!("<{list}/{id}>; rel=\"successor-version\"")));
    }
    headers
}
