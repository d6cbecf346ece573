//! Business domains: the parts of a company that own metrics. They are stored by
//! `storage::business_domains`; [`query`] has the parameters of lists.

pub mod query;

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::object::Object;
use super::patch::{Patchable, copy_fields};
use super::read_only::ignored;
use super::rich_text::RichText;
use super::text::{Email, Id, Text100, Text200, Text2000};

/// A part of the company that owns metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessDomain {
    /// Chosen by the client; never changes.
    #[garde(dive)]
    pub domain_id: Id,
    /// Unique. Metrics refer to their domain by name; renaming a domain updates them.
    #[garde(dive)]
    pub name: Text200,
    /// Scope of the domain.
    #[garde(dive)]
    pub description: Option<RichText>,
    /// The team that is responsible for the domain.
    #[garde(dive)]
    pub owner_team: Option<Text2000>,
    /// E-mail address for questions.
    #[garde(dive)]
    pub contact_email: Option<Email>,
    /// Meaning of each tier in this domain.
    #[serde(default)]
    #[garde(dive)]
    pub tier_focus: Object,
    /// Main subjects of the domain.
    #[serde(default)]
    #[garde(length(max = 200), dive)]
    #[schema(max_items = 200)]
    pub key_areas: Vec<Text2000>,
    /// Colour in charts.
    #[garde(dive)]
    pub color: Option<Text100>,
    /// Increased by each change; the `ETag`. Set by the server.
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only)]
    pub version: Option<i32>,
    /// Set by the server.
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schema(read_only, format = DateTime)]
    pub created_at: Option<String>,
    /// Set by the server.
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
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

    copy_fields!(
        domain_id,
        name,
        description,
        owner_team,
        contact_email,
        tier_focus,
        key_areas,
        color,
    );
}
