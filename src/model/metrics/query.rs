//! What a list of metrics may be asked: filters, words to search for, an order and a page.

use std::str::FromStr;

use strum::{AsRefStr, EnumString, VariantNames};

use super::governance::Status;
use super::{MetricType, Tier};
use crate::model::page::PageRequest;
use crate::model::violations::Violation;

/// Items a page, where the client does not say.
pub const DEFAULT_LIMIT: i64 = 50;
/// How many words a search may have, and how many tags a filter.
const MAX_WORDS: usize = 20;

/// What a list of metrics is asked; every part of it narrows the list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricFilter {
    /// Of this category.
    pub category: Option<String>,
    /// Of this business domain.
    pub business_domain: Option<String>,
    /// Of this tier.
    pub tier: Option<Tier>,
    /// Of this type.
    pub metric_type: Option<MetricType>,
    /// With all of these tags.
    pub tags: Vec<String>,
    /// In this state.
    pub status: Option<Status>,
    /// Of this team.
    pub owner_team: Option<String>,
    /// With all of these words, or words that begin so, in name, description or formula. Letters
    /// and digits only.
    pub search: Vec<String>,
}

/// The order of a list; ties always go by `metric_id`, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// By which field.
    pub by: SortField,
    /// From the greatest down.
    pub descending: bool,
}

/// What a list can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, AsRefStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum SortField {
    #[default]
    Name,
    /// By the instant it was first stored.
    CreatedAt,
    /// By the instant of its last change.
    UpdatedAt,
    /// By tier, Tier-1 first.
    Tier,
}

/// A list of metrics as it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricQuery {
    pub filter: MetricFilter,
    /// In which order.
    pub sort: Sort,
    /// Which part of the list.
    pub page: PageRequest,
}

impl MetricQuery {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// # Errors
    /// Every parameter that is unknown, given twice or breaks its rule.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let mut query = Self {
            filter: MetricFilter::default(),
            sort: Sort::default(),
            page: PageRequest { page: 1, limit: DEFAULT_LIMIT },
        };
        PageRequest::read(parameters, |name, value| query.set(name, value))?;
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
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

fn one_of<T: FromStr + VariantNames>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("must be one of {}", T::VARIANTS.join(", ")))
}

fn tags(value: &str) -> Result<Vec<String>, String> {
    let tags: Vec<String> = value.split(',').map(|tag| tag.trim().to_owned()).collect();
    if tags.iter().any(String::is_empty) || tags.len() > MAX_WORDS {
        return Err(format!("must be a comma list of 1 to {MAX_WORDS} tags"));
    }
    Ok(tags)
}

fn words(value: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> = value
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    if words.is_empty() || words.len() > MAX_WORDS {
        return Err(format!("must have 1 to {MAX_WORDS} words of letters or digits"));
    }
    Ok(words)
}

fn sort(value: &str) -> Result<Sort, String> {
    let (field, descending) = value.strip_prefix('-').map_or((value, false), |field| (field, true));
    let by =
        one_of(field).map_err(|message| format!("{message}, with - in front for descending"))?;
    Ok(Sort { by, descending })
}

#[cfg(test)]
mod tests;
