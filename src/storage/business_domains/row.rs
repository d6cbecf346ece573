//! The columns of a business domain, and the conversions between them and the model.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::de::DeserializeOwned;

use crate::model::business_domains::BusinessDomain;
use crate::model::rich_text::RichText;
use crate::model::text::{Email, Id, Text};
use crate::model::trusted::from_stored;
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::schema::business_domains;

/// A row of `business_domains`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = business_domains, check_for_backend(diesel::pg::Pg))]
pub struct DomainRow {
    pub domain_id: String,
    pub name: String,
    pub description: Option<String>,
    pub owner_team: Option<String>,
    pub contact_email: Option<String>,
    pub tier_focus: Document,
    pub key_areas: Document,
    pub color: Option<String>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl DomainRow {
    /// Parses the row into the model. What is stored is trusted: its rules are not checked, and
    /// its rich texts are not sanitised again (`model::trusted`).
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if a stored value has not the structure of the model's.
    pub fn to_domain(&self) -> Result<BusinessDomain, StorageError> {
        Ok(BusinessDomain {
            domain_id: Id::new(&self.domain_id),
            name: Text::new(&self.name),
            description: self.description.as_deref().map(RichText::from_stored),
            owner_team: self.owner_team.as_deref().map(Text::new),
            contact_email: self.contact_email.as_deref().map(Email::new),
            tier_focus: stored_json(&self.tier_focus)?,
            key_areas: stored_json(&self.key_areas)?,
            color: self.color.as_deref().map(Text::new),
            version: None,
            created_at: None,
            updated_at: None,
        })
    }
}

fn stored_json<T: DeserializeOwned>(stored: &Document) -> Result<T, StorageError> {
    from_stored(stored.text()).map_err(StorageError::corrupt_by("a business domain"))
}

/// The columns that a change writes.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = business_domains, treat_none_as_null = true)]
pub(super) struct DomainColumns<'a> {
    name: &'a str,
    description: Option<&'a str>,
    owner_team: Option<&'a str>,
    contact_email: Option<&'a str>,
    tier_focus: Document,
    key_areas: Document,
    color: Option<&'a str>,
    version: i32,
    updated_at: DateTime<Utc>,
}

impl<'a> DomainColumns<'a> {
    /// Returns the columns of a domain that is written at `now`.
    pub(super) fn new(
        domain: &'a BusinessDomain,
        version: i32,
        now: DateTime<Utc>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            name: domain.name.as_str(),
            description: domain.description.as_ref().map(RichText::as_str),
            owner_team: domain.owner_team.as_ref().map(Text::as_str),
            contact_email: domain.contact_email.as_ref().map(Email::as_str),
            tier_focus: Document::new(&domain.tier_focus)?,
            key_areas: Document::new(&domain.key_areas)?,
            color: domain.color.as_ref().map(Text::as_str),
            version,
            updated_at: now,
        })
    }
}
