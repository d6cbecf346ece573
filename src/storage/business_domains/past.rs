//! Lists of business domains as of an instant.

use chrono::{DateTime, Utc};

use crate::model::business_domains::query::DomainQuery;
use crate::storage::full_text::prefixes;
use crate::storage::versions::past::{PastCondition, PastKey, PastList, PastValue};

/// Returns the list of a query as of an instant.
pub fn past_list(query: &DomainQuery, instant: DateTime<Utc>) -> PastList {
    let search = PastCondition {
        present: "metric_search_words(item.name, coalesce(item.description, ''), '') \
                  @@ to_tsquery('simple', {})",
        former: "metric_search_words(kept.content ->> 'name', \
                 coalesce(kept.content ->> 'description', ''), '') @@ to_tsquery('simple', {})",
        value: PastValue::Text(prefixes(&query.search)),
    };
    let conditions = if query.search.is_empty() { Vec::new() } else { vec![search] };
    let (key, paging) = (PastKey::Name, query.paging.clone());
    PastList { instant, conditions, key, descending: false, paging }
}
