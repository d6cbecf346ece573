//! The paths of the pages of business domains.

pub(super) const PATH: &str = "/dashboard/domains";
/// Not below the list, where it would be the page of a domain with this id.
pub(super) const NEW: &str = "/dashboard/new-domain";

/// Returns the path of a domain. Its id needs no encoding.
pub(in crate::http::pages) fn path_of(id: &str) -> String {
    format!("{PATH}/{id}")
}
