//! The two ways through a list of the catalogue: numbered pages (`model::page`), which can be
//! jumped to, and cursors (`model::cursor`), which stay right while items are created and deleted.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::cursor::{ListIdentity, ListPosition};
use super::page::{PageRequest, Pagination};
use super::violations::Violation;

/// The cursor of the beginning of a list. An empty one is refused: a client that sends back the
/// missing cursor of the last part would begin again.
pub const START: &str = "start";

/// Which part of a list a client requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paging {
    Page(PageRequest),
    Cursor(CursorRequest),
}

/// The part of a list that follows a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorRequest {
    /// None for the beginning of the list.
    pub after: Option<ListPosition>,
    /// Maximum number of items, 1 to 100.
    pub limit: i64,
    list: ListIdentity,
}

/// The part of a list that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListPart {
    /// A page, and the number of items in the list.
    Page(PageRequest, i64),
    /// What follows a cursor, and the position of its last item; none at the end of the list.
    Cursor(CursorRequest, Option<ListPosition>),
}

impl Paging {
    /// Takes `page` and `limit`, as parsed, or the cursor, if there is one.
    ///
    /// # Errors
    /// A cursor that is not of this list, or beside `page`.
    pub(in crate::model) fn new(
        page: PageRequest,
        name: &str,
        parameters: &[(String, String)],
    ) -> Result<Self, Vec<Violation>> {
        let sent = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted);
        let Some((_, cursor)) = sent("cursor") else { return Ok(Self::Page(page)) };
        if sent("page").is_some() {
            return Err(vec![Violation::new("page", "must not be sent together with cursor")]);
        }
        let list = ListIdentity::new(name, parameters);
        let after = match cursor.trim() {
            START => None,
            text => Some(ListPosition::from_cursor(text, &list).ok_or_else(foreign_cursor)?),
        };
        Ok(Self::Cursor(CursorRequest { after, limit: page.limit, list }))
    }
}

impl ListPart {
    /// Describes the part as the response contains it.
    pub fn describe(&self) -> ListPagination {
        match self {
            Self::Page(page, total) => ListPagination::Page(page.paginate(*total)),
            Self::Cursor(cursor, last) => cursor.describe(last.as_ref()),
        }
    }

    /// Returns the number of items in the list, which only a page has.
    pub fn total(&self) -> Option<i64> {
        match self {
            Self::Page(_, total) => Some(*total),
            Self::Cursor(..) => None,
        }
    }
}

impl CursorRequest {
    fn describe(&self, last: Option<&ListPosition>) -> ListPagination {
        let next_cursor = last.map(|position| position.to_cursor(&self.list));
        let has_next = next_cursor.is_some();
        ListPagination::Cursor(CursorPagination { limit: self.limit, has_next, next_cursor })
    }
}

/// Returns the violations of a cursor that was not made for this list.
pub fn foreign_cursor() -> Vec<Violation> {
    let message = "must be start, or pagination.next_cursor of a response with the same filters \
                   and sort";
    vec![Violation::new("cursor", message)]
}

/// The position in a list that is read by cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CursorPagination {
    /// Maximum number of items.
    pub limit: i64,
    /// Whether there are more items.
    pub has_next: bool,
    /// The `cursor` of the next request; null at the end of the list. Only with `cursor`.
    #[serde(rename = "next_cursor")]
    pub next_cursor: Option<String>,
}

/// The position of the part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ListPagination {
    Page(Pagination),
    Cursor(CursorPagination),
}

/// One object with the fields of both, so that typed clients need not tell two types apart; only
/// those are required that both have.
impl PartialSchema for ListPagination {
    fn schema() -> RefOr<Schema> {
        let (page, cursor) = (Pagination::schema(), CursorPagination::schema());
        match (page, cursor) {
            (RefOr::T(Schema::Object(mut page)), RefOr::T(Schema::Object(cursor))) => {
                page.required.retain(|field| cursor.required.contains(field));
                for (name, schema) in cursor.properties {
                    page.properties.entry(name).or_insert(schema);
                }
                let text = "The position in a list. With `cursor` there are only `limit`, \
                            `hasNext` and `next_cursor`.";
                page.description = Some(text.into());
                RefOr::T(Schema::Object(page))
            }
            (other, _) => other,
        }
    }
}

impl ToSchema for ListPagination {
    fn name() -> Cow<'static, str> {
        "ListPagination".into()
    }
}

#[cfg(test)]
mod tests;
