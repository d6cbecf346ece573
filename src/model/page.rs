//! Pagination: which part of a list is requested, and the links to other pages. The parameters of
//! all list routes are parsed with `PageRequest::parse_with`, so that unknown and repeated ones
//! are refused everywhere.

use std::borrow::Cow;

use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

use super::violations::Violation;

/// Maximum page number, far beyond any catalogue.
const MAX_PAGE: i64 = 10_000_000;
/// Maximum number of items per page.
const MAX_LIMIT: i64 = 100;

/// The page that a client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to 10,000,000.
    pub page: i64,
    /// Items per page, 1 to 100.
    pub limit: i64,
}

impl PageRequest {
    /// Parses the query parameters of a list without filters.
    ///
    /// # Errors
    /// Every parameter that is unknown, given twice or breaks its rule.
    pub fn parse(
        parameters: &[(String, String)],
        default_limit: i64,
    ) -> Result<Self, Vec<Violation>> {
        let mut request = Self { page: 1, limit: default_limit };
        Self::parse_with(parameters, |name, value| request.set(name, value))?;
        Ok(request)
    }

    /// Calls `set` for every query parameter and collects its errors and the repeated parameters.
    pub(in crate::model) fn parse_with(
        parameters: &[(String, String)],
        mut set: impl FnMut(&str, &str) -> Result<(), ParameterError>,
    ) -> Result<(), Vec<Violation>> {
        let mut violations = repeated(parameters);
        for (name, value) in parameters {
            if let Err(error) = set(name, value.trim()) {
                let name = Violation::printable_name(name);
                violations.push(Violation::new(name, error.to_string()));
            }
        }
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// Sets `page` or `limit`; every other parameter is unknown.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
        let number = |max: i64| match value.parse() {
            Ok(number) if (1..=max).contains(&number) => Ok(number),
            _ => Err(ParameterError::from(format!("must be a whole number from 1 to {max}"))),
        };
        match name {
            "page" => self.page = number(MAX_PAGE)?,
            "limit" => self.limit = number(MAX_LIMIT)?,
            _ => return Err("is not a known parameter".into()),
        }
        Ok(())
    }

    /// Returns the number of items before this page.
    pub fn offset(self) -> i64 {
        (self.page - 1).saturating_mul(self.limit)
    }

    /// Returns the position of this page in a list of `total` items.
    pub fn paginate(self, total: i64) -> Pagination {
        let pages = total.div_euclid(self.limit) + i64::from(total % self.limit != 0);
        Pagination {
            page: self.page,
            limit: self.limit,
            total,
            pages,
            has_next: self.page < pages,
            has_prev: self.page > 1,
        }
    }
}

/// Why a query parameter is refused; the message of its [`Violation`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(in crate::model) struct ParameterError(Cow<'static, str>);

impl From<&'static str> for ParameterError {
    fn from(message: &'static str) -> Self {
        Self(message.into())
    }
}

impl From<String> for ParameterError {
    fn from(message: String) -> Self {
        Self(message.into())
    }
}

/// Returns a violation for each repetition of a query parameter.
pub fn repeated<T: AsRef<str>>(parameters: &[(T, T)]) -> Vec<Violation> {
    let mut rest = parameters;
    let mut found = Vec::new();
    while let Some(((name, _), tail)) = rest.split_first() {
        let name = name.as_ref();
        if tail.iter().any(|(other, _)| other.as_ref() == name) {
            found.push(Violation::new(Violation::printable_name(name), "must not be given twice"));
        }
        rest = tail;
    }
    found
}

/// The position of a page in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// This page, counted from 1.
    pub page: i64,
    /// Items per page.
    pub limit: i64,
    /// Number of items in the list.
    pub total: i64,
    /// Number of pages in the list; 0 for an empty list.
    pub pages: i64,
    /// Whether there is a next page.
    pub has_next: bool,
    /// Whether there is a previous page.
    pub has_prev: bool,
}

impl Pagination {
    /// Returns the pages that a client may go to from this one, by link relation (RFC 8288).
    pub fn links(self) -> Vec<(&'static str, i64)> {
        let last = self.pages.max(1);
        let mut links = vec![("first", 1)];
        if self.has_prev {
            links.push(("prev", (self.page - 1).min(last)));
        }
        if self.has_next {
            links.push(("next", self.page + 1));
        }
        links.push(("last", last));
        links
    }
}

#[cfg(test)]
mod tests;
