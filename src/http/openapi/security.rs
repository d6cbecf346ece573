//! Security schemes, and which operations need one under the configuration of the service.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi, Required};

use super::walk;
use crate::http::app_data::AccessPolicy;

/// Adds the two ways to authenticate.
pub(super) fn add_schemes(document: &mut OpenApi) {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("`tokens.access_token` of `POST /api/auth/login`"))
        .build();
    let key = ApiKeyValue::with_description("X-API-Key", "`api_key` of `POST /api/auth/api-keys`");
    if let Some(components) = &mut document.components {
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
}

/// Says of each operation whether it needs credentials: a public one has an empty list; reads of
/// the catalogue have an empty alternative only if the service allows anonymous reads.
pub(super) fn apply(document: &mut OpenApi, policy: AccessPolicy) {
    for (_, _, operation) in walk::operations(document) {
        let security = operation.security.get_or_insert_default();
        if !policy.anonymous_read {
            security.retain(|requirement| *requirement != SecurityRequirement::default());
        }
        if policy.require_if_match {
            let parameters = operation.parameters.iter_mut().flatten();
            parameters
                .filter(|parameter| parameter.name == "If-Match")
                .for_each(|parameter| parameter.required = Required::True);
        }
    }
}

/// Whether credentials can be sent with the operation.
pub(super) fn is_secured(operation: &Operation) -> bool {
    operation.security.iter().flatten().next().is_some()
}
