//! What a request has recorded, until it is known to be committed and can be logged.

use std::sync::{Arc, Mutex, PoisonError};

use super::NewEvent;

/// A row, and the transaction that wrote it.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub event_id: i64,
    pub(super) transaction: String,
    pub event: NewEvent,
}

/// The rows that the transactions of one request have written, committed or not.
#[derive(Clone, Debug, Default)]
pub struct Trail(Arc<Mutex<Vec<Recorded>>>);

impl Trail {
    pub(super) fn push(&self, recorded: Recorded) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }

    /// Empties it. First the rows of the last transaction, then those of earlier ones: a
    /// transaction that meets another is begun again, and only its last attempt is committed.
    pub fn take(&self) -> (Vec<Recorded>, Vec<Recorded>) {
        let rows = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let last = rows.last().map(|row| row.transaction.clone());
        rows.into_iter().partition(|row| Some(&row.transaction) == last.as_ref())
    }
}
