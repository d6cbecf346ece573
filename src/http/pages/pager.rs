//! The links from one page of a list to the others. Filters stay as they are.

use maud::{Markup, html};

use crate::model::page::Pagination;

/// Links to the pages before and after this one; nothing if the list has one page only.
pub(super) fn pager(
    path: &str,
    parameters: &[(String, String)],
    Pagination { page, pages, has_next, has_prev, .. }: Pagination,
) -> Markup {
    let link = |page: i64| {
        let others = parameters.iter().filter(|(name, _)| name != "page");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(others).append_pair("page", &page.to_string()).finish();
        format!("{path}?{query}")
    };
    html! {
        @if pages > 1 {
            nav.pages aria-label="Pages" {
                @if has_prev {
                    a.button rel="prev" href=(link((page - 1).min(pages))) { "Previous" }
                }
                span { "Page " (page) " of " (pages) }
                @if has_next { a.button rel="next" href=(link(page.saturating_add(1))) { "Next" } }
            }
        }
    }
}

/// Removes what is not part of the list: the message about what was done, and empty filters, which
/// forms send.
pub(super) fn list_parameters(mut parameters: Vec<(String, String)>) -> Vec<(String, String)> {
    parameters.retain(|(name, value)| name != super::notice::DONE && !value.trim().is_empty());
    parameters
}
