//! The circuits: one for each part of the service that can fail by itself.

use strum::{AsRefStr, EnumCount, EnumIter};

/// A part of the service whose queries share one failure rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumCount, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Circuit {
    /// Metrics and their history.
    Metrics,
    Domains,
    /// Users and sessions.
    Auth,
    ApiKeys,
}

impl Circuit {
    /// The table that most of its queries read or write; a Prometheus label.
    pub fn table(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Domains => "business_domains",
            Self::Auth => "users",
            Self::ApiKeys => "api_keys",
        }
    }
}
