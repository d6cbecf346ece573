//! The query parameters of a list of metrics: filters, full-text search, sort order and page.
//! `storage::metrics::list` runs the query.

use std::str::FromStr;

use strum::{AsRefStr, EnumString, VariantNames};

use super::governance::MetricStatus;
use super::{MetricType, Tier};
use crate::model::page::{PageRequest, ParameterError};
use crate::model::violations::Violation;

/// Items per page by default.
pub const DEFAULT_LIMIT: i64 = 50;
/// Maximum number of words in a search, and of tags in a filter.
const MAX_WORDS: usize = 20;

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
    pub page: PageRequest,
}

impl MetricQuery {
    /// Parses decoded query parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or invalid.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let mut query = Self {
            filter: MetricFilter::default(),
            sort: Sort::default(),
            page: PageRequest { page: 1, limit: DEFAULT_LIMIT },
        };
        PageRequest::parse_with(parameters, |name, value| query.set(name, value))?;
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
        if value.is_empty() || value.contains('\0') || value.chars().count() > 2000 {
            return Err("must be 1 to 2000 characters without NUL".into());
        }
        let filter = &mut self.filter;
        match name {
            "category" => filter.category = Some(value.to_owned()),
            "business_domain" => filter.business_domain = Some(value.to_owned()),
            "owner_team" => filter.owner_team = Some(value.to_owned()),
            "tier" => filter.tier = Some(one_of(value)?),
            "metric_type" => filter.metric_type = Some(one_of(value)?),
            "status" => filter.status = Some(one_of(value)?),
            "tags" => filter.tags = tags(value)?,
            "search" => filter.search = words(value)?,
            "sort" => self.sort = sort(value)?,
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
    if tags.iter().any(String::is_empty) || tags.len() > MAX_WORDS {
        let message = format!("must be a comma-separated list of 1 to {MAX_WORDS} tags");
        return Err(message.into());
    }
    Ok(tags)
}

fn words(value: &str) -> Result<Vec<String>, ParameterError> {
    let words: Vec<String> = value
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    if words.is_empty() || words.len() > MAX_WORDS {
        return Err(format!("must have 1 to {MAX_WORDS} words of letters or digits").into());
    }
    Ok(words)
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
