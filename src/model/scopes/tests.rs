//! Tests of `model::scopes`.

use super::*;

#[test]
fn each_role_includes_the_scopes_of_lower_roles() {
    let [viewer, editor, admin] = [Role::Viewer, Role::Editor, Role::Admin].map(Scopes::from_role);
    assert!(viewer.is_subset(editor) && editor.is_subset(admin));
    assert!(!editor.is_subset(viewer) && !admin.is_subset(editor));
    assert!(
        !viewer.contains_all(&[Scope::MetricsWrite])
            && viewer.contains_all(&[Scope::MetricsRead, Scope::DomainsRead])
    );
    assert_eq!(admin.iter().count(), 7);
}

#[test]
fn scopes_are_serialized_by_name_in_order_without_duplicates() {
    let scopes: Scopes =
        serde_json::from_str(r#"["metrics:write","metrics:read","metrics:write"]"#).unwrap();
    assert_eq!(serde_json::to_string(&scopes).unwrap(), r#"["metrics:read","metrics:write"]"#);
    assert!(serde_json::from_str::<Scopes>(r#"["metrics:delete"]"#).is_err());
    assert!(!scopes.is_empty() && Scopes::default().is_empty());
}
