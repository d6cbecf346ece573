//! The headers that tell browsers what an answer is not: no page to frame, no script to sniff,
//! nothing to keep.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_DNS_PREFETCH_CONTROL, X_FRAME_OPTIONS,
    X_XSS_PROTECTION,
};
use actix_web::http::{Method, StatusCode};

use crate::http::request::class::Kind;

/// Data has no use for anything that a browser could do with it.
const DATA_CSP: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Pages use what this service itself serves; nothing inline but one style that Swagger UI's script
/// adds, by its hash.
const PAGE_CSP: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; object-src 'none'; frame-src 'none'; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'none'";
const PERMISSIONS: &str = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), \
    payment=(), usb=()";

/// Which of the headers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityHeaders {
    pub enabled: bool,
    pub csp: bool,
    pub hsts: bool,
}

impl SecurityHeaders {
    /// Adds them to the answer to a request of this kind.
    pub fn write(self, headers: &mut HeaderMap, kind: Kind) {
        if !self.enabled {
            return;
        }
        let csp = if kind == Kind::Page { PAGE_CSP } else { DATA_CSP };
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

/// Whether an answer may be kept: what the catalogue answers to a reader, by that reader, after
/// asking whether it still holds (RFC 9111); pages say nothing about it; everything else and
/// everything that went wrong must not be stored.
pub fn keep(headers: &mut HeaderMap, method: &Method, kind: Kind, status: StatusCode) {
    if headers.contains_key(CACHE_CONTROL) {
        return;
    }
    let good = status.is_success() || status == StatusCode::NOT_MODIFIED;
    let read = matches!(*method, Method::GET | Method::HEAD) && good;
    let value = match kind {
        Kind::Catalogue if read => "private, no-cache",
        Kind::Page | Kind::Exposition if good || status.is_redirection() => return,
        _ => "no-store",
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests;
