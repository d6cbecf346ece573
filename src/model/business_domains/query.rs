//! The query parameters of a list of business domains: full-text search, page or cursor, fields,
//! and an instant of the past. The list is sorted by name. `storage::business_domains` runs the
//! query.

use chrono::{DateTime, Utc};

use super::BusinessDomain;
use crate::model::fields::FieldSelection;
use crate::model::page::PageRequest;
use crate::model::paging::Paging;
use crate::model::search::{ensure_text, search_words};
use crate::model::versions::query::past_instant;
use crate::model::violations::Violation;

/// Items per page by default.
const DEFAULT_LIMIT: i64 = 100;

/// A query of a list of business domains.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainQuery {
    /// Prefixes of words that all occur in name or description. Letters and digits only.
    pub search: Vec<String>,
    pub paging: Paging,
    /// None for all fields.
    pub fields: Option<FieldSelection>,
    /// The instant of the past that the list is of; none for the present.
    pub as_of: Option<DateTime<Utc>>,
}

impl DomainQuery {
    /// Parses decoded query parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or invalid.
    pub fn parse(
        parameters: &[(String, String)],
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<Violation>> {
        let mut page = PageRequest { page: 1, limit: DEFAULT_LIMIT };
        let (mut search, mut fields, mut as_of) = (Vec::new(), None, None);
        PageRequest::parse_with(parameters, |name, value| {
            match name {
                "search" => {
                    ensure_text(value)?;
                    search = search_words(value)?;
                }
                "fields" => fields = Some(FieldSelection::from_list::<BusinessDomain>(value)?),
                "as_of" => as_of = Some(past_instant(value, now)?),
                // It depends on the other parameters: see `Paging::new`.
                "cursor" => {}
                _ => return page.set(name, value),
            }
            Ok(())
        })?;
        let paging = Paging::new(page, "domains", parameters)?;
        Ok(Self { search, paging, fields, as_of })
    }
}
