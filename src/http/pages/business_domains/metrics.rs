//! The metrics of a business domain, for its page and for the question whether to delete it.

use maud::{Markup, html};
use serde::Deserialize;

use super::super::elements::{status, time};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::model::list_walk::KnownList;
use crate::model::metrics::query::MetricQuery;
use crate::model::page::Pagination;
use crate::model::paging::ListPagination;
use crate::storage::metrics::{self, MetricRow};

/// The fields of a row of the table.
const FIELDS: &str = "name,tier,metric_type,governance";

/// A page of the metrics of a domain.
pub(super) struct DomainMetrics {
    pub(super) rows: Vec<MetricRow>,
    pub(super) pagination: Pagination,
}

/// The part of `governance` that the table shows.
#[derive(Deserialize)]
struct ShownGovernance {
    status: String,
    owner_team: Option<String>,
}

impl DomainMetrics {
    /// Reads a page, by name.
    pub(super) async fn read(
        services: &CatalogueServices,
        domain: &str,
        page: &str,
    ) -> Result<Self, ApiError> {
        let parameters = [("business_domain", domain), ("page", page), ("fields", FIELDS)];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = MetricQuery::parse(&parameters, services.clock.now());
        let query = query.map_err(ApiError::Validation)?;
        let read = services.db.run(Circuit::Metrics, "metrics.list", async |conn| {
            metrics::list(conn, &query, &KnownList::default()).await
        });
        let listed = read.await?;
        let ListPagination::Page(pagination) = listed.part.describe() else {
            return Err(ApiError::Internal { cause: "a list without pages".into() });
        };
        Ok(Self { rows: listed.rows, pagination })
    }

    /// Renders the rows.
    pub(super) fn table(&self) -> Result<Markup, ApiError> {
        let parse =
            |row: &MetricRow| serde_json::from_str::<ShownGovernance>(row.governance.text());
        let governance: Result<Vec<_>, _> = self.rows.iter().map(parse).collect();
        let governance =
            governance.map_err(|error| ApiError::Internal { cause: error.to_string() })?;
        Ok(html! {
            table.small {
                thead { tr {
                    @for label in ["Name", "Tier", "Type", "Status", "Owner", "Changed"] {
                        th scope="col" { (label) }
                    }
                } }
                tbody {
                    @for (row, governance) in self.rows.iter().zip(&governance) {
                        tr {
                            th scope="row" {
                                a href=(page_of(&row.metric_id)) { (row.name) }
                                span.id { (row.metric_id) }
                            }
                            td data-label="Tier" { (row.tier) }
                            td data-label="Type" { (row.metric_type) }
                            td data-label="Status" { (status(&governance.status)) }
                            td data-label="Owner" {
                                (governance.owner_team.as_deref().unwrap_or(""))
                            }
                            td data-label="Changed" { (time(row.updated_at)) }
                        }
                    }
                }
            }
        })
    }
}

/// The page of a metric.
fn page_of(metric_id: &str) -> String {
    format!("/dashboard/metrics/{metric_id}")
}
