//! Schemas of texts that are one name of a closed set, or a list of such names, derived from the
//! code that accepts them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use strum::{IntoEnumIterator, VariantNames};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::actors::db_breaker::Circuit;
use crate::model::audit::Action;
use crate::model::business_domains::BusinessDomain;
use crate::model::fields::selectable;
use crate::model::metrics::Metric;
use crate::model::metrics::query::SortField;

/// The codes of `http::error`, by status.
const ERROR_CODES: [&str; 25] = [
    "VALIDATION_ERROR",
    "AUTHENTICATION_ERROR",
    "TOKEN_EXPIRED",
    "INVALID_API_KEY",
    "API_KEY_EXPIRED",
    "WRONG_PASSWORD",
    "AUTHORIZATION_ERROR",
    "FORBIDDEN",
    "NOT_FOUND",
    "API_KEY_NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "REQUEST_TIMEOUT",
    "CONFLICT",
    "PRECONDITION_FAILED",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "IDEMPOTENCY_MISMATCH",
    "PRECONDITION_REQUIRED",
    "RATE_LIMIT_EXCEEDED",
    "AUTH_RATE_LIMIT_EXCEEDED",
    "REQUEST_HEADER_FIELDS_TOO_LARGE",
    "INTERNAL_ERROR",
    "OVERLOADED",
    "DATABASE_ERROR",
    "OUTCOME_UNKNOWN",
];

/// Schema of the code of an error.
#[derive(Debug)]
pub struct ErrorCode;

/// Schema of the name of an audited action.
#[derive(Debug)]
pub struct AuditAction;

/// Schema of a comma-separated list of actions and groups of them.
#[derive(Debug)]
pub struct AuditActionFilter;

/// Schema of the format of an exported document.
#[derive(Debug)]
pub struct DocumentFormatName;

/// Schema of the order of a list of metrics.
#[derive(Debug)]
pub struct MetricSort;

/// Schema of a comma-separated list of fields of a metric.
#[derive(Debug)]
pub struct MetricFields;

/// Schema of a comma-separated list of fields of a business domain.
#[derive(Debug)]
pub struct BusinessDomainFields;

/// Schema of the name of a circuit breaker.
#[derive(Debug)]
pub struct CircuitName;

/// Schema of what readiness is asked for.
#[derive(Debug)]
pub struct ReadinessPurpose;

/// Schema of a comma-separated list of states of API keys.
#[derive(Debug)]
pub struct ApiKeyStatusFilter;

macro_rules! text_schema {
    ($name:ident, $description:literal, $build:expr) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                let build: fn(ObjectBuilder) -> ObjectBuilder = $build;
                build(text.description(Some($description))).build().into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

text_schema!(ErrorCode, "Code of an error, for programs.", |text| {
    text.enum_values(Some(ERROR_CODES))
});
text_schema!(AuditAction, "An action: noun.verb.", |text| {
    text.enum_values(Some(Action::VARIANTS.iter().copied()))
});
text_schema!(
    AuditActionFilter,
    "Actions, such as login.failed, or groups, such as api_key.*, separated by commas.",
    |text| text.pattern(Some(list_of(&actions_and_groups()))).examples(["api_key.*"])
);
text_schema!(DocumentFormatName, "Format of a document.", |text| {
    text.enum_values(Some(["yaml", "json"]))
});
text_schema!(MetricSort, "Order of a list of metrics; - for descending.", |text| {
    let fields = SortField::VARIANTS.iter();
    text.enum_values(Some(fields.flat_map(|field| [(*field).to_owned(), format!("-{field}")])))
});
text_schema!(MetricFields, "Fields of a metric, or of an object in it: section.field.", |text| {
    let pattern = list_of(&escaped(selectable::<Metric>()));
    text.pattern(Some(pattern)).max_length(Some(2000)).examples(["name,tier,definition.formula"])
});
text_schema!(BusinessDomainFields, "Fields of a business domain.", |text| {
    let pattern = list_of(&escaped(selectable::<BusinessDomain>()));
    text.pattern(Some(pattern)).max_length(Some(2000)).examples(["name,owner_team"])
});
text_schema!(CircuitName, "Name of a circuit breaker.", |text| {
    text.enum_values(Some(Circuit::iter().map(|circuit| circuit.as_ref().to_owned())))
});
text_schema!(
    ReadinessPurpose,
    "What the service must be ready for, if not for everything.",
    |text| { text.enum_values(Some(["reads"])) }
);
text_schema!(ApiKeyStatusFilter, "States of API keys, separated by commas.", |text| {
    let names = ["active", "expired", "revoked"].map(str::to_owned);
    text.pattern(Some(list_of(&names))).examples(["active,expired"])
});

/// Escapes the dots of names in a pattern.
fn escaped(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| name.replace('.', r"\.")).collect()
}

fn actions_and_groups() -> Vec<String> {
    let noun = |action: &&str| action.split_once('.').map(|(noun, _)| format!(r"{noun}\.\*"));
    let groups: BTreeSet<String> = Action::VARIANTS.iter().filter_map(noun).collect();
    Action::VARIANTS.iter().map(|action| action.replace('.', r"\.")).chain(groups).collect()
}

/// Returns the pattern of a comma-separated list of these patterns.
fn list_of(names: &[String]) -> String {
    let one = format!("({})", names.join("|"));
    format!("^{one}( *, *{one})*$")
}
