//! The fields of contents that the server sets: version, times, authors. An import takes them from
//! the file, so they are checked there.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::model::changes::ItemKind;
use crate::model::characters::is_hidden;
use crate::model::violations::Violation;

/// Maximum length of an author, in characters.
const MAX_AUTHOR: usize = 200;
pub(super) const AUTHOR_RULE: &str = "must be a text of at most 200 characters in one line";
/// Whether a text can be the author of a change; it is empty where the author is not known.
pub(super) fn is_author(text: &str) -> bool {
    text.chars().count() <= MAX_AUTHOR && !text.contains(is_hidden)
}

/// The fields that every stored metric has, also a draft.
const STORED: [&str; 11] = [
    "tags",
    "alignment",
    "definition",
    "data",
    "governance",
    "dimensions",
    "targets_and_alerts",
    "visualization",
    "relationships",
    "operational_usage",
    "metadata",
];

/// The fields of a content that the server sets: version, times, authors.
struct ServerFields {
    version: &'static str,
    times: [&'static str; 2],
    authors: &'static [&'static str],
}

impl ServerFields {
    fn of_kind(kind: ItemKind) -> Self {
        match kind {
            ItemKind::Metric => Self {
                version: "/metadata/version",
                times: ["/metadata/created_at", "/metadata/last_updated"],
                authors: &["/metadata/created_by", "/metadata/last_updated_by"],
            },
            ItemKind::Domain => {
                Self { version: "/version", times: ["/created_at", "/updated_at"], authors: &[] }
            }
        }
    }
}

/// What is checked about the content of a version.
pub(super) struct ContentCheck<'a> {
    pub(super) kind: ItemKind,
    pub(super) id: &'a str,
    pub(super) version: &'a str,
    pub(super) changed_at: DateTime<Utc>,
}

/// Returns what is wrong with the fields of a content that the server sets.
pub(super) fn server_field_violations(check: &ContentCheck<'_>, content: &Value) -> Vec<Violation> {
    let fields = ServerFields::of_kind(check.kind);
    let path = |pointer: &str| pointer.trim_start_matches('/').replace('/', ".");
    let mut violations = Vec::new();
    let mut require = |holds: bool, pointer: &str, message: &str| {
        if !holds {
            violations.push(Violation::new(path(pointer), message));
        }
    };
    if check.kind == ItemKind::Metric {
        for name in STORED {
            require(content.get(name).is_some(), name, "is required in a version");
        }
    }
    let version = content.pointer(fields.version);
    let is_version = match (check.kind, version) {
        (ItemKind::Metric, Some(Value::String(version))) => version == check.version,
        (ItemKind::Domain, Some(Value::Number(number))) => number.to_string() == check.version,
        _ => false,
    };
    require(is_version, fields.version, "must be the version of the change");
    for pointer in fields.times {
        let time = content.pointer(pointer).and_then(Value::as_str);
        let time = time.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        let is_before = time.is_some_and(|time| time <= check.changed_at);
        require(is_before, pointer, "must be an RFC 3339 time, not after the change");
    }
    for pointer in fields.authors {
        let author = content.pointer(pointer).and_then(Value::as_str);
        let is_author = author.is_some_and(is_author);
        require(is_author, pointer, AUTHOR_RULE);
    }
    violations
}
