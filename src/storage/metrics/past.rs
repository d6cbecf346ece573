//! Lists of metrics as of an instant, with the filters and orders of the present list but the
//! search, whose words are not indexed for former versions.

use chrono::{DateTime, Utc};

use super::completeness::{FORMER, PRESENT};
use crate::model::metrics::query::{MetricQuery, SortField};
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::versions::past::{PastCondition, PastKey, PastList, PastValue};

/// Returns the list of a query as of an instant.
///
/// # Errors
/// Never in practice: tags can be serialised.
pub fn past_list(query: &MetricQuery, instant: DateTime<Utc>) -> Result<PastList, StorageError> {
    let filter = &query.filter;
    let mut conditions = Vec::new();
    let mut equal = |present, former, value: Option<&str>| {
        let value = value.map(|value| PastValue::Text(value.to_owned()));
        conditions.extend(value.map(|value| PastCondition { present, former, value }));
    };
    equal("item.category = {}", "kept.content ->> 'category' = {}", filter.category.as_deref());
    equal(
        "item.business_domain = {}",
        "kept.content ->> 'business_domain' = {}",
        filter.business_domain.as_deref(),
    );
    equal(
        "item.tier = {}",
        "kept.content ->> 'tier' = {}",
        filter.tier.as_ref().map(AsRef::as_ref),
    );
    equal(
        "item.metric_type = {}",
        "kept.content ->> 'metric_type' = {}",
        filter.metric_type.as_ref().map(AsRef::as_ref),
    );
    equal(
        "item.status = {}",
        "kept.content #>> '{governance,status}' = {}",
        filter.status.as_ref().map(AsRef::as_ref),
    );
    equal(
        "item.owner_team = {}",
        "kept.content #>> '{governance,owner_team}' = {}",
        filter.owner_team.as_deref(),
    );
    equal(PRESENT, FORMER, filter.completeness.as_ref().map(AsRef::as_ref));
    if !filter.tags.is_empty() {
        conditions.push(PastCondition {
            present: "item.tags @> {}",
            former: "kept.content -> 'tags' @> {}",
            value: PastValue::Json(Document::new(&filter.tags)?),
        });
    }
    let key = match query.sort.by {
        SortField::Name => PastKey::Name,
        SortField::Tier => PastKey::Tier,
        SortField::CreatedAt => PastKey::CreatedAt,
        SortField::UpdatedAt => PastKey::UpdatedAt,
    };
    let (descending, paging) = (query.sort.descending, query.paging.clone());
    Ok(PastList { instant, conditions, key, descending, paging })
}
