//! Schemas of patches: any of the top-level fields of an item, none of them required; and the JSON
//! Patches in which versions are compared.

use std::borrow::Cow;

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;

/// Schema of a patch: any of the top-level fields of a [`Metric`].
#[derive(Debug)]
pub struct MetricPatch;

/// Schema of a patch: any of the top-level fields of a [`BusinessDomain`].
#[derive(Debug)]
pub struct BusinessDomainPatch;

macro_rules! patch_of {
    ($patch:ident, $whole:ty, $description:literal) => {
        impl PartialSchema for $patch {
            fn schema() -> RefOr<Schema> {
                match <$whole>::schema() {
                    RefOr::T(Schema::Object(mut object)) => {
                        object.required.clear();
                        object.description = Some($description.into());
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

patch_of!(MetricPatch, Metric, "Changes of a metric. Absent fields stay as they are.");
patch_of!(
    BusinessDomainPatch,
    BusinessDomain,
    "Changes of a business domain. Absent fields stay as they are."
);

/// An operation of a JSON Patch (RFC 6902), as comparisons of versions have them.
#[derive(Debug, ToSchema)]
pub struct JsonPatchOperation {
    /// What is done.
    pub op: JsonPatchVerb,
    /// JSON Pointer (RFC 6901) of the value.
    pub path: String,
    /// The new value; absent with `remove`.
    #[schema(value_type = Value, required = false)]
    pub value: Option<Value>,
}

/// What an operation of a JSON Patch does.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum JsonPatchVerb {
    Add,
    Remove,
    Replace,
}
