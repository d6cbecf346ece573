//! The mark of a request whose response is a stream without an end.

use std::time::Instant;

/// Marks a request that is answered by a stream since this instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventStream(pub Instant);
