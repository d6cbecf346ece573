//! The actor: owns the rules and the queue of last uses, and is the only one that inserts into the
//! table. It decides within one message and never waits; lookups and flushes are tasks beside it.

use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, ResponseFuture};
use chrono::Utc;
use slog::Logger;
use tokio::sync::oneshot;

use super::error::KeyLookupError;
use super::guards::{FlushGuard, LookupGuard};
use super::known_key::KnownKey;
use super::messages::{
    ApplyEpoch, ApplyEvent, FlushEnded, FlushLastUsed, Invalidate, LookUpKey, LookupEnded,
    LookupResult, QueueLastUse, StartIncarnation, StopKeyCache,
};
use super::rules::{LookupCompletion, LookupRules, LookupStart};
use super::table::{KeyLookup, KeyTable};
use super::usage::{MAX_BATCH, PendingUses};
use crate::actors::db_breaker::{Circuit, DbBreakerHandle};
use crate::credentials::api_keys::KeyHash;
use crate::model::authority::InvalidationScope;
use crate::storage::api_keys::authority;
use crate::telemetry::instruments::authentication::AuthInstruments;

const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
/// Queued uses that start a flush before the interval is over.
const EARLY_FLUSH_AT: usize = 1_000;

/// The API key cache actor.
pub(super) struct ApiKeyCache {
    rules: LookupRules<oneshot::Sender<LookupResult>>,
    table: Arc<KeyTable>,
    uses: PendingUses,
    is_flushing: bool,
    db: DbBreakerHandle,
    instruments: AuthInstruments,
    logger: Logger,
}

impl ApiKeyCache {
    pub(super) fn new(
        table: Arc<KeyTable>,
        db: DbBreakerHandle,
        instruments: AuthInstruments,
        logger: Logger,
    ) -> Self {
        Self {
            rules: LookupRules::default(),
            table,
            uses: PendingUses::default(),
            is_flushing: false,
            db,
            instruments,
            logger,
        }
    }

    fn start_lookup(&self, hash: KeyHash, cache: Addr<Self>) {
        let db = self.db.clone();
        let guard = LookupGuard::new(hash, cache.recipient());
        actix::spawn(async move { guard.complete(find_key(&db, hash).await) });
    }

    fn invalidate(&mut self, scope: InvalidationScope) {
        self.rules.invalidate(scope);
        self.table.invalidate(scope);
    }

    fn start_incarnation(&mut self) {
        self.rules.invalidate(InvalidationScope::All);
        self.table.freshness.start_incarnation();
    }

    /// Handles changes that were missed. If events are proven to be missing, cached keys are
    /// removed; before the first epoch they only have to be verified.
    fn handle_missed_changes(&mut self, is_proven: bool) {
        self.start_incarnation();
        if is_proven {
            self.table.invalidate(InvalidationScope::All);
        }
    }

    fn publish_pending_uses(&self) {
        self.instruments.set_last_used_pending(self.uses.len());
    }

    fn start_flush(&mut self, cache: Addr<Self>) {
        if self.is_flushing {
            return;
        }
        if self.uses.len() == 0 {
            return self.instruments.set_last_used_flushed(Utc::now());
        }
        self.is_flushing = true;
        let db = self.db.clone();
        let mut guard = FlushGuard::new(self.uses.take_batch(), cache.recipient());
        actix::spawn(async move {
            let written = db.run(Circuit::ApiKeys, "api_keys.record_use", async |conn| {
                authority::update_last_used(conn, guard.unwritten()).await
            });
            // The statement is idempotent, so a batch of unknown outcome is written again.
            if written.await.is_ok() {
                guard.mark_written();
            }
        });
    }
}

/// Looks a key up in the database.
pub(super) async fn find_key(db: &DbBreakerHandle, hash: KeyHash) -> LookupResult {
    let found = db
        .run(Circuit::ApiKeys, "api_keys.find", async |conn| authority::find(conn, hash).await)
        .await;
    Ok(found?.map(|authority| Arc::new(KnownKey::new(authority))))
}

fn answer_waiters(waiters: Vec<oneshot::Sender<LookupResult>>, result: &LookupResult) {
    for waiter in waiters {
        // Fails if the waiter was dropped, which needs no answer.
        let _ = waiter.send(result.clone());
    }
}

impl Actor for ApiKeyCache {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.instruments.set_last_used_flushed(Utc::now());
        context.run_interval(FLUSH_INTERVAL, |cache, context| cache.start_flush(context.address()));
    }
}

impl Handler<LookUpKey> for ApiKeyCache {
    type Result = ResponseFuture<LookupResult>;

