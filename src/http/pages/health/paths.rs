//! The paths of the pages about health, and their title.

pub(super) const TITLE: &str = "Health";
pub(super) const PAGE: &str = "/dashboard/health";
pub(super) const CONTROL: &str = "/dashboard/health/control";
pub(super) const LIVE: &str = "/dashboard/health/live";
