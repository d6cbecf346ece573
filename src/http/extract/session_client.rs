//! The client that a session is issued to, as the list of sessions shows it to its user.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, USER_AGENT};
use actix_web::{FromRequest, HttpRequest};

use crate::http::error::ApiError;
use crate::http::request::context::RequestContext;
use crate::storage::sessions::SessionClient;

/// Stored length of `User-Agent`, in characters.
const MAX_USER_AGENT: usize = 200;

/// Reads the `User-Agent` without control characters, because it is shown to people; none if
/// nothing is left.
fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes()).into_owned();
    let shown: String = text.chars().filter(|c| !c.is_control()).collect();
    let shown: String = shown.trim().chars().take(MAX_USER_AGENT).collect();
    (!shown.is_empty()).then_some(shown)
}

impl FromRequest for SessionClient {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let address = RequestContext::client(request).map(|client| client.0.to_string());
        ready(Ok(Self { address, user_agent: user_agent(request.headers()) }))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn user_agents_are_bounded_and_free_of_control_characters() {
        let read = |bytes: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(USER_AGENT, HeaderValue::from_bytes(bytes).unwrap());
            user_agent(&headers)
        };
        assert_eq!(read(b"curl/8.5"), Some("curl/8.5".into()));
        assert_eq!(read(b"a\tb \xc2\x85c"), Some("ab c".into()));
        assert_eq!(read(b"\xff"), Some("\u{fffd}".into()));
        assert_eq!(read(b" \t "), None);
        assert_eq!(read("\u{e9}".repeat(300).as_bytes()).unwrap().chars().count(), 200);
        assert_eq!(user_agent(&HeaderMap::new()), None);
    }
}
