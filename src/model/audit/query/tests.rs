//! Tests of `model::audit::query`.

use super::*;

fn parse(name: &str, value: &str) -> Result<AuditQuery, Vec<Violation>> {
    AuditQuery::parse(&[(name.to_owned(), value.to_owned())])
}

#[test]
fn parameters_are_parsed_or_refused() {
    let nothing = AuditQuery::parse(&[]).unwrap();
    for (name, value) in [
        ("actor", "eva"),
        ("action", "api_key.revoked"),
        ("target", "0193b0a4-0000-7000-8000-000000000000"),
        ("target", "mrr"),
        ("outcome", "refused"),
        ("since", "2026-11-24T00:00:00Z"),
        ("until", "2026-11-24T00:00:00+01:00"),
        ("page", "2"),
        ("limit", "7"),
    ] {
        assert_ne!(parse(name, value).unwrap(), nothing, "{name}");
    }
    for (name, value) in [
        ("actor", ""),
        ("action", "x"),
        ("action", ""),
        ("action", "*"),
        ("action", "api_key*"),
        ("action", "api_key.created,"),
        ("target", ""),
        ("outcome", "maybe"),
        ("since", "now"),
        ("limit", "0"),
        ("x", "y"),
    ] {
        assert_eq!(parse(name, value).unwrap_err()[0].field, name, "{value}");
    }
}

#[test]
fn actions_are_selected_by_list_and_by_noun() {
    let names = |value: &str| parse("action", value).unwrap().actions.unwrap().names().to_vec();
    assert_eq!(names("login.failed, user.deleted,user.deleted"), ["login.failed", "user.deleted"]);
    assert_eq!(names("domain.*,metric.created").len(), 5);
}
