//! What requests leave for the audit log and no transaction of theirs has written: refusals, which
//! are counted, and actions that are not done in the database. [`super::flush`] writes both.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::{MutexGuard, Notify};
use uuid::Uuid;

use super::refusal;
use crate::cache::audit_refusals::{RefusalCount, RefusalCounts, RefusalKey, RefusedRequest};
use crate::model::audit::Action;
use crate::storage::audit_events::{Actor, NewEvent};

/// Capacity of the queue of events. Beyond it the oldest is dropped.
const MAX_WAITING: usize = 256;

/// Refusals and events that wait to be written.
#[derive(Debug, Default)]
pub struct AuditQueue {
    refusals: RefusalCounts,
    waiting: Mutex<VecDeque<NewEvent>>,
    wake: Notify,
    /// Serialises flushes, so that the one at shutdown waits for one that is running.
    flushing: tokio::sync::Mutex<()>,
}

impl AuditQueue {
    /// Queues the event of an action that is not done in the database.
    pub fn record_later(&self, event: NewEvent) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            waiting.pop_front();
        }
        waiting.push_back(event);
        self.wake.notify_one();
    }

    /// Counts a refusal that the response of its request does not tell, such as a password reset
    /// for an unknown account.
    pub fn count_refusal(
        &self,
        actor: &Actor,
        action: Action,
        reason: &'static str,
        account: (Option<Uuid>, String),
        now: DateTime<Utc>,
    ) {
        if let Some(refusal) = refusal::from_actor(actor, action, reason, account) {
            self.count(refusal, now);
        }
    }

    pub(super) fn count(&self, (key, sample): (RefusalKey, RefusedRequest), now: DateTime<Utc>) {
        if self.refusals.record(key, sample, now) {
            self.wake.notify_one();
        }
    }

    /// Waits until something must be written soon: an event, or the first refusal of its key.
    pub async fn wait_for_work(&self) {
        self.wake.notified().await;
    }

    pub(super) async fn lock_flush(&self) -> MutexGuard<'_, ()> {
        self.flushing.lock().await
    }

    /// Takes the events and the refusals: all of them, or only those of new keys.
    pub(super) fn take(&self, all: bool) -> (VecDeque<NewEvent>, Vec<RefusalCount>) {
        let refusals = if all { self.refusals.take_all() } else { self.refusals.take_new() };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut *waiting), refusals)
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&self, mut events: VecDeque<NewEvent>, refusals: Vec<RefusalCount>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        events.append(&mut waiting);
        events.drain(..events.len().saturating_sub(MAX_WAITING));
        *waiting = events;
        drop(waiting);
        self.refusals.put_back(refusals);
    }
}
