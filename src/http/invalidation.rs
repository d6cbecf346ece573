//! A guard around a change that ends or narrows permissions: whatever happens to the request after
//! the commit, the caches of this process are invalidated. Other processes follow the database's
//! notifications and epoch (`app::service::invalidation`), as this one does for a commit that comes
//! after an unknown outcome was reported.

use crate::actors::api_key_cache::ApiKeyCacheHandle;
use crate::actors::db_breaker::DbError;
use crate::cache::sessions::SessionCache;
use crate::clock::Clock;
use crate::model::authority::InvalidationScope;
use crate::storage::sessions::LiveSession;

/// A pending invalidation, created before the transaction. If it is dropped without having been
/// applied or cancelled (panic, timeout, cancelled request), it invalidates synchronously.
///
/// While it exists, cache hits in its scope are checked in the database: a commit is visible there
/// a moment before its result arrives here.
#[derive(Debug)]
#[must_use = "dropped at once, it invalidates before the change is made"]
pub struct Invalidation {
    sessions: SessionCache<LiveSession>,
    keys: ApiKeyCacheHandle,
    clock: Clock,
    scope: InvalidationScope,
    due: bool,
}

impl Invalidation {
    pub(super) fn new(
        sessions: SessionCache<LiveSession>,
        keys: ApiKeyCacheHandle,
        clock: Clock,
        scope: InvalidationScope,
    ) -> Self {
        keys.begin_change(scope);
        Self { sessions, keys, clock, scope, due: true }
    }

    /// Invalidates. When this returns, this process accepts nothing that was cached before.
    pub async fn apply(mut self) {
        self.sessions.invalidate(self.scope, self.clock.now());
        self.keys.invalidate(self.scope).await;
        self.due = false;
    }

    /// Drops the invalidation, because nothing was changed.
    pub fn cancel(mut self) {
        self.due = false;
    }

    /// Awaits the change and invalidates if it was made, or may have been made.
    ///
    /// # Errors
    /// Those of the change.
    pub fn apply_after<T>(
        self,
        change: impl Future<Output = Result<T, DbError>>,
    ) -> impl Future<Output = Result<T, DbError>> {
        self.apply_after_if(change, |_| true)
    }

    /// Like [`Self::apply_after`], but a result for which `ended` is false invalidates nothing.
    ///
    /// # Errors
    /// Those of the change.
    pub fn apply_after_if<T>(
        self,
        change: impl Future<Output = Result<T, DbError>>,
        ended: impl FnOnce(&T) -> bool,
    ) -> impl Future<Output = Result<T, DbError>> {
        // Boxed before it is captured: a transaction's future is large, and each layer would hold
        // it twice.
        let change = Box::pin(change);
        async move {
            let outcome = change.await;
            match &outcome {
                Ok(done) if !ended(done) => self.cancel(),
                // Nothing was changed. An unneeded invalidation would remove cached entries that
                // are needed in an outage, which may have begun.
                Err(
                    DbError::Unavailable { .. }
                    | DbError::Overloaded { .. }
                    | DbError::Failed { .. }
                    | DbError::Stopped
                    | DbError::Storage(_),
                ) => {
                    self.cancel();
                }
                Ok(_) | Err(DbError::UnknownOutcome { .. }) => self.apply().await,
            }
            outcome
        }
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if self.due {
            self.sessions.invalidate(self.scope, self.clock.now());
            self.keys.invalidate_now(self.scope);
        }
        self.keys.end_change(self.scope);
    }
}
