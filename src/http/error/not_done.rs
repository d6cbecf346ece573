//! What a failed change did not do, for the message of its error. Only errors that are certain to
//! have changed nothing say so; `OutcomeUnknown` is not one of them.

use actix_web::dev::ServiceRequest;

/// What a failed request did not do, by method and route.
const NOT_DONE: [(&str, &str, &str); 27] = [
    ("POST", "/api/v1/metrics", "The metric was not created."),
    ("PUT", "/api/v1/metrics/{id}", "The metric was not changed."),
    ("PATCH", "/api/v1/metrics/{id}", "The metric was not changed."),
    ("DELETE", "/api/v1/metrics/{id}", "The metric was not deleted."),
    ("POST", "/api/v1/domains", "The business domain was not created."),
    ("PUT", "/api/v1/domains/{id}", "The business domain was not changed."),
    ("PATCH", "/api/v1/domains/{id}", "The business domain was not changed."),
    ("DELETE", "/api/v1/domains/{id}", "The business domain was not deleted."),
    ("POST", "/api/v1/import", "Nothing was imported."),
    ("POST", "/api/auth/register", "The account was not created."),
    ("POST", "/api/auth/login", "You were not logged in."),
    ("POST", "/api/auth/refresh", "The session was not refreshed."),
    ("POST", "/api/auth/logout", "You were not logged out."),
    ("POST", "/api/auth/change-password", "The password was not changed."),
    ("POST", "/api/auth/password-reset/request", "The password reset was not requested."),
    ("POST", "/api/auth/password-reset/confirm", "The password was not changed."),
    ("DELETE", "/api/auth/sessions", "No session was ended."),
    ("DELETE", "/api/auth/sessions/{id}", "The session was not ended."),
    ("POST", "/api/auth/users", "The user was not created."),
    ("PUT", "/api/auth/users/{id}", "The user was not changed."),
    ("DELETE", "/api/auth/users/{id}", "The user was not deleted."),
    ("POST", "/api/auth/api-keys", "The API key was not created."),
    ("PATCH", "/api/auth/api-keys/{id}", "The API key was not changed."),
    ("POST", "/api/auth/api-keys/{id}/rotate", "The API key was not rotated."),
    ("DELETE", "/api/auth/api-keys/{id}", "The API key was not revoked."),
    ("DELETE", "/api/auth/api-keys", "No API key was revoked."),
    ("POST", "/health/circuit-breakers/{name}", "The circuit breaker was not changed."),
];
/// For all other changes, and for a repeated request, whose first attempt may have succeeded.
const NOTHING: &str = "Nothing was changed.";

/// Returns what a request that fails does not do; none if its method is safe (RFC 9110, 9.2.1).
pub(in crate::http) fn not_done(request: &ServiceRequest) -> Option<&'static str> {
    if request.method().is_safe() {
        return None;
    }
    let may_be_repeated = request.headers().contains_key("idempotency-key");
    let route = request.match_pattern().filter(|_| !may_be_repeated);
    let words = route.and_then(|route| find(request.method().as_str(), &route));
    Some(words.unwrap_or(NOTHING))
}

fn find(method: &str, route: &str) -> Option<&'static str> {
    let is_route = |row: &&(&str, &str, &str)| row.0 == method && row.1 == route;
    NOT_DONE.iter().find(is_route).map(|(.., words)| *words)
}
