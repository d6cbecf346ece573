//! A guard around a change that ends or shrinks authority: whatever becomes of the request after
//! the commit, the caches of this process are invalidated. Other processes follow the database's
//! notifications and its epoch (`app::epoch_watch`), as this one does for a commit that comes later
//! than an unknown outcome was reported.

use crate::actors::api_key_cache::ApiKeyCacheHandle;
use crate::actors::db_breaker::DbError;
use crate::cache::sessions::Callers;
use crate::model::authority::Concern;
use crate::storage::users::Account;

/// An invalidation that is due. Made before the transaction; dropped without having been delivered
/// or cancelled (a panic, a time-out, a dropped request) it invalidates synchronously.
///
/// While it exists, hits of the API keys concerned are checked in the database: a commit is visible
/// there a moment before its answer is read here.
#[derive(Debug)]
#[must_use = "dropped at once it invalidates before the change is made"]
pub struct Invalidation {
    callers: Callers<Account>,
    keys: ApiKeyCacheHandle,
    concern: Concern,
    due: bool,
}

impl Invalidation {
    pub(super) fn new(
        callers: Callers<Account>,
        keys: ApiKeyCacheHandle,
        concern: Concern,
    ) -> Self {
        keys.begin(concern);
        Self { callers, keys, concern, due: true }
    }

    /// Invalidates: when this returns, this process lets nobody in by what was before.
    pub async fn deliver(mut self) {
        self.callers.end(self.concern);
        self.keys.end(self.concern).await;
        self.due = false;
    }

    /// Nothing was changed.
    pub fn cancel(mut self) {
        self.due = false;
    }

    /// Awaits the change and invalidates if it was made, or may have been.
    ///
    /// # Errors
    /// Those of the change.
    pub fn deliver_after<T>(
        self,
        change: impl Future<Output = Result<T, DbError>>,
    ) -> impl Future<Output = Result<T, DbError>> {
        self.deliver_after_if(change, |_| true)
    }

    /// The same for a change that ends something only if `ended` says so of its result.
    ///
    /// # Errors
    /// Those of the change.
    pub fn deliver_after_if<T>(
        self,
        change: impl Future<Output = Result<T, DbError>>,
        ended: impl FnOnce(&T) -> bool,
    ) -> impl Future<Output = Result<T, DbError>> {
        // Boxed before it is captured: a transaction's future is large, and each floor would hold
        // it twice.
        let change = Box::pin(change);
        async move {
            let outcome = change.await;
            match &outcome {
                Ok(done) if !ended(done) => self.cancel(),
                // After these nothing was changed. A needless invalidation would cost callers the
                // outage that may have begun.
                Err(
                    DbError::Unavailable { .. }
                    | DbError::Failed { .. }
                    | DbError::Stopped
                    | DbError::Storage(_),
                ) => {
                    self.cancel();
                }
                Ok(_) | Err(DbError::UnknownOutcome { .. }) => self.deliver().await,
            }
            outcome
        }
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if self.due {
            self.callers.end(self.concern);
            self.keys.end_now(self.concern);
        }
        self.keys.settle(self.concern);
    }
}