    fn handle(
        &mut self,
        LookUpKey { hash, instant }: LookUpKey,
        context: &mut Self::Context,
    ) -> Self::Result {
        // The table may have been filled while this message was queued; check it again.
        match self.table.get(&hash, instant) {
            KeyLookup::Fresh(key) => return Box::pin(ready(Ok(Some(key)))),
            KeyLookup::Negative => return Box::pin(ready(Ok(None))),
            KeyLookup::Doubtful(_) | KeyLookup::Changing | KeyLookup::Miss => {}
        }
        let (sender, receiver) = oneshot::channel();
        match self.rules.request(hash, sender) {
            LookupStart::Started => self.start_lookup(hash, context.address()),
            LookupStart::Joined => {}
            LookupStart::Full(_) => return Box::pin(async { Err(KeyLookupError::refused()) }),
        }
        Box::pin(async { receiver.await.unwrap_or(Err(KeyLookupError::Stopped)) })
    }
}

impl Handler<LookupEnded> for ApiKeyCache {
    type Result = ();

    fn handle(
        &mut self,
        LookupEnded { hash, result }: LookupEnded,
        context: &mut Self::Context,
    ) -> Self::Result {
        let found = match result {
            Ok(found) => found,
            Err(error) => return answer_waiters(self.rules.fail(hash), &Err(error)),
        };
        match self.rules.complete(hash, found.as_ref().map(|key| key.identity())) {
            LookupCompletion::Retry => self.start_lookup(hash, context.address()),
            LookupCompletion::Insert(waiters) => {
                self.table.insert(hash, found.clone(), Instant::now());
                answer_waiters(waiters, &Ok(found));
            }
            LookupCompletion::GiveUp(waiters) => {
                answer_waiters(waiters, &Err(KeyLookupError::refused()));
            }
        }
    }
}

impl Handler<Invalidate> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, Invalidate(scope): Invalidate, _: &mut Self::Context) {
        self.invalidate(scope);
    }
}

impl Handler<ApplyEvent> for ApiKeyCache {
    type Result = bool;

    fn handle(
        &mut self,
        ApplyEvent(event, received_at): ApplyEvent,
        _: &mut Self::Context,
    ) -> bool {
        let has_epoch = self.rules.epoch().is_some();
        let has_missed = self.rules.apply_event(event.epoch);
        if has_missed {
            self.handle_missed_changes(has_epoch);
        }
        // Invalidate before the epoch counts as applied and the table as fresh.
        self.invalidate(event.scope);
        self.table.set_applied_epoch(self.rules.epoch());
        self.table.freshness.confirm_epoch(received_at);
        let delay = (Utc::now() - event.sent_at).to_std().unwrap_or_default();
        self.instruments.observe_propagation(delay);
        has_missed && has_epoch
    }
}

impl Handler<ApplyEpoch> for ApiKeyCache {
    type Result = bool;

    fn handle(
        &mut self,
        ApplyEpoch { epoch, polled_at, applied }: ApplyEpoch,
        _: &mut Self::Context,
    ) -> bool {
        let has_epoch = self.rules.epoch().is_some();
        let has_missed = self.rules.apply_epoch(epoch, applied);
        if has_missed {
            self.handle_missed_changes(has_epoch);
        }
        self.table.set_applied_epoch(self.rules.epoch());
        self.table.freshness.confirm_epoch(polled_at);
        has_missed && has_epoch
    }
}

impl Handler<StartIncarnation> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, _: StartIncarnation, _: &mut Self::Context) {
        self.start_incarnation();
    }
}

impl Handler<StopKeyCache> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, _: StopKeyCache, context: &mut Self::Context) {
        context.stop();
    }
}

impl Handler<QueueLastUse> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, QueueLastUse(last_use): QueueLastUse, context: &mut Self::Context) {
        self.uses.push(last_use);
        self.publish_pending_uses();
        if self.uses.len() >= EARLY_FLUSH_AT {
            self.start_flush(context.address());
        }
    }
}

impl Handler<FlushLastUsed> for ApiKeyCache {
    type Result = usize;

    fn handle(&mut self, _: FlushLastUsed, context: &mut Self::Context) -> Self::Result {
        self.start_flush(context.address());
        self.uses.len().saturating_add(usize::from(self.is_flushing))
    }
}

impl Handler<FlushEnded> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, FlushEnded(unwritten): FlushEnded, context: &mut Self::Context) {
        self.is_flushing = false;
        let failed = !unwritten.is_empty();
        self.uses.restore(unwritten);
        self.publish_pending_uses();
        if failed {
            slog::warn!(self.logger, "failed to flush last_used_at: retrying";
                "pending" => self.uses.len());
            return;
        }
        self.instruments.set_last_used_flushed(Utc::now());
        if self.uses.len() >= MAX_BATCH {
            self.start_flush(context.address());
        }
    }
}
