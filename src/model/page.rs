//! Paging: which part of a list, and where its neighbours are.

use serde::Serialize;
use utoipa::ToSchema;

use super::violations::Violation;

/// The last page that can be asked for; with 100 items a page that is far beyond any catalogue.
const MAX_PAGE: i64 = 10_000_000;
/// The most items a page.
const MAX_LIMIT: i64 = 100;

/// The page that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Counted from 1.
    pub page: i64,
    /// Items a page, 1 to 100.
    pub limit: i64,
}

impl PageRequest {
    /// Reads the parameters of a list that has nothing but pages.
    ///
    /// # Errors
    /// Every parameter that is unknown, given twice or breaks its rule.
    pub fn parse(
        parameters: &[(String, String)],
        default_limit: i64,
    ) -> Result<Self, Vec<Violation>> {
        let mut request = Self { page: 1, limit: default_limit };
        Self::read(parameters, |name, value| request.set(name, value))?;
        Ok(request)
    }

    /// Hands every parameter of a list to `set`, which takes it or says what is wrong with it.
    pub(in crate::model) fn read(
        parameters: &[(String, String)],
        mut set: impl FnMut(&str, &str) -> Result<(), String>,
    ) -> Result<(), Vec<Violation>> {
        let mut violations = Self::repeated(parameters);
        for (name, value) in parameters {
            if let Err(message) = set(name, value.trim()) {
                violations.push(Violation::new(Violation::name_of(name), message));
            }
        }
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// Takes one parameter; says what is wrong with it, if anything.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = |max: i64| match value.parse() {
            Ok(number) if (1..=max).contains(&number) => Ok(number),
            _ => Err(format!("must be a whole number from 1 to {max}")),
        };
        match name {
            "page" => self.page = number(MAX_PAGE)?,
            "limit" => self.limit = number(MAX_LIMIT)?,
            _ => return Err("is not a known parameter".into()),
        }
        Ok(())
    }

    /// The parameters that are given more than once.
    fn repeated(parameters: &[(String, String)]) -> Vec<Violation> {
        let mut rest = parameters;
        let mut found = Vec::new();
        while let Some(((name, _), tail)) = rest.split_first() {
            if tail.iter().any(|(other, _)| other == name) {
                found.push(Violation::new(Violation::name_of(name), "must not be given twice"));
            }
            rest = tail;
        }
        found
    }

    /// How many items come before this page.
    pub fn offset(self) -> i64 {
        (self.page - 1).saturating_mul(self.limit)
    }

    /// The place of this page in a list of `total` items.
    pub fn of(self, total: i64) -> Pagination {
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

/// The place of a page in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// This page, counted from 1.
    pub page: i64,
    /// Items a page.
    pub limit: i64,
    /// Items in the whole list.
    pub total: i64,
    /// Pages in the whole list; 0 for an empty one.
    pub pages: i64,
    /// Whether a page follows.
    pub has_next: bool,
    /// Whether a page goes before.
    pub has_prev: bool,
}

impl Pagination {
    /// The pages that a client may go to from here, by their RFC 8288 relation, each at most once.
    pub fn neighbours(self) -> Vec<(&'static str, i64)> {
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
