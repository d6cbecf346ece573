//! The parsers that strangers reach, how a request gets to each, and inputs that it accepts.

/// Where the input is in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Header(&'static str),
    /// `{}` in the path.
    Path,
    /// `{}` after the question mark.
    Query,
    Body,
}

/// One parser.
pub struct Target {
    pub name: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub place: Place,
    /// Sent in any case.
    pub headers: &'static [(&'static str, &'static str)],
    /// Sent unless the input is the body.
    pub body: &'static str,
    /// A page, with the cookie of an administrator; others have a token.
    pub is_page: bool,
    pub samples: &'static [&'static [u8]],
    /// Statuses of the samples as they are.
    pub accepted: &'static [u16],
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const YAML: &[(&str, &str)] = &[("content-type", "application/yaml")];
const PATCH: &[(&str, &str)] = &[("content-type", "application/merge-patch+json")];
const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
const MULTIPART: &[(&str, &str)] = &[("content-type", "multipart/form-data; boundary=-b")];
const STREAM: &[(&str, &str)] = &[("accept", "text/event-stream")];

const TRACE: &[&[u8]] = &[b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"];
const ADDRESSES: &[&[u8]] = &[b"203.0.113.7, [2001:db8::1]:443 , 127.0.0.1:80", b"unknown, ::1"];
const FORWARDED: &[&[u8]] = &[b"for=\"[2001:db8::1]:80\";proto=https, for=192.0.2.1;by=x"];
const TAGS: &[&[u8]] = &[b"\"1.0.0\", W/\"2.0.0-gzip\"", b"*", b"\"a,b\""];
const ACCEPT: &[&[u8]] = &[b"text/html;q=0.3, application/json;q=1.000, */*;q=0.1", b"*/*"];
const ENCODINGS: &[&[u8]] = &[b"gzip;q=0.5, br, zstd;q=0, identity", b"*"];
const COOKIES: &[&[u8]] = &[b"a=b; mdl_session=eyJhbGciOiJIUzI1NiJ9.e30.c2ln; c=\"d\"", b"a"];
const BEARER: &[&[u8]] = &[
    b"Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2ln",
    b"Basic YWRtaW46cGFzc3dvcmQ=",
];
const KEY: &[&[u8]] = &[b"mdl_0123456789012345678901234567890123456789abcdef"];
const IDEMPOTENCY: &[&[u8]] = &[b"0190f3a4-1b2c-7d3e-8f40-5a6b7c8d9e0f"];
const EVENT_ID: &[&[u8]] = &[b"start", b"end"];
const TYPES: &[&[u8]] = &[b"application/json; charset=utf-8", b"application/json;a=\"b;c\""];
const ORIGINS: &[&[u8]] = &[b"https://other.example:8443", b"null"];
const RANGES: &[&[u8]] = &[b"bytes=0-10, -5", b"bytes=5-"];
const DATES: &[&[u8]] = &[b"Sun, 06 Nov 1994 08:49:37 GMT"];
const IDS: &[&[u8]] = &[b"m1", b"%6d1"];
const VERSIONS: &[&[u8]] = &[b"1.0.0"];
const UUIDS: &[&[u8]] = &[b"0190f3a4-1b2c-7d3e-8f40-5a6b7c8d9e0f"];
const LIST: &[&[u8]] = &[
    b"search=net+revenue&tags=a%2Cb&tier=Tier-1&sort=-name&page=1&limit=10",
    b"as_of=2020-01-31T12:00:00%2B01:00&limit=5",
    b"fields=name,definition.formula&status=active",
];
const PAGE_QUERIES: &[&[u8]] = &[b"search=net+revenue&tags=a%2Cb&tier=Tier-1&sort=-name&page=1"];
const AUDIT: &[&[u8]] = &[
    b"action=circuit.controlled,login.failed&since=2026-01-01T00:00:00Z",
    b"actor=a%20b&target=m1&limit=3&page=2",
];
const CHANGES: &[&[u8]] = &[b"since=start&limit=10", b"since=end"];
const DIFFS: &[&[u8]] = &[b"from=1.0.0&to=1.0.1"];
const METRIC: &[&[u8]] = &[br#"{"name": "M", "short_name": "M", "tags": ["a", "b & c"],
    "description": "<b>x</b> &amp; y", "definition": {"formula": "a < b", "formula_detail": "x",
    "numerator": {"event_name": "e", "filters": [{"status": {"in": ["a", 1, null, true]}}]},
    "denominator": {"event_name": "f", "filters": []}, "unit": "%",
    "expected_direction": "increase", "example_calculation": {"a": 1, "b": 1e-7}}}"#];
const PATCHES: &[&[u8]] = &[br#"{"description": "<b>x</b>", "tags": ["a"],
    "definition": {"unit": "EUR"}, "metadata": {"notes": "a"}}"#];
const LOGINS: &[&[u8]] = &[br#"{"username": "nobody", "password": "wrong"}"#];
const REFRESHES: &[&[u8]] = &[br#"{"refresh_token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"}"#];
const KEYS: &[&[u8]] = &[br#"{"name": "k", "scopes": ["metrics:read"], "rate_limit": 5,
    "expires_at": "2099-01-01T00:00:00Z"}"#];
const JSON_IMPORTS: &[&[u8]] = &[br#"{"domains": [{"domain_id": "d1", "name": "Finance"}],
    "metrics": []}"#];
const YAML_IMPORTS: &[&[u8]] = &[
    b"# all\ndomains:\n  - domain_id: d1\n    name: 'Finance'\n    \
        description: >-\n      a\n      b\n",
    b"%YAML 1.2\n---\ndomains: [{domain_id: d2, name: \"Growth\\u0021\"}]\nmetrics: []\n...\n",
];
const SIGN_INS: &[&[u8]] = &[b"username=nobody&password=a+b%20c&next=%2Fdashboard%3Fa%3Db"];
const DOMAINS: &[&[u8]] = &[b"domain_id=d1&name=Finance&description=%3Cb%3Ex&color=red"];
const UPLOADS: &[&[u8]] = &[b"---b\r\nContent-Disposition: form-data; name=\"document\"; \
    filename=\"a.yaml\"\r\nContent-Type: text/plain\r\n\r\ndomains:\n  - domain_id: d1\n    \
    name: Finance\n\r\n---b--\r\n"];

/// A target that reads a header of a GET.
const fn header(
    name: &'static str,
    path: &'static str,
    samples: &'static [&'static [u8]],
    accepted: &'static [u16],
) -> Target {
    Target {
        name,
        method: "GET",
        path,
        place: Place::Header(name),
        headers: &[],
        body: "",
        is_page: false,
        samples,
        accepted,
    }
}

/// A target that reads a part of the target of a GET.
const fn target(
    name: &'static str,
    path: &'static str,
    place: Place,
    samples: &'static [&'static [u8]],
    accepted: &'static [u16],
) -> Target {
    Target { place, ..header(name, path, samples, accepted) }
}

/// A target that reads a body.
const fn body(
    name: &'static str,
    (method, path): (&'static str, &'static str),
    headers: &'static [(&'static str, &'static str)],
    samples: &'static [&'static [u8]],
    accepted: &'static [u16],
) -> Target {
    let place = Place::Body;
    Target { method, headers, ..target(name, path, place, samples, accepted) }
}

