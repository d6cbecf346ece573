//! Exports page by page, from a service that is older than its route for exports. The pages are no
//! snapshot: what changes meanwhile may be in them or not, and an item that moves to a later page
//! comes twice, of which the second is dropped.

use std::collections::HashSet;
use std::io::Write;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::app::command_error::CommandError;
use crate::app::commands::api_client::{ApiClient, RequestError};
use crate::app::output::print_warning;
use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::{DocumentFormat, DocumentWriter};
use crate::model::metrics::Metric;

/// Page sizes, largest first. Each divides the one before, so that a smaller page can begin where
/// the larger one would have.
const PAGE_SIZES: [usize; 5] = [100, 50, 25, 5, 1];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageResponse<T> {
    data: Vec<T>,
    pagination: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next: bool,
}

/// Writes all domains and metrics to `out`.
pub(super) async fn export(
    client: &ApiClient,
    format: DocumentFormat,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    print_warning(
        "the service has no route for exports and is read page by page: if the catalogue changes \
         meanwhile, items may be missing; export again when it is not being changed, or update the \
         service",
    );
    let (mut writer, mut text) = (DocumentWriter::new(format), String::new());
    let (mut domains, mut metrics) = (HashSet::new(), HashSet::new());
    read_all(client, "/api/v1/domains", |domain: BusinessDomain| {
        if !domains.insert(domain.domain_id.as_str().to_owned()) {
            return Ok(());
        }
        writer.domain(&mut text, &domain).map_err(CommandError::failed)
    })
    .await?;
    read_all(client, "/api/v1/metrics", |metric: Metric| {
        if !metrics.insert(metric.metric_id.as_str().to_owned()) {
            return Ok(());
        }
        writer.metric(&mut text, &metric).map_err(CommandError::failed)?;
        out.write_all(text.as_bytes()).map_err(CommandError::failed)?;
        text.clear();
        Ok(())
    })
    .await?;
    writer.finish(&mut text);
    out.write_all(text.as_bytes()).map_err(CommandError::failed)
}

/// Reads all pages of a list. A page that the service refuses as too large is requested again in
/// smaller pages.
async fn read_all<T: DeserializeOwned>(
    client: &ApiClient,
    path: &str,
    mut take: impl FnMut(T) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut count = 0_usize;
    let mut sizes = PAGE_SIZES.iter().peekable();
    while let Some(size) = sizes.peek().copied() {
        let page = count / size + 1;
        let page = client.get(&format!("{path}?page={page}&limit={size}")).await;
        let response: PageResponse<T> = match page {
            Ok(response) => response,
            Err(RequestError::Invalid(violations))
                if *size > 1 && violations.iter().all(|violation| violation.field == "limit") =>
            {
                sizes.next();
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        count = count.saturating_add(response.data.len());
        response.data.into_iter().try_for_each(&mut take)?;
        if !response.pagination.has_next {
            break;
        }
        if PAGE_SIZES.first().is_some_and(|largest| count.is_multiple_of(*largest)) {
            sizes = PAGE_SIZES.iter().peekable();
        }
    }
    Ok(())
}
