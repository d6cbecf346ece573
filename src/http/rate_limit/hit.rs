//! A hit of a small limit, in the windows of this process and in the database.

use std::time::Duration;

use actix_web::web;
use uuid::Uuid;

use super::limiter::RateLimiter;
use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::Wait;
use crate::storage::rate_limits::{self, HitBucket};

/// Attempts to release a hit in the database, one a second.
const RELEASE_ATTEMPTS: u32 = 60;

/// A hit that was taken.
pub(super) struct Hit {
    pub(super) policy: Policy,
    subjects: Vec<String>,
    pub(super) id: Uuid,
    /// Milliseconds since 1970.
    pub(super) at: i64,
}

impl Hit {
    /// Makes a hit that no bucket has taken yet.
    pub(super) fn new(policy: Policy, at: i64) -> Self {
        Self { policy, subjects: Vec::new(), id: Uuid::now_v7(), at }
    }

    /// Takes the hit in the window of this process.
    ///
    /// # Errors
    /// [`Wait`] if the window is full, or if the database has lately found the bucket full.
    pub(super) fn reserve_local(
        &mut self,
        limiter: &RateLimiter,
        bucket: &HitBucket,
    ) -> Result<(), Wait> {
        limiter.full_buckets.check(&bucket.subject, self.at)?;
        if let Some(windows) = limiter.local_windows(self.policy) {
            windows.reserve_within(bucket.subject.clone(), bucket.quota, self.at)?;
            self.subjects.push(bucket.subject.clone());
        }
        Ok(())
    }

    /// Releases the hit in the windows of this process.
    pub(super) fn release_local(&self, limiter: &RateLimiter) {
        if let Some(windows) = limiter.local_windows(self.policy) {
            self.subjects.iter().for_each(|subject| windows.release(subject.clone(), self.at));
        }
    }

    /// Releases the hit, and empties the buckets in `cleared`.
    pub(super) async fn release(self, state: &web::Data<AppState>, cleared: Vec<String>) {
        let limiter = &state.rate_limiter;
        self.release_local(limiter);
        if let Some(windows) = limiter.local_windows(self.policy) {
            for subject in &cleared {
                windows.retain(subject.clone(), &[]);
            }
        }
        if self.release_shared(state, &cleared).await {
            return;
        }
        // Database unavailable: release the hit in the background.
        let background = state.background.clone();
        let state = state.clone();
        background.spawn(move || async move {
            for _ in 0..RELEASE_ATTEMPTS {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if self.release_shared(&state, &cleared).await {
                    return;
                }
            }
        });
    }

    /// Releases the hit in the database. Only then are its buckets no longer taken to be full: a
    /// request that was counted before would find them full again.
    async fn release_shared(&self, state: &AppState, cleared: &[String]) -> bool {
        let released = state.db.run(Circuit::Auth, "rate_limit_hits.release", async |conn| {
            rate_limits::release(conn, self.id, cleared).await
        });
        let is_released = released.await.is_ok();
        if is_released {
            let subjects = self.subjects.iter().chain(cleared);
            state.rate_limiter.full_buckets.remove(subjects);
        }
        is_released
    }
}