/// The same on a page.
const fn page(target: Target) -> Target {
    Target { is_page: true, ..target }
}

const LISTED: &str = "/api/v1/metrics";
const IMPORT: &str = "/api/v1/import?dry_run=true";
const ONE: &str = "/api/v1/metrics/m1";

static TARGETS: &[Target] = &[
    header("authorization", LISTED, BEARER, &[401]),
    header("x-api-key", LISTED, KEY, &[401]),
    page(header("cookie", "/dashboard", COOKIES, &[200, 303])),
    header("accept", "/api/v1/metrics/m1/diff?from=1.0.0&to=1.0.1", ACCEPT, &[200]),
    header("accept-encoding", LISTED, ENCODINGS, &[200]),
    header("if-none-match", ONE, TAGS, &[200, 304]),
    Target {
        method: "PUT",
        headers: JSON,
        body: "{\"name\": \"M\"}",
        ..header("if-match", ONE, TAGS, &[200, 412])
    },
    Target {
        method: "POST",
        headers: JSON,
        body: "{\"domains\": [], \"metrics\": []}",
        ..header("idempotency-key", "/api/v1/import", IDEMPOTENCY, &[200])
    },
    header("traceparent", ONE, TRACE, &[200]),
    header("tracestate", ONE, TRACE, &[200]),
    header("x-request-id", ONE, UUIDS, &[200]),
    header("x-forwarded-for", LISTED, ADDRESSES, &[200]),
    header("x-forwarded-proto", LISTED, ADDRESSES, &[200]),
    header("forwarded", LISTED, FORWARDED, &[200]),
    header("host", LISTED, ORIGINS, &[200, 400]),
    header("range", LISTED, RANGES, &[200]),
    header("if-modified-since", LISTED, DATES, &[200]),
    header("origin", LISTED, ORIGINS, &[200, 400, 403]),
    Target {
        method: "OPTIONS",
        headers: &[("origin", "https://other.example")],
        ..header("access-control-request-method", LISTED, &[b"PUT"], &[200, 204])
    },
    Target { headers: STREAM, ..header("last-event-id", "/api/v1/changes", EVENT_ID, &[200]) },
    Target {
        method: "POST",
        body: "{\"domains\": [], \"metrics\": []}",
        ..header("content-type", "/api/v1/import?dry_run=true", TYPES, &[200])
    },
    Target {
        method: "POST",
        headers: JSON,
        body: "{\"domains\": [], \"metrics\": []}",
        ..header("content-encoding", IMPORT, &[b"identity", b"gzip"], &[200, 415])
    },
    target("id in a path", "/api/v1/metrics/{}", Place::Path, IDS, &[200]),
    target("id in the path of a page", "/dashboard/metrics/{}", Place::Path, IDS, &[200, 303]),
    target("version in a path", "/api/v1/metrics/m1/versions/{}", Place::Path, VERSIONS, &[200]),
    target("uuid in a path", "/api/auth/users/{}", Place::Path, UUIDS, &[404]),
    target("query of a list", "/api/v1/metrics?{}", Place::Query, LIST, &[200]),
    page(target("query of a page", "/dashboard?{}", Place::Query, PAGE_QUERIES, &[200])),
    target("query of the audit log", "/api/v1/audit?{}", Place::Query, AUDIT, &[200]),
    target("query of the changes", "/api/v1/changes?{}", Place::Query, CHANGES, &[200]),
    target("query of a diff", "/api/v1/metrics/m1/diff?{}", Place::Query, DIFFS, &[200]),
    body("json of a metric", ("PUT", ONE), JSON, METRIC, &[200]),
    body("merge patch", ("PATCH", ONE), PATCH, PATCHES, &[200]),
    body("json of a log-in", ("POST", "/api/auth/login"), JSON, LOGINS, &[401]),
    body("json of a refresh", ("POST", "/api/auth/refresh"), JSON, REFRESHES, &[401]),
    body("json of a key", ("POST", "/api/auth/api-keys"), JSON, KEYS, &[201]),
    body("json of an import", ("POST", IMPORT), JSON, JSON_IMPORTS, &[200]),
    body("yaml of an import", ("POST", IMPORT), YAML, YAML_IMPORTS, &[200]),
    page(body("form of a sign-in", ("POST", "/dashboard/sign-in"), FORM, SIGN_INS, &[401, 422])),
    page(body("form of a domain", ("POST", "/dashboard/new-domain"), FORM, DOMAINS, &[409, 422])),
    page(body("upload", ("POST", "/dashboard/import"), MULTIPART, UPLOADS, &[200])),
];

/// Returns all parsers.
pub fn targets() -> &'static [Target] {
    TARGETS
}
