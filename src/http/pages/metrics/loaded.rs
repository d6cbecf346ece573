//! Loads a metric for its pages: as it is, as it was at an instant, or one of its versions.

use actix_web::http::header::ContentEncoding;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::Value;

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::routes::metrics::path::NOUN;
use crate::http::routes::metrics::response::MetricResponse;
use crate::http::routes::metrics::versioned::VERSIONED;
use crate::http::routes::not_found::name_missing;
use crate::http::routes::versions::VersionRead;
use crate::model::completeness::Completeness;
use crate::model::text::Id;
use crate::model::versions::query::take_as_of;
use crate::storage::document::Document;
use crate::storage::metrics::{self, DeprecationNotice};
use crate::storage::versions;

/// A metric with what its page says about it.
pub(in crate::http::pages) struct LoadedMetric {
    pub(in crate::http::pages) content: Value,
    pub(in crate::http::pages) version: String,
    pub(in crate::http::pages) completeness: Completeness,
    /// Only of the present metric, if it is deprecated.
    pub(in crate::http::pages) deprecation: Option<DeprecationNotice>,
    /// The instant of the past that it is of.
    pub(in crate::http::pages) as_of: Option<DateTime<Utc>>,
}

impl LoadedMetric {
    /// Loads the metric as it is.
    pub(in crate::http::pages) async fn present(
        services: &CatalogueServices,
        id: &Id,
    ) -> Result<Self, ApiError> {
        let read = services.db.run(Circuit::Metrics, "metrics.get", async |conn| {
            let row = metrics::get(conn, id.as_str()).await?;
            let notice = metrics::find_deprecation(conn, &row).await?;
            Ok((row, notice))
        });
        let (row, deprecation) = read.await.map_err(name_missing(NOUN, id.as_str()))?;
        let content = serde_json::to_value(MetricResponse::from(&row)).map_err(unreadable)?;
        let completeness = row.completeness().map_err(unreadable)?;
        Ok(Self { content, version: row.version, completeness, deprecation, as_of: None })
    }

    /// Loads the metric as it was at an instant.
    pub(in crate::http::pages) async fn as_of(
        services: &CatalogueServices,
        id: &Id,
        instant: DateTime<Utc>,
    ) -> Result<Self, ApiError> {
        let operation = VERSIONED.operations.1;
        let read = services.db.run(Circuit::Metrics, operation, async |conn| {
            versions::get_as_of(conn, VERSIONED.table, id.as_str(), instant).await
        });
        let kept = read.await.map_err(name_missing(NOUN, id.as_str()))?;
        let version = kept.entry.version.clone();
        Self::of_content(&kept.into_content().map_err(ApiError::from)?, version, Some(instant))
    }

    /// Loads one version.
    pub(in crate::http::pages) async fn version(
        services: &CatalogueServices,
        id: &Id,
        version: &str,
    ) -> Result<Self, ApiError> {
        let [(entry, content)] = reader(services, id).load([version]).await?;
        Self::of_content(&content, entry.version, None)
    }

    fn of_content(
        content: &Document,
        version: String,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Self, ApiError> {
        let completeness = metrics::completeness_of(content).map_err(unreadable)?;
        let content = serde_json::from_str(content.text()).map_err(unreadable)?;
        Ok(Self { content, version, completeness, deprecation: None, as_of })
    }
}

/// Makes a reader of the versions of a metric.
pub(super) fn reader<'a>(services: &'a CatalogueServices, id: &'a Id) -> VersionRead<'a> {
    let encoding = AcceptedEncoding(ContentEncoding::Identity);
    VersionRead { services, of: &VERSIONED, id, encoding }
}

/// Takes `as_of` out of the query of a page. A date, as a date picker sends it, means the end of
/// that day in UTC, or now if that is today.
pub(super) fn instant_of(
    mut parameters: Vec<(String, String)>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, ApiError> {
    parameters.retain(|(name, value)| name == "as_of" && !value.is_empty());
    for (_, value) in &mut parameters {
        if let Ok(date) = value.parse::<NaiveDate>() {
            let end = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap_or_default();
            let end = date.and_time(end).and_utc();
            let instant = if date == now.date_naive() { now } else { end };
            *value = crate::clock::rfc3339(instant);
        }
    }
    take_as_of(&mut parameters, now).map_err(ApiError::Validation)
}

fn unreadable(error: impl std::fmt::Display) -> ApiError {
    ApiError::Internal { cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_means_the_end_of_its_day() {
        let now = "2026-03-01T10:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let read = |value: &str| {
            let parameters = vec![("as_of".to_owned(), value.to_owned())];
            instant_of(parameters, now).map(|found| found.map(crate::clock::rfc3339))
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read("2026-02-28").unwrap(), text("2026-02-28T23:59:59.999999Z"));
        assert_eq!(read("2026-03-01").unwrap(), text("2026-03-01T10:00:00.000000Z"));
        assert_eq!(read("2026-02-28T01:02:03Z").unwrap(), text("2026-02-28T01:02:03.000000Z"));
        assert_eq!(read("").unwrap(), None);
        for refused in ["2026-03-02", "2026-02-30", "yesterday"] {
            assert!(read(refused).is_err(), "{refused}");
        }
    }
}
