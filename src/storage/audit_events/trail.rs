//! The audit events that one request has written, kept until its transaction is known to be
//! committed and they can be logged.

use std::sync::{Arc, Mutex, PoisonError};

use super::NewEvent;

/// A row that was written, and the transaction that wrote it.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    pub event_id: i64,
    pub(super) transaction: String,
    pub event: NewEvent,
}

/// The rows that the transactions of one request have written, committed or not.
#[derive(Clone, Debug, Default)]
pub struct Trail(Arc<Mutex<Vec<RecordedEvent>>>);

impl Trail {
    pub(super) fn push(&self, recorded: RecordedEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }

    /// Empties the trail. Returns the rows of the last transaction, and those of earlier ones: a
    /// transaction that conflicts with another is retried, and only its last attempt is committed.
    pub fn take(&self) -> (Vec<RecordedEvent>, Vec<RecordedEvent>) {
        let rows = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let last = rows.last().map(|row| row.transaction.clone());
        rows.into_iter().partition(|row| Some(&row.transaction) == last.as_ref())
    }
}
