//! The response type of business domains.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::storage::business_domains::DomainRow;
use crate::storage::document::Document;

/// A business domain. Its schema in the OpenAPI document is that of the model.
#[derive(Serialize)]
pub(in crate::http) struct DomainResponse {
    domain_id: String,
    name: String,
    description: Option<String>,
    owner_team: Option<String>,
    contact_email: Option<String>,
    tier_focus: Document,
    key_areas: Document,
    color: Option<String>,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<DomainRow> for DomainResponse {
    fn from(row: DomainRow) -> Self {
        Self {
            domain_id: row.domain_id,
            name: row.name,
            description: row.description,
            owner_team: row.owner_team,
            contact_email: row.contact_email,
            tier_focus: row.tier_focus,
            key_areas: row.key_areas,
            color: row.color,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
