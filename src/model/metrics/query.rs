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
    /// With all of these words, or words that begin so, in name, description or formula. Letters and digits only.
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
    /// By name.
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
    /// Which metrics.
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
    let words: Vec<String> =
        value.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if words.is_empty() || words.len() > MAX_WORDS {
        return Err(format!("must have 1 to {MAX_WORDS} words of letters or digits"));
    }
    Ok(words)
}

fn sort(value: &str) -> Result<Sort, String> {
    let (field, descending) = value.strip_prefix('-').map_or((value, false), |field| (field, true));
    let by = one_of(field).map_err(|message| format!("{message}, with - in front for descending"))?;
    Ok(Sort { by, descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<MetricQuery, Vec<Violation>> {
        let pairs: Vec<_> = query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        MetricQuery::parse(&pairs)
    }

    #[test]
    fn all_parameters_have_an_effect() {
        let query = parse(&[
            ("tier", "Tier-2"),
            ("tags", "a, b"),
            ("search", "net-revenue a<b"),
            ("sort", "-updated_at"),
            ("page", "3"),
            ("limit", "100"),
            ("status", "draft"),
        ]);
        let query = query.expect("a sound query");
        assert_eq!(query.filter.tier, Some(Tier::Two));
        assert_eq!(query.filter.status, Some(Status::Draft));
        assert_eq!(query.filter.tags, ["a", "b"]);
        assert_eq!(query.filter.search, ["net", "revenue", "a", "b"]);
        assert_eq!(query.sort, Sort { by: SortField::UpdatedAt, descending: true });
        assert_eq!(query.page, PageRequest { page: 3, limit: 100 });
    }

    #[test]
    fn what_has_no_effect_is_refused() {
        for (name, value) in [
            ("page", "0"),
            ("page", "-1"),
            ("limit", "1e9"),
            ("limit", "101"),
            ("sort", "formula"),
            ("tier", "1"),
            ("search", "<&>"),
            ("tags", "a,,b"),
            ("colour", "red"),
            ("category", " "),
            ("owner_team", "\0"),
        ] {
            let violations = parse(&[(name, value)]).expect_err(name);
            assert_eq!(violations.len(), 1, "{name}={value}");
            assert_eq!(violations[0].field, name);
        }
        assert_eq!(parse(&[("tags", "a"), ("tags", "b")]).expect_err("twice")[0].field, "tags");
    }
}
