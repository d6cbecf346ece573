//! Tests of `model::scopes`.

use super::*;

#[test]
fn each_role_allows_what_those_before_it_allow() {
    let [viewer, editor, admin] = [Role::Viewer, Role::Editor, Role::Admin].map(Scopes::of);
    assert!(viewer.is_within(editor) && editor.is_within(admin));
    assert!(!editor.is_within(viewer) && !admin.is_within(editor));
    assert!(
        !viewer.contain(&[Scope::MetricsWrite])
            && viewer.contain(&[Scope::MetricsRead, Scope::DomainsRead])
    );
    assert_eq!(admin.iter().count(), 7);
}

#[test]
fn they_are_written_by_name_in_order_and_once() {
    let scopes: Scopes =
        serde_json::from_str(r#"["metrics:write","metrics:read","metrics:write"]"#).unwrap();
    assert_eq!(serde_json::to_string(&scopes).unwrap(), r#"["metrics:read","metrics:write"]"#);
    assert!(serde_json::from_str::<Scopes>(r#"["metrics:delete"]"#).is_err());
    assert!(!scopes.is_empty() && Scopes::default().is_empty());
}
