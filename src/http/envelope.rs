//! The shapes that all response bodies share: success envelopes and the error body. Bodies of one
//! noun are beside its routes.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::openapi::vocabulary::ErrorCode;
use super::request::trace_id::TraceId;
use crate::clock::rfc3339;
use crate::model::completeness::Completeness;
use crate::model::page::Pagination;
use crate::model::paging::ListPagination;
use crate::model::versions::diff::VersionDiff;
use crate::model::violations::Violation;
use crate::model::warnings::{Warning, Warnings};

/// One item of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Envelope)]
pub struct DataBody<T> {
    /// Is always true.
    pub success: bool,
    pub data: T,
}

impl<T> DataBody<T> {
    /// Wraps an item.
    pub fn new(data: T) -> Self {
        Self { success: true, data }
    }
}

/// A metric, and how complete it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Envelope)]
pub struct MetricBody<T> {
    /// Is always true.
    pub success: bool,
    pub data: T,
    /// What a draft still lacks to become active. Computed by the server, and no part of the
    /// metric.
    pub completeness: Completeness,
}

impl<T> MetricBody<T> {
    /// Wraps a metric.
    pub fn new(data: T, completeness: Completeness) -> Self {
        Self { success: true, data, completeness }
    }
}

/// A metric that was created or changed, and how complete it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangeEnvelope)]
pub struct ChangedMetricBody<T> {
    /// Is always true.
    pub success: bool,
    pub data: T,
    /// What a draft still lacks to become active. Computed by the server, and no part of the
    /// metric.
    pub completeness: Completeness,
    /// What was removed from rich texts, at most the first 100 parts; absent if nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub warnings: Vec<Warning>,
    /// Number of warnings beyond those in `warnings`; absent if 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub warnings_omitted: Option<usize>,
}

impl<T> ChangedMetricBody<T> {
    /// Wraps a metric, and the warnings about the request that changed it.
    pub fn new(data: T, completeness: Completeness, warnings: Warnings) -> Self {
        let (warnings, warnings_omitted) = warnings.into_fields();
        Self { success: true, data, completeness, warnings, warnings_omitted }
    }
}

/// One item of the catalogue that was created or changed, or the report of an import.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangeEnvelope)]
pub struct ChangedBody<T> {
    /// Is always true.
    pub success: bool,
    pub data: T,
    /// What was removed from rich texts, at most the first 100 parts; absent if nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub warnings: Vec<Warning>,
    /// Number of warnings beyond those in `warnings`; absent if 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub warnings_omitted: Option<usize>,
}

impl<T> ChangedBody<T> {
    /// Wraps an item, and the warnings about the request that changed it.
    pub fn new(data: T, warnings: Warnings) -> Self {
        let (warnings, warnings_omitted) = warnings.into_fields();
        Self { success: true, data, warnings, warnings_omitted }
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct PageBody<T> {
    /// Is always true.
    pub success: bool,
    pub data: Vec<T>,
    /// Number of items on this page.
    pub count: usize,
    pub pagination: Pagination,
}

impl<T> PageBody<T> {
    /// Wraps the items of a page.
    pub fn new(data: Vec<T>, pagination: Pagination) -> Self {
        Self { success: true, count: data.len(), data, pagination }
    }
}

/// A part of a list of the catalogue: a page, or what follows a cursor.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct ListBody<T> {
    /// Is always true.
    pub success: bool,
    pub data: Vec<T>,
    /// Number of items in `data`.
    pub count: usize,
    pub pagination: ListPagination,
}

impl<T> ListBody<T> {
    /// Wraps the items of a part.
    pub fn new(data: Vec<T>, pagination: ListPagination) -> Self {
        Self { success: true, count: data.len(), data, pagination }
    }
}

/// A confirmation of what was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageBody {
    /// Is always true.
    pub success: bool,
    /// What was done.
    pub message: &'static str,
}

impl MessageBody {
    /// Wraps a message.
    pub fn new(message: &'static str) -> Self {
        Self { success: true, message }
    }
}

/// The body of every error response.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ErrorEnvelope)]
pub struct ErrorBody<'a> {
    /// Is always false.
    pub success: bool,
    pub error: ErrorDetail<'a>,
    /// Also in `X-Request-ID`; quote it when you ask for help.
    pub request_id: &'a str,
    /// The trace-id of the request's `traceparent`, 32 hexadecimal digits; absent if it had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub trace_id: Option<String>,
    /// RFC 3339 in UTC.
    #[schema(format = DateTime)]
    pub timestamp: String,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Error)]
pub struct ErrorDetail<'a> {
    /// Error code, for programs.
    #[schema(value_type = ErrorCode)]
    pub code: &'a str,
    /// Explanation, for people.
    pub message: String,
    /// The violated rules, at most the first 100; only with `VALIDATION_ERROR`.
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    #[schema(max_items = 100)]
    pub details: &'a [Violation],
    /// Number of violations beyond those in `details`; counted up to about 100,000. Absent if 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details_omitted: Option<usize>,
    /// The present version; only with 412.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub current_version: Option<&'a str>,
    /// What has changed since the version that `If-Match` names; only with 412, and only if the
    /// contents of both versions are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub diff: Option<&'a VersionDiff>,
    /// When to try again; only with 429 and 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub retry_after: Option<String>,
}

impl<'a> ErrorBody<'a> {
    /// Describes an error at `now`; `not_done` is what the request was to do.
    pub fn new(
        error: &'a ApiError,
        not_done: Option<&str>,
        request_id: &'a str,
        now: DateTime<Utc>,
    ) -> Self {
        let retry_after =
            error.retry_after().map(|seconds| rfc3339(now + TimeDelta::seconds(seconds.into())));
        let conflict = match error {
            ApiError::PreconditionFailed(conflict) => Some(conflict),
            _ => None,
        };
        Self {
            success: false,
            error: ErrorDetail {
                code: error.code(),
                message: error.message(not_done),
                details: error.details(),
                details_omitted: Some(error.details_omitted()).filter(|omitted| *omitted > 0),
                current_version: conflict.map(|conflict| conflict.current.as_str()),
                diff: conflict.and_then(|conflict| conflict.diff.as_ref()),
                retry_after,
            },
            request_id,
            trace_id: None,
            timestamp: rfc3339(now),
        }
    }

    /// Names the trace that the request belongs to.
    #[must_use]
    pub fn in_trace(self, trace: Option<TraceId>) -> Self {
        Self { trace_id: trace.map(|trace| trace.to_string()), ..self }
    }
}
