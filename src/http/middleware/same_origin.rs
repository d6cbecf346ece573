//! Refuses forms that another site sends with a person's cookie. Browsers say where a request comes
//! from: `Sec-Fetch-Site` (Fetch Metadata) over TLS and on the own machine, and `Origin` (RFC 6454)
//! with every form. A request with neither comes from no browser, and so not from a page of another
//! site. Beside this, the cookie itself is `SameSite=Strict`.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HOST, HeaderMap, ORIGIN};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};

use crate::http::error::ApiError;
use crate::http::request::class::RequestClass;

const FETCH_SITE: &str = "sec-fetch-site";
const FOREIGN: ApiError =
    ApiError::Authorization("The form was sent from another site; open the page here and send it");

/// Answers 403 to an unsafe request (RFC 9110, 9.2.1) for a page that comes from another site.
pub async fn refuse_foreign<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_form = RequestClass::from_request(&request).is_for_people && !request.method().is_safe();
    if !is_form || is_own(request.headers()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    // A response, not an error, so that the rate limits and the access log outside see it.
    let response = HttpResponse::from_error(FOREIGN);
    Ok(ServiceResponse::new(request.into_parts().0, response))
}

/// Whether a request begins at a page of this service, or at no page at all.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().map(str::to_owned);
    if let Some(site) = headers.get(FETCH_SITE) {
        return matches!(text(site).as_deref(), Ok("same-origin" | "none"));
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).map(text);
    let (Ok(origin), Some(Ok(host))) = (text(origin), host) else { return false };
    // The scheme is not compared: a proxy may have ended TLS.
    origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(&host))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn origin_counts_where_the_browser_does_not_say_the_site() {
        for (fields, expected) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "")], false),
            (&[("origin", "http://mdl.example.com")], true),
            (&[("origin", "https://MDL.example.com")], true),
            (&[("origin", "https://mdl.example.com.evil.com")], false),
            (&[("origin", "https://mdl.example.com:8443")], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://mdl.example.com"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "https://proxied"), ("sec-fetch-site", "same-origin")], true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("mdl.example.com"));
            for (name, value) in fields {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(is_own(&headers), expected, "{fields:?}");
        }
    }
}
