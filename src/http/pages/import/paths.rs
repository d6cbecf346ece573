//! The paths of the pages of imports.

/// Path of the form, and of the preview.
pub(in crate::http::pages) const PATH: &str = "/dashboard/import";
/// Path of the import that was previewed.
pub(super) const APPLY: &str = "/dashboard/import/apply";
