//! The number of items of a list: looked up in `cache::totals` before the list is read, and
//! inserted there if it had to be counted.

use std::time::Instant;

use super::cached_read::cache_key;
use crate::cache::responses::CatalogueEpoch;
use crate::http::app_data::CatalogueServices;
use crate::model::paging::ListPart;

/// Parameters that do not change how many items match.
const NO_FILTERS: [&str; 4] = ["page", "limit", "sort", "fields"];

/// The total of a list, for one request.
#[derive(Debug)]
pub struct ListTotal {
    key: String,
    /// The epoch before the list is read.
    epoch: CatalogueEpoch,
    /// None if it has to be counted.
    pub known: Option<i64>,
}

impl ListTotal {
    /// Looks up the total of the list at `path` with these parameters.
    pub fn look_up(
        services: &CatalogueServices,
        path: &str,
        parameters: &[(String, String)],
    ) -> Self {
        let is_filter = |(name, _): &&(String, String)| !NO_FILTERS.contains(&name.as_str());
        let filters: Vec<_> = parameters.iter().filter(is_filter).cloned().collect();
        let key = cache_key(path, &filters);
        let epoch = services.responses.epoch();
        let confirmed = services.responses.confirmed_epoch(Instant::now());
        let known = confirmed.and_then(|epoch| services.totals.get(&key, epoch));
        Self { key, epoch, known }
    }

    /// Inserts the total of the part that was read, if it was counted.
    pub fn insert(self, services: &CatalogueServices, part: &ListPart) {
        if let (Some(total), None) = (part.total(), self.known) {
            services.totals.insert(&self.key, total, self.epoch);
        }
    }
}
