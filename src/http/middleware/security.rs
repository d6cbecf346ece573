//! Security headers and `Cache-Control`, which every response carries.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_DNS_PREFETCH_CONTROL, X_FRAME_OPTIONS,
    X_XSS_PROTECTION,
};
use actix_web::http::{Method, StatusCode};

use crate::http::request::class::RequestKind;
use crate::http::request::script_nonce::ScriptNonce;

/// Responses with data need no rights in a browser.
const DATA_CSP: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Pages load files of this service only, and nothing inline but one style, by its hash, that the
/// script of Swagger UI adds.
const PAGE_CSP: &str = "default-src 'self'; script-src 'self'; style-src 'self' \
    'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; object-src 'none'; frame-src 'none'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const PERMISSIONS: &str = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), \
    magnetometer=(), microphone=(), payment=(), usb=()";

/// Which security headers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityHeaders {
    pub enabled: bool,
    pub csp: bool,
    pub hsts: bool,
}

impl SecurityHeaders {
    /// Adds the headers to the response to a request of this kind.
    pub fn insert_into(self, headers: &mut HeaderMap, kind: RequestKind) {
        if !self.enabled {
            return;
        }
        let csp = if kind == RequestKind::Page { PAGE_CSP } else { DATA_CSP };
        for (sent, name, value) in [
            (self.csp, CONTENT_SECURITY_POLICY, csp),
            (self.hsts, STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains; preload"),
            (true, X_FRAME_OPTIONS, "DENY"),
            (true, X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (true, X_XSS_PROTECTION, "1; mode=block"),
            (true, REFERRER_POLICY, "strict-origin-when-cross-origin"),
            (true, X_DNS_PREFETCH_CONTROL, "off"),
            (true, HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
            (true, HeaderName::from_static("x-download-options"), "noopen"),
            (true, HeaderName::from_static("origin-agent-cluster"), "?1"),
            (true, HeaderName::from_static("permissions-policy"), PERMISSIONS),
            (true, HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (true, HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ] {
            if sent {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }

    /// Replaces the policies by those of a page for people, whose scripts have this nonce. No path
    /// or query is sent as a referrer, not even to this service and the proxies before it: the page
    /// that a mail links to has a token in its query. The origin is sent, because `no-referrer`
    /// would also make the `Origin` of forms `null`.
    pub fn insert_policy_of_page(self, headers: &mut HeaderMap, nonce: Option<&ScriptNonce>) {
        if !self.enabled {
            return;
        }
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
        if !self.csp {
            return;
        }
        if let Ok(policy) = HeaderValue::try_from(policy_of_page(nonce)) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
    }
}

/// The policy of a page for people: its own files and forms, scripts only by the nonce of this
/// response, and markup from scripts only by the policy of htmx, which asks for the nonce, too.
fn policy_of_page(nonce: Option<&ScriptNonce>) -> String {
    let scripts = nonce.map(|nonce| format!("'nonce-{}'", nonce.as_str()));
    format!(
        "default-src 'none'; script-src {}; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types htmx",
        scripts.as_deref().unwrap_or("'none'")
    )
}

/// Sets `Cache-Control` (RFC 9111) unless the handler has set it. Reads of the catalogue may be
/// stored by their client and must be revalidated; pages and the exposition have no directive;
/// everything else, and every error, must not be stored.
pub fn set_cache_control(
    headers: &mut HeaderMap,
    method: &Method,
    kind: RequestKind,
    status: StatusCode,
) {
    if headers.contains_key(CACHE_CONTROL) {
        return;
    }
    let good = status.is_success() || status == StatusCode::NOT_MODIFIED;
    let read = matches!(*method, Method::GET | Method::HEAD) && good;
    let value = match kind {
        RequestKind::Catalogue if read => "private, no-cache",
        RequestKind::Page | RequestKind::Exposition if good || status.is_redirection() => return,
        _ => "no-store",
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests;
