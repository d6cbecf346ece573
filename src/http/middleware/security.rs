//! The headers that tell browsers what an answer is not: no page to frame, no script to sniff, nothing to keep.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_DNS_PREFETCH_CONTROL, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use actix_web::http::{Method, StatusCode};

/// Data has no use for anything that a browser could do with it.
const DATA_CSP: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Pages use what this service itself serves; nothing inline but one style that Swagger UI's script adds, by its hash.
const PAGE_CSP: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; object-src 'none'; frame-src 'none'; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'none'";
const PERMISSIONS: &str = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), \
    payment=(), usb=()";
const PAGES: &str = "/api-docs";
const CATALOGUE: [&str; 2] = ["/api/v1/metrics", "/api/v1/domains"];

/// Which of the headers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityHeaders {
    /// Any.
    pub enabled: bool,
    /// `Content-Security-Policy`.
    pub csp: bool,
    /// `Strict-Transport-Security`.
    pub hsts: bool,
}

impl SecurityHeaders {
    /// Adds them to the answer to a request for this path.
    pub fn write(self, headers: &mut HeaderMap, path: &str) {
        if !self.enabled {
            return;
        }
        let csp = if path.starts_with(PAGES) { PAGE_CSP } else { DATA_CSP };
        for (sent, name, value) in [
            (self.csp, CONTENT_SECURITY_POLICY, csp),
            (self.hsts, STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains; preload"),
            (true, X_FRAME_OPTIONS, "DENY"),
            (true, X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (true, X_XSS_PROTECTION, "1; mode=block"),
            (true, REFERRER_POLICY, "strict-origin-when-cross-origin"),
            (true, X_DNS_PREFETCH_CONTROL, "off"),
            (true, HeaderName::from_static("permissions-policy"), PERMISSIONS),
            (true, HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (true, HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ] {
            if sent {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }
}

/// Whether an answer may be kept: what the catalogue answers to a reader, by that reader, after asking whether it still holds
/// (RFC 9111); of all else under `/api/` and of everything that went wrong, nothing.
pub fn keep(headers: &mut HeaderMap, method: &Method, path: &str, status: StatusCode) {
    if headers.contains_key(CACHE_CONTROL) {
        return;
    }
    let good = status.is_success() || status == StatusCode::NOT_MODIFIED;
    let read = matches!(*method, Method::GET | Method::HEAD) && good;
    let value = if read && CATALOGUE.iter().any(|part| path.starts_with(part)) {
        "private, no-cache"
    } else if path.starts_with("/api/") || path.starts_with("/health") || !(good || status.is_redirection()) {
        "no-store"
    } else {
        return;
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_kept() {
        for (method, path, status, value) in [
            (Method::GET, "/api/v1/metrics/m", 200, Some("private, no-cache")),
            (Method::HEAD, "/api/v1/domains", 304, Some("private, no-cache")),
            (Method::PUT, "/api/v1/metrics/m", 200, Some("no-store")),
            (Method::GET, "/api/v1/metrics/m", 404, Some("no-store")),
            (Method::GET, "/api/auth/me", 200, Some("no-store")),
            (Method::GET, "/health/circuit-breakers", 200, Some("no-store")),
            (Method::GET, "/nowhere", 404, Some("no-store")),
            (Method::GET, "/api-docs/swagger-ui.css", 200, None),
        ] {
            let (mut headers, status) = (HeaderMap::new(), StatusCode::from_u16(status).unwrap());
            keep(&mut headers, &method, path, status);
            assert_eq!(
                headers.get(CACHE_CONTROL).map(|value| value.to_str().unwrap()),
                value,
                "{method} {path} {status}"
            );
        }
    }
}
