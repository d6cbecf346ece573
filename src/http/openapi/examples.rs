//! Examples of request bodies. Metric and business domain are the first ones of the sample
//! catalogue, and can be posted as they are: the domain, then its metric.

use std::sync::LazyLock;

use serde_json::{Value, json};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};

use super::walk;
use crate::model::catalogue::{CatalogueDraft, DocumentFormat};

const SAMPLE: &str = include_str!("../../../examples/catalogue.yaml");

/// The first domain of the sample and the first metric of it.
static ITEMS: LazyLock<Option<(Value, Value)>> = LazyLock::new(|| {
    let draft = CatalogueDraft::parse(SAMPLE.as_bytes(), DocumentFormat::Yaml).ok()?;
    let domain = draft.domains.first()?.parsed.as_ref().ok()?;
    let metrics = draft.metrics.iter().filter_map(|item| item.parsed.as_ref().ok());
    let metric = metrics.into_iter().find(|metric| metric.business_domain == domain.name)?;
    Some((serde_json::to_value(domain).ok()?, serde_json::to_value(metric).ok()?))
});

/// Adds the examples to a complete document.
pub(super) fn add(document: &mut OpenApi) {
    let Some((domain, metric)) = &*ITEMS else { return };
    for (_, _, operation) in walk::operations(document) {
        let id = operation.operation_id.as_deref().unwrap_or_default();
        let Some(example) = body_example(id, domain, metric) else { continue };
        let body = operation.request_body.as_mut();
        if let Some(content) = body.and_then(|body| body.content.get_mut("application/json")) {
            content.example = Some(example);
        }
    }
    let Some(components) = &mut document.components else { return };
    for (name, example) in [("BusinessDomain", domain), ("Metric", metric)] {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(name) {
            object.examples = vec![example.clone()];
        }
    }
}

fn body_example(operation_id: &str, domain: &Value, metric: &Value) -> Option<Value> {
    let (old, new) = ("correct horse battery staple", "a horse of another colour");
    Some(match operation_id {
        "create_metric" => metric.clone(),
        "update_metric" => json!({ "tier": "Tier-2", "tags": ["revenue", "board"] }),
        "create_domain" => domain.clone(),
        "update_domain" => json!({ "owner_team": "Finance Analytics" }),
        "import_catalogue" => json!({ "domains": [domain], "metrics": [metric] }),
        "login" => json!({ "username": "admin", "password": old }),
        "register" => json!({ "username": "ada", "email": "ada@example.com",
            "full_name": "Ada Example", "password": old }),
        "refresh" | "logout" => json!({ "refresh_token": "eyJhbGciOiJIUzI1NiJ9…" }),
        "change_password" => json!({ "current_password": old, "new_password": new }),
        "request_password_reset" => json!({ "email": "ada@example.com" }),
        "confirm_password_reset" => json!({ "token": "token of the mail", "new_password": new }),
        "create_user" => json!({ "username": "ada", "email": "ada@example.com",
            "full_name": "Ada Example", "password": old, "role": "editor" }),
        "update_user" => json!({ "role": "viewer" }),
        "create_api_key" => json!({ "name": "nightly export",
            "scopes": ["metrics:read", "domains:read"] }),
        "update_api_key" => json!({ "extend_days": 90 }),
        "rotate_api_key" => json!({ "grace_minutes": 60 }),
        "steer_circuit_breaker" => json!({ "action": "reset", "reason": "database repaired" }),
        _ => return None,
    })
}
