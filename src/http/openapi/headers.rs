//! Response headers, with their descriptions.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Header, HeaderBuilder};

type Headers = BTreeMap<String, Header>;

const EVERY: [(&str, Type, &str); 1] =
    [("X-Request-ID", Type::String, "Id of the request: the client's own if it is valid")];
const LIMITED: [(&str, Type, &str); 5] = [
    ("RateLimit-Policy", Type::String, "Limits that count the request: \"name\";q=quota;w=seconds"),
    ("RateLimit", Type::String, "Their state: \"name\";r=requests left;t=seconds until reset"),
    ("RateLimit-Limit", Type::Integer, "Requests per window of the tightest limit"),
    ("RateLimit-Remaining", Type::Integer, "Requests left of the tightest limit"),
    ("RateLimit-Reset", Type::Integer, "Seconds until the tightest limit has hits again"),
];
const RETRY: [(&str, Type, &str); 1] =
    [("Retry-After", Type::Integer, "Seconds after which the request may be sent again")];
const CHALLENGE: [(&str, Type, &str); 1] = [(
    "WWW-Authenticate",
    Type::String,
    "`Bearer`; with error=\"invalid_token\" if a new access token helps",
)];
const VERSION: [(&str, Type, &str); 1] =
    [("ETag", Type::String, "Current version of the item, in double quotes")];
const CACHED: [(&str, Type, &str); 4] = [
    ("Age", Type::Integer, "Age of a stale response in seconds"),
    ("Cache-Control", Type::String, "private, no-cache: may be stored and must be revalidated"),
    ("Warning", Type::String, "110 with a stale response"),
    ("X-Cache", Type::String, "STALE if the database is unavailable; otherwise absent"),
];

/// What an operation is, as far as its headers depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderTraits {
    /// Counted by a rate limit.
    pub(super) limited: bool,
    /// A read of the catalogue.
    pub(super) cached: bool,
}

/// Adds the headers of a response with this status; those that it has keep their description.
pub(super) fn add(headers: &mut Headers, status: &str, traits: HeaderTraits) {
    insert(headers, &EVERY);
    if traits.limited {
        insert(headers, &LIMITED);
    }
    if traits.cached && status == "200" {
        insert(headers, &CACHED);
    }
    match status {
        "401" => insert(headers, &CHALLENGE),
        "304" | "412" => insert(headers, &VERSION),
        "429" | "503" => insert(headers, &RETRY),
        _ => {}
    }
}

fn insert(headers: &mut Headers, added: &[(&str, Type, &str)]) {
    for (name, kind, description) in added {
        headers.entry((*name).to_owned()).or_insert_with(|| header(kind.clone(), description));
    }
}

fn header(kind: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(ObjectBuilder::new().schema_type(kind).build())
        .description(Some(description))
        .build()
}
