//! Schemas of versions with their content: the fields of a [`VersionEntry`], and the item.

use std::borrow::Cow;

use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;
use crate::model::versions::VersionEntry;

/// Schema of a version of a metric.
#[derive(Debug)]
pub struct MetricVersion;

/// Schema of a version of a business domain.
#[derive(Debug)]
pub struct BusinessDomainVersion;

macro_rules! version_of {
    ($version:ident, $item:ty, $description:literal) => {
        impl PartialSchema for $version {
            fn schema() -> RefOr<Schema> {
                match VersionEntry::schema() {
                    RefOr::T(Schema::Object(mut object)) => {
                        let content = Ref::from_schema_name(<$item>::name());
                        object.properties.insert("content".into(), RefOr::Ref(content));
                        object.required.push("content".into());
                        object.description = Some($description.into());
                        RefOr::T(Schema::Object(object))
                    }
                    other => other,
                }
            }
        }

        impl ToSchema for $version {
            fn name() -> Cow<'static, str> {
                stringify!($version).into()
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                schemas.push((<$item>::name().into(), <$item>::schema()));
                <$item>::schemas(schemas);
                VersionEntry::schemas(schemas);
            }
        }
    };
}

version_of!(
    MetricVersion,
    Metric,
    "A version of a metric with its content, which has no `metadata.change_history`."
);
version_of!(
    BusinessDomainVersion,
    BusinessDomain,
    "A version of a business domain with its content."
);
