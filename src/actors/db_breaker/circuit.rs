//! The circuits: one for each part of the service that can fail by itself.

use strum::{AsRefStr, EnumCount, EnumIter};

/// A part of the service whose queries share one failure rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, EnumCount, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Circuit {
    /// Metrics and their history.
    Metrics,
    Domains,
    /// Users and sessions.
    Auth,
    ApiKeys,
}
