//! Business domains: the parts of a company that own metrics.

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::object::Object;
use super::patch::Patchable;
use super::read_only::dropped;
use super::rich_text::RichText;
use super::text::{Email, Id, Text100, Text200, Text2000};

/// A business domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessDomain {
    /// Chosen by the client; never changes.
    #[garde(dive)]
    pub domain_id: Id,
    /// Unique; metrics name their domain by it, and a rename carries them along.
    #[garde(dive)]
    pub name: Text200,
    /// What belongs to it.
    #[garde(dive)]
    pub description: Option<RichText>,
    /// The team that answers for it.
    #[garde(dive)]
    pub owner_team: Option<Text2000>,
    /// Where to ask.
    #[garde(dive)]
    pub contact_email: Option<Email>,
    /// What each tier means here.
    #[serde(default)]
    #[garde(dive)]
    pub tier_focus: Object,
    /// What it looks at.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub key_areas: Vec<Text2000>,
    /// For charts.
    #[garde(dive)]
    pub color: Option<Text100>,
    /// Raised by each change; the `ETag`. Set by the server.
    #[serde(default, deserialize_with = "dropped", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only)]
    pub version: Option<i32>,
    /// Set by the server.
    #[serde(default, deserialize_with = "dropped", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only, format = DateTime)]
    pub created_at: Option<String>,
    /// Set by the server.
    #[serde(default, deserialize_with = "dropped", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only, format = DateTime)]
    pub updated_at: Option<String>,
}

impl Patchable for BusinessDomain {
    const ID: &'static str = "domain_id";

    fn template() -> Map<String, Value> {
        ["domain_id", "name"]
            .map(|field| (field.to_owned(), Value::from("x")))
            .into_iter()
            .collect()
    }
}
