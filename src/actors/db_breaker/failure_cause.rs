//! Why calls fail: the closed set of causes by which failures are counted, and the counts.

use serde::Serialize;
use utoipa::ToSchema;

/// Why a call counts as a failure of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureCause {
    /// The call was not answered within `CIRCUIT_BREAKER_TIMEOUT`.
    Deadline,
    /// The server cancelled the statement after `statement_timeout`.
    StatementTimeout,
    /// The server cancelled the statement after `lock_timeout`.
    LockTimeout,
    /// The connection broke, or the server shuts down, is read-only or has no resources.
    Connection,
    /// No connection could be opened; calls of every circuit would have failed.
    Unreachable,
}

impl FailureCause {
    /// Whether this failure alone is a reason to probe the server: it kept silent for the whole
    /// time limit. A lost connection is not, because the next one may work.
    pub(super) fn suggests_outage(self) -> bool {
        matches!(self, Self::Deadline | Self::Unreachable)
    }

    /// Whether the failure says that the server was not there, rather than slow.
    pub(super) fn is_lost_connection(self) -> bool {
        matches!(self, Self::Connection | Self::Unreachable)
    }

    pub(super) fn is_timeout(self) -> bool {
        matches!(self, Self::Deadline | Self::StatementTimeout | Self::LockTimeout)
    }
}

/// Failures by cause
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FailuresByCause)]
pub struct FailureCounts {
    /// Calls not answered within the timeout of the circuit breaker
    pub deadline: u64,
    /// Statements that the server cancelled after its statement timeout
    pub statement_timeout: u64,
    /// Statements that the server cancelled after its lock timeout
    pub lock_timeout: u64,
    /// Connections that broke, and errors of a server that shuts down, is read-only or has no
    /// resources
    pub connection: u64,
    /// Calls for which no connection could be opened, those of other circuits included
    pub unreachable: u64,
}

impl FailureCounts {
    /// Counts one failure.
    pub(super) fn add(&mut self, cause: FailureCause) {
        let count = match cause {
            FailureCause::Deadline => &mut self.deadline,
            FailureCause::StatementTimeout => &mut self.statement_timeout,
            FailureCause::LockTimeout => &mut self.lock_timeout,
            FailureCause::Connection => &mut self.connection,
            FailureCause::Unreachable => &mut self.unreachable,
        };
        *count = count.saturating_add(1);
    }
}
