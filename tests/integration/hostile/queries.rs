//! Random query strings.

use chrono::Utc;
use mdl::model::api_keys::KeyQuery;
use mdl::model::audit::AuditQuery;
use mdl::model::changes::ChangesQuery;
use mdl::model::metrics::query::MetricQuery;
use mdl::model::page::PageRequest;
use mdl::model::paging::Paging;
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "category",
        "business_domain",
        "tier",
        "metric_type",
        "tags",
        "status",
        "owner_team",
        "completeness",
        "search",
        "sort",
        "page",
        "limit",
        "actor",
        "action",
        "target",
        "since",
        "until",
        "user_id",
        "cursor",
        "fields",
        "as_of",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => "\\PC{0,20}"]
}

fn value() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "1",
        "0",
        "-1",
        "100",
        "101",
        "99999999999999999999",
        "2026-01-31T12:00:00Z",
        "name",
        "-name",
        "--name",
        "Tier-1",
        "active",
        "a,b,,c",
        "2026-11-24T00:00:00Z",
        "%",
        "*",
        "'",
        "\\",
        "\0",
        "\u{202e}",
        "a:* | !b",
        "",
        "start",
        "bmFtZQ",
        "name,definition.formula",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => "\\PC{0,300}", 1 => Just("x".repeat(3000))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Parsed within its bounds or refused, never a panic.
    #[test]
    fn random_queries_are_parsed_or_refused(parameters in prop::collection::vec((name(), value()),
        0..6)) {
        if let Ok(query) = MetricQuery::parse(&parameters, Utc::now()) {
            let limit = match &query.paging {
                Paging::Page(page) => {
                    prop_assert!(page.page >= 1 && page.offset() >= 0);
                    page.limit
                }
                Paging::Cursor(cursor) => cursor.limit,
            };
            prop_assert!((1..=100).contains(&limit));
            prop_assert!(query.filter.search.len() <= 20 && query.filter.tags.len() <= 20);
            let mut letters = query.filter.search.iter().flat_map(|word| word.chars());
            prop_assert!(letters.all(char::is_alphanumeric));
        }
        for violations in [
            MetricQuery::parse(&parameters, Utc::now()).err(),
            AuditQuery::parse(&parameters).err(),
            KeyQuery::parse(&parameters).err(),
            ChangesQuery::parse(&parameters).err(),
            PageRequest::parse(&parameters, 50).err(),
        ].into_iter().flatten() {
            prop_assert!(!violations.is_empty());
            for violation in violations {
                prop_assert!(violation.field.chars().count() <= 100);
                prop_assert!(!violation.field.contains('\0'));
            }
        }
    }
}
