//! What is known of a list before a page of it is read: its total and the values of its facets
//! (`cache::list_facts`), and items near the page (`cache::positions`). What the read finds out is
//! inserted there.

use std::sync::Arc;
use std::time::Instant;

use super::cache_key::key_text;
use crate::cache::responses::CatalogueEpoch;
use crate::http::app_data::CatalogueServices;
use crate::model::list_walk::{IndexedPosition, KnownList};
use crate::model::paging::{ListPart, Paging};
use crate::storage::metrics::FacetValue;

/// Parameters that say which part of the list is requested, and which fields.
const PART: [&str; 4] = ["page", "limit", "cursor", "fields"];

/// The lookup of one request.
#[derive(Debug)]
pub struct ListLookup {
    /// Path and filters; the total does not depend on the order.
    filtered: String,
    /// Path, filters and order.
    sorted: String,
    /// The epoch before the list is read.
    epoch: CatalogueEpoch,
    /// The same, if it is certain that nothing has changed since.
    confirmed: Option<CatalogueEpoch>,
    pub known: KnownList,
}

impl ListLookup {
    /// Looks up the list at `path` with these parameters.
    pub fn new(
        services: &CatalogueServices,
        path: &str,
        parameters: &[(String, String)],
        paging: &Paging,
    ) -> Self {
        let is_of_list = |(name, _): &&(String, String)| !PART.contains(&name.as_str());
        let mut of_list: Vec<_> = parameters.iter().filter(is_of_list).cloned().collect();
        let sorted = key_text(path, &of_list).into_owned();
        of_list.retain(|(name, _)| name != "sort");
        let filtered = key_text(path, &of_list).into_owned();
        let epochs = &services.responses.epochs;
        let epoch = epochs.current();
        let confirmed = epochs.confirmed(Instant::now());
        let mut known = KnownList::default();
        if let (Some(epoch), Paging::Page(page)) = (confirmed, paging) {
            known.total = services.totals.get(&filtered, epoch);
            let items = page.offset()..page.offset().saturating_add(page.limit);
            (known.before, known.after) = services.positions.nearest(&sorted, epoch, &items);
        }
        Self { filtered, sorted, epoch, confirmed, known }
    }

    /// Returns the values of the facets of this list, if they were counted.
    pub fn facets(&self, services: &CatalogueServices) -> Option<Arc<[FacetValue]>> {
        services.facets.get(&self.filtered, self.confirmed?)
    }

    /// Inserts the values of the facets that were counted after the lookup.
    pub fn insert_facets(&self, services: &CatalogueServices, facets: &Arc<[FacetValue]>) {
        services.facets.insert(&self.filtered, Arc::clone(facets), self.epoch);
    }

    /// Inserts the total of the part that was read, if it was counted, and items of it.
    pub fn insert(
        self,
        services: &CatalogueServices,
        part: &ListPart,
        positions: Vec<IndexedPosition>,
    ) {
        if let (Some(total), None) = (part.total(), self.known.total) {
            services.totals.insert(&self.filtered, total, self.epoch);
        }
        services.positions.insert(&self.sorted, positions, self.epoch);
    }
}
