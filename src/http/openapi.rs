//! The parts of the OpenAPI 3.1 document that are the same for all operations: general information,
//! security schemes, error responses, request id. The operations describe themselves in `routes`.

use std::borrow::Cow;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, HeaderBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use super::envelope::ErrorBody;
use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;

/// Schema of a patch: any of the top-level fields of a [`Metric`].
#[derive(Debug)]
pub struct MetricPatch;

/// Schema of a patch: any of the top-level fields of a [`BusinessDomain`].
#[derive(Debug)]
pub struct BusinessDomainPatch;

macro_rules! patch_of {
    ($patch:ident, $whole:ty) => {
        impl PartialSchema for $patch {
            fn schema() -> RefOr<Schema> {
                match <$whole>::schema() {
                    RefOr::T(Schema::Object(mut object)) => {
                        object.required.clear();
                        RefOr::T(Schema::Object(object))
                    }
                    other => other,
                }
            }
        }

        impl ToSchema for $patch {
            fn name() -> Cow<'static, str> {
                stringify!($patch).into()
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                <$whole>::schemas(schemas);
            }
        }
    };
}

patch_of!(MetricPatch, Metric);
patch_of!(BusinessDomainPatch, BusinessDomain);

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "MDL",
        description = "Metrics Definition Library: a catalogue of metric definitions.\n\n\
            Every response carries `X-Request-ID`; every error response has an `ErrorBody`."
    ),
    tags(
        (name = "metrics", description = "Metric definitions"),
        (name = "domains", description = "Business domains, which own metrics"),
        (name = "catalogue", description = "The catalogue as a whole"),
        (name = "auth", description = "Registration, sessions, passwords"),
        (name = "users", description = "User administration"),
        (name = "api-keys", description = "API keys"),
        (name = "audit", description = "Audit log"),
        (name = "health", description = "Health checks and circuit breakers"),
    ),
    components(schemas(ErrorBody<'static>))
)]
struct Base;

/// Builds the document without operations.
pub fn base() -> OpenApi {
    let mut document = <Base as utoipa::OpenApi>::openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The access_token of POST /api/auth/login"))
        .build();
    if let Some(components) = &mut document.components {
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let key =
            ApiKeyValue::with_description("X-API-Key", "The api_key of POST /api/auth/api-keys");
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
    document
}

/// Adds the error responses that follow from an operation's parameters, body and security, so that
/// no handler has to list them.
pub fn complete(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            complete_operation(path, operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        .into_iter()
        .flatten()
}

fn complete_operation(path: &str, operation: &mut Operation) {
    let secured = operation.security.is_some();
    let takes_body = operation.request_body.is_some();
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let takes_parameters = !parameters.is_empty();
    let conditional = parameters.iter().any(|parameter| parameter.name == "If-Match");
    let health = path.starts_with("/health") && !secured;
    let errors = [
        (
            "400",
            "The request is not valid; `details` has the violations",
            takes_body || takes_parameters || secured,
        ),
        ("401", "Credentials are missing, invalid or expired", secured),
        ("403", "The role, or the scopes of the API key, do not allow this", secured),
        ("404", "Not found", path.contains('{')),
        ("412", "`If-Match` names another version; `ETag` has the current one", conditional),
        ("408", "The body did not arrive in time; the connection is closed", takes_body),
        ("413", too_large(path), takes_body),
        ("415", "The body does not have a documented media type", takes_body),
        ("428", "`If-Match` is missing, and the service requires it", conditional),
        (
            "429",
            "Too many requests; `Retry-After` says when to try again",
            path.starts_with("/api/") || secured,
        ),
        ("500", "Internal error", true),
        (
            "503",
            "Overloaded, or database unavailable; `Retry-After` says when to try again",
            !health && (secured || takes_body),
        ),
    ];
    for (status, description, applies) in errors {
        let declared = operation.responses.responses.get(status);
        match declared {
            None if applies => {
                operation.responses.responses.insert(status.into(), RefOr::T(error(description)));
            }
            // Declared by the handler with its own description: only the body is missing.
            Some(RefOr::T(response)) if response.content.is_empty() && status != "304" => {
                let own = response.description.clone();
                operation.responses.responses.insert(status.into(), RefOr::T(error(&own)));
            }
            _ => {}
        }
    }
    for status in ["409", "422"] {
        if let Some(RefOr::T(response)) = operation.responses.responses.get(status) {
            let own = response.description.clone();
            operation.responses.responses.insert(status.into(), RefOr::T(error(&own)));
        }
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            if response.description.is_empty() {
                response.description = "Success".into();
            }
            response.headers.entry("X-Request-ID".into()).or_insert_with(text_header);
        }
    }
}

/// Describes the size limits of `http::extract::json_body`.
fn too_large(path: &str) -> &'static str {
    match path {
        "/api/v1/import" => "The body is larger than `IMPORT_MAX_BYTES` (default 8 MiB)",
        _ if path.starts_with("/api/v1/") => "The body is larger than 256 KiB",
        _ => "The body is larger than 64 KiB",
    }
}

fn text_header() -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(
            utoipa::openapi::ObjectBuilder::new()
                .schema_type(SchemaType::Type(Type::String))
                .build(),
        )
        .build()
}

fn error(description: &str) -> utoipa::openapi::Response {
    let shape = Content::new(Some(Ref::from_schema_name("ErrorBody")));
    ResponseBuilder::new().description(description).content("application/json", shape).build()
}
