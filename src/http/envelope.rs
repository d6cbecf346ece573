//! The shapes around what is answered.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use crate::clock::rfc3339;
use crate::model::page::Pagination;
use crate::model::violations::Violation;

/// One thing of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
pub struct Data<T> {
    /// Always true.
    pub success: bool,
    /// The thing.
    pub data: T,
}

impl<T> Data<T> {
    /// Wraps it.
    pub fn of(data: T) -> Self {
        Self { success: true, data }
    }
}

/// A page of a list of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// Always true.
    pub success: bool,
    /// The things on this page.
    pub data: Vec<T>,
    /// How many they are.
    pub count: usize,
    /// The place of this page in the list.
    pub pagination: Pagination,
}

impl<T> Page<T> {
    /// Wraps it.
    pub fn of(data: Vec<T>, pagination: Pagination) -> Self {
        Self { success: true, count: data.len(), data, pagination }
    }
}

/// A sentence that says what was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// Always true.
    pub success: bool,
    /// What was done.
    pub message: &'static str,
}

impl Message {
    /// Wraps it.
    pub fn of(message: &'static str) -> Self {
        Self { success: true, message }
    }
}

/// Any error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody<'a> {
    /// Always false.
    pub success: bool,
    /// What went wrong.
    pub error: ErrorDetail<'a>,
    /// Also in `X-Request-ID`; name it when you ask for help.
    pub request_id: &'a str,
    /// When, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    pub timestamp: String,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetail<'a> {
    /// For machines.
    pub code: &'a str,
    /// For people.
    pub message: &'a str,
    /// The broken rules, at most the first 100; only with `VALIDATION_ERROR`.
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    #[schema(max_items = 100)]
    pub details: &'a [Violation],
    /// How many more there are than `details` has; counted up to about 100,000. Absent if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details_omitted: Option<usize>,
    /// When to try again; only with 429 and 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub retry_after: Option<String>,
}

impl<'a> ErrorBody<'a> {
    /// The body for an error.
    pub fn of(error: &'a ApiError, request_id: &'a str, now: DateTime<Utc>) -> Self {
        let retry_after =
            error.retry_after().map(|seconds| rfc3339(now + TimeDelta::seconds(seconds.into())));
        Self {
            success: false,
            error: ErrorDetail {
                code: error.code(),
                message: error.message(),
                details: error.details(),
                details_omitted: Some(error.details_omitted()).filter(|omitted| *omitted > 0),
                retry_after,
            },
            request_id,
            timestamp: rfc3339(now),
        }
    }
}
