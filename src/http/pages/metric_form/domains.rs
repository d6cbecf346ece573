//! The business domains that the form of a metric offers.

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::storage::business_domains;

/// Most domains that are offered; any other can be typed.
const OFFERED: usize = 500;

/// Lists the names of the domains, sorted; none if they cannot be read, because the form, and what
/// was typed into it, matters more.
pub(super) async fn offered_domains(services: &CatalogueServices) -> Vec<String> {
    let read = services.db.run(Circuit::Domains, "business_domains.list_names", async |conn| {
        business_domains::list_names(conn).await
    });
    let mut names: Vec<String> =
        read.await.unwrap_or_default().into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.truncate(OFFERED);
    names
}
