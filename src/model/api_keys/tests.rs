//! Tests of `model::api_keys`.

use super::*;
use proptest::prelude::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap_or_default()
}

#[test]
fn key_is_expired_at_the_instant_of_its_expiry() {
    assert_eq!(KeyStatus::at(false, Some(at(10)), at(9)), KeyStatus::Active);
    assert_eq!(KeyStatus::at(false, Some(at(10)), at(10)), KeyStatus::Expired);
    assert_eq!(KeyStatus::at(true, Some(at(10)), at(9)), KeyStatus::Revoked);
    assert_eq!(KeyStatus::at(false, None, at(i64::from(i32::MAX))), KeyStatus::Active);
}

#[test]
fn extension_starts_at_the_expiry_and_adds_none() {
    assert_eq!(extend_expiry(Some(at(0)), 1), Ok(Some(at(86_400))));
    assert_eq!(extend_expiry(None, 3650), Ok(None));
    let late = "9999-12-31T00:00:00Z".parse().unwrap();
    assert!(extend_expiry(Some(late), 1).is_err());
}

proptest! {
    #[test]
    fn rotation_never_extends_the_expiry(
        expiry in proptest::option::of(1_i64..1_000_000),
        grace in 0_u16..=10_080,
    ) {
        let end = expiry_after_rotation(expiry.map(at), at(0), grace);
        prop_assert!(end >= at(0) && end <= at(0) + TimeDelta::minutes(grace.into()));
        prop_assert!(expiry.is_none_or(|expiry| end <= at(expiry)));
    }
}

#[test]
fn list_is_filtered_by_status() {
    let parse = |name: &str, value: &str| KeyQuery::parse(&[(name.to_owned(), value.to_owned())]);
    assert_eq!(
        parse("status", "active, revoked").unwrap().status,
        [KeyStatus::Active, KeyStatus::Revoked]
    );
    for (name, value) in [("status", "alive"), ("status", ""), ("user_id", "1"), ("sort", "name")] {
        assert_eq!(parse(name, value).unwrap_err()[0].field, name);
    }
}

proptest! {
    #[test]
    fn only_administrators_raise_a_rate_limit(
        own in 1_u32..1000,
        default in proptest::option::of(1_usize..1000),
    ) {
        prop_assert!(may_set_rate_limit(Role::Admin, own, default));
        let lowers = default.is_some_and(|default| own as usize <= default);
        prop_assert_eq!(may_set_rate_limit(Role::Viewer, own, default), lowers);
        prop_assert_eq!(may_set_rate_limit(Role::Editor, own, default), lowers);
    }
}

#[test]
fn rate_limit_is_absent_null_or_a_number() {
    let parse = |text: &str| serde_json::from_str::<KeyPatch>(text).unwrap().rate_limit;
    assert_eq!(parse("{}"), None);
    assert_eq!(parse(r#"{"rate_limit":null}"#), Some(None));
    assert_eq!(parse(r#"{"rate_limit":7}"#), Some(Some(7)));
    for bad in ["0", "100001"] {
        let patch: KeyPatch = serde_json::from_str(&format!("{{\"rate_limit\":{bad}}}")).unwrap();
        assert!(patch.validate().is_err(), "{bad}");
    }
}

#[test]
fn invalid_draft_is_refused() {
    let validate = |text: &str| {
        serde_json::from_str::<KeyDraft>(text)
            .map_err(|_| ())
            .and_then(|draft| draft.validate().map_err(|_| ()))
    };
    assert!(validate(r#"{"name":"ci","scopes":["metrics:read"],"expires_at":null}"#).is_ok());
    for bad in [
        r#"{"name":"","scopes":["metrics:read"]}"#,
        r#"{"name":"ci","scopes":[]}"#,
        r#"{"name":"ci","scopes":["everything"]}"#,
        r#"{"name":"ci","scopes":["admin"],"expires_at":"tomorrow"}"#,
        r#"{"name":"ci","scopes":["admin"],"role":"admin"}"#,
    ] {
        assert!(validate(bad).is_err(), "{bad}");
    }
    let long = format!(r#"{{"name":"ci","scopes":["admin"],"description":"{}"}}"#, "x".repeat(501));
    assert!(validate(&long).is_err());
}
