//! The query parameters of a list of metrics: filters, full-text search, sort order, page or
//! cursor, fields, and an instant of the past. `storage::metrics::list` runs the query.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use strum::{AsRefStr, EnumString, VariantNames};

use super::governance::MetricStatus;
use super::{Metric, MetricType, Tier};
use crate::model::completeness::CompletenessFilter;
use crate::model::fields::FieldSelection;
use crate::model::page::{PageRequest, ParameterError};
use crate::model::paging::Paging;
use crate::model::search::{ensure_text, search_words};
use crate::model::versions::query::past_instant;
use crate::model::violations::Violation;

/// Items per page by default.
pub const DEFAULT_LIMIT: i64 = 50;
/// Maximum number of tags in a filter.
const MAX_TAGS: usize = 20;

/// The filter of a list of metrics; all conditions must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricFilter {
    pub category: Option<String>,
    /// Name of the domain.
    pub business_domain: Option<String>,
    pub tier: Option<Tier>,
    pub metric_type: Option<MetricType>,
    /// The metric has all of these tags.
    pub tags: Vec<String>,
    pub status: Option<MetricStatus>,
    pub owner_team: Option<String>,
    pub completeness: Option<CompletenessFilter>,
    /// Prefixes of words that all occur in name, description or formula. Letters and digits only.
    pub search: Vec<String>,
}

/// The order of a list. Metrics with equal values are sorted by `metric_id`, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    pub by: SortField,
    pub descending: bool,
}

/// The field that a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, AsRefStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum SortField {
    #[default]
    Name,
    CreatedAt,
    UpdatedAt,
    /// Begins with Tier-1.
    Tier,
}

/// A query of a list of metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricQuery {
    pub filter: MetricFilter,
    pub sort: Sort,
    pub paging: Paging,
    /// None for all fields.
    pub fields: Option<FieldSelection>,
    /// The instant of the past that the list is of; none for the present.
    pub as_of: Option<DateTime<Utc>>,
}

impl MetricFilter {
    /// The query parameters of a filter.
    pub const PARAMETERS: [&str; 9] = [
        "category",
        "business_domain",
        "tier",
        "metric_type",
        "tags",
        "status",
        "owner_team",
        "completeness",
        "search",
    ];

    /// Parses decoded query parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or invalid.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let is_own = |name: &str| Self::PARAMETERS.contains(&name);
        if let Some((name, _)) = parameters.iter().find(|(name, _)| !is_own(name)) {
            return Err(vec![Violation::new(
                Violation::printable_name(name),
                "is not a known filter",
            )]);
        }
        // A filter does not depend on the time.
        MetricQuery::parse(parameters, DateTime::UNIX_EPOCH).map(|query| query.filter)
    }
}

impl MetricQuery {
    /// Parses decoded query parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or invalid, and a search of the past.
    pub fn parse(
        parameters: &[(String, String)],
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<Violation>> {
        let mut draft = Draft {
            filter: MetricFilter::default(),
            sort: Sort::default(),
            page: PageRequest { page: 1, limit: DEFAULT_LIMIT },
            fields: None,
            as_of: None,
            now,
        };
        PageRequest::parse_with(parameters, |name, value| draft.set(name, value))?;
        let Draft { filter, sort, page, fields, as_of, .. } = draft;
        if as_of.is_some() && !filter.search.is_empty() {
            return Err(vec![Violation::new("search", "cannot be used with as_of")]);
        }
        let paging = Paging::new(page, "metrics", parameters)?;
        Ok(Self { filter, sort, paging, fields, as_of })
    }
}

/// The parameters so far.
struct Draft {
    filter: MetricFilter,
    sort: Sort,
    page: PageRequest,
    fields: Option<FieldSelection>,
    as_of: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

impl Draft {
    fn set(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
        ensure_text(value)?;
        let filter = &mut self.filter;
        match name {
            "category" => filter.category = Some(value.to_owned()),
            "business_domain" => filter.business_domain = Some(value.to_owned()),
            "owner_team" => filter.owner_team = Some(value.to_owned()),
            "tier" => filter.tier = Some(one_of(value)?),
            "metric_type" => filter.metric_type = Some(one_of(value)?),
            "status" => filter.status = Some(one_of(value)?),
            "completeness" => filter.completeness = Some(one_of(value)?),
            "tags" => filter.tags = tags(value)?,
            "search" => filter.search = search_words(value)?,
            "sort" => self.sort = sort(value)?,
            "fields" => self.fields = Some(FieldSelection::from_list::<Metric>(value)?),
            "as_of" => self.as_of = Some(past_instant(value, self.now)?),
            // It depends on the other parameters: see `Paging::new`.
            "cursor" => {}
            _ => return self.page.set(name, value),
        }
        Ok(())
    }
}

fn one_of<T: FromStr + VariantNames>(value: &str) -> Result<T, ParameterError> {
    value
        .parse()
        .map_err(|_| ParameterError::from(format!("must be one of {}", T::VARIANTS.join(", "))))
}

fn tags(value: &str) -> Result<Vec<String>, ParameterError> {
    let tags: Vec<String> = value.split(',').map(|tag| tag.trim().to_owned()).collect();
    if tags.iter().any(String::is_empty) || tags.len() > MAX_TAGS {
        let message = format!("must be a comma-separated list of 1 to {MAX_TAGS} tags");
        return Err(message.into());
    }
    Ok(tags)
}

fn sort(value: &str) -> Result<Sort, ParameterError> {
    let (field, descending) = value.strip_prefix('-').map_or((value, false), |field| (field, true));
    let by = one_of(field).map_err(|error| {
        ParameterError::from(format!("{error}, with - in front for descending"))
    })?;
    Ok(Sort { by, descending })
}

#[cfg(test)]
mod tests;
