//! The actor: owns the rules and what is to be written, fills and empties the table. It decides in
//! one turn of its mailbox and never waits; what takes time (a look-up, a write) is a future beside
//! it.

use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, ResponseFuture};
use chrono::Utc;
use slog::Logger;
use tokio::sync::oneshot;

use super::error::Unanswered;
use super::known_key::KnownKey;
use super::rules::{Landing, Rules, Turn};
use super::table::{Recollection, Table, Trust};
use super::usage::{BATCH, Usage, Uses};
use crate::actors::db_breaker::{Circuit, DbBreakerHandle};
use crate::credentials::api_keys::KeyHash;
use crate::model::authority::{Concern, Notice};
use crate::storage::api_keys::authority;
use crate::telemetry::instruments::authentication::Authentication;

/// How often uses are written.
const FLUSH: Duration = Duration::from_secs(10);
/// So many are written at once, before their time.
const MANY: usize = 1_000;

/// What a look-up found: a key, or none.
pub(super) type Found = Result<Option<Arc<KnownKey>>, Unanswered>;

/// See the module.
pub(super) struct ApiKeyCache {
    rules: Rules<oneshot::Sender<Found>>,
    table: Arc<Table>,
    uses: Uses,
    flushing: bool,
    db: DbBreakerHandle,
    instruments: Authentication,
    logger: Logger,
}

impl ApiKeyCache {
    pub(super) fn new(
        table: Arc<Table>,
        db: DbBreakerHandle,
        instruments: Authentication,
        logger: Logger,
    ) -> Self {
        Self {
            rules: Rules::default(),
            table,
            uses: Uses::default(),
            flushing: false,
            db,
            instruments,
            logger,
        }
    }

    fn look_up(&self, hash: KeyHash, cache: Addr<Self>) {
        let db = self.db.clone();
        let landing = Landed {
            hash,
            read: Some(Err(Unanswered::fault("a lookup of an API key ended early"))),
            cache,
        };
        actix::spawn(async move { landing.with(find(&db, hash).await) });
    }

    fn forget(&mut self, concern: Concern) {
        self.rules.end(concern);
        self.table.forget(concern);
    }

    fn told(&self) {
        self.instruments.last_used_pending(self.uses.pending());
    }

    fn flush(&mut self, cache: Addr<Self>) {
        if self.flushing {
            return;
        }
        if self.uses.pending() == 0 {
            return self.instruments.last_used_written(Utc::now());
        }
        self.flushing = true;
        let (db, batch) = (self.db.clone(), self.uses.take());
        let mut written = Written { owed: batch, cache };
        actix::spawn(async move {
            let noted = db.run(Circuit::ApiKeys, "note_api_keys_used", async |conn| {
                authority::note_used(conn, &written.owed).await
            });
            // Written twice it is the same; so whatever is not certain is owed.
            if noted.await.is_ok() {
                written.owed.clear();
            }
        });
    }
}

/// Looks a key up in the database.
pub(super) async fn find(db: &DbBreakerHandle, hash: KeyHash) -> Found {
    let read = db
        .run(Circuit::ApiKeys, "find_api_key", async |conn| authority::find(conn, hash).await)
        .await;
    Ok(read?.map(|standing| Arc::new(KnownKey::of(standing))))
}

impl Actor for ApiKeyCache {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.instruments.last_used_written(Utc::now());
        context.run_interval(FLUSH, |cache, context| cache.flush(context.address()));
    }
}

/// What is this key? Whoever asks while it is being looked up gets the same answer.
#[derive(Message)]
#[rtype(result = "Found")]
pub(super) struct LookUp {
    pub(super) hash: KeyHash,
    /// When it was asked.
    pub(super) instant: Instant,
}

impl Handler<LookUp> for ApiKeyCache {
    type Result = ResponseFuture<Found>;

    fn handle(
        &mut self,
        LookUp { hash, instant }: LookUp,
        context: &mut Self::Context,
    ) -> Self::Result {
        // Who looked before the answer was remembered and is heard only after that needs no look-up
        // of its own.
        if self.table.trust(instant) == Trust::Fresh {
            match self.table.recall(&hash, instant) {
                Recollection::Known(key) => return Box::pin(ready(Ok(Some(key)))),
                Recollection::Unknown => return Box::pin(ready(Ok(None))),
                Recollection::Changing | Recollection::Nothing => {}
            }
        }
        let (sender, receiver) = oneshot::channel();
        match self.rules.ask(hash, sender) {
            Turn::LookUp => self.look_up(hash, context.address()),
            Turn::Wait => {}
            Turn::Full(_) => return Box::pin(async { Err(Unanswered::lost()) }),
        }
        Box::pin(async { receiver.await.unwrap_or_else(|_| Err(Unanswered::stopped())) })
    }
}

/// A look-up is back. Sent when it is dropped, so that one that panics costs its callers their
/// answer and nothing else.
struct Landed {
    hash: KeyHash,
    read: Option<Found>,
    cache: Addr<ApiKeyCache>,
}

impl Landed {
    fn with(mut self, read: Found) {
        self.read = Some(read);
    }
}

impl Drop for Landed {
    fn drop(&mut self) {
        if let Some(read) = self.read.take() {
            self.cache.do_send(Read { hash: self.hash, read });
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Read {
    hash: KeyHash,
    read: Found,
}

impl Handler<Read> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, Read { hash, read }: Read, context: &mut Self::Context) {
        let found = match read {
            Ok(found) => found,
            Err(error) => return answer(self.rules.crash(hash), &Err(error)),
        };
        match self.rules.land(hash, found.as_ref().map(|key| key.whose())) {
            Landing::Again => self.look_up(hash, context.address()),
            Landing::Fill(waiting) => {
                self.table.fill(hash, found.clone(), Instant::now());
                answer(waiting, &Ok(found));
            }
            Landing::GiveUp(waiting) => answer(waiting, &Err(Unanswered::lost())),
        }
    }
}

fn answer(waiting: Vec<oneshot::Sender<Found>>, found: &Found) {
    for one in waiting {
        // Whoever has gone needs no answer.
        let _ = one.send(found.clone());
    }
}

/// Authority has ended or changed here; when this is answered, nothing of before is remembered.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct End(pub(super) Concern);

impl Handler<End> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, End(concern): End, _: &mut Self::Context) {
        self.forget(concern);
    }
}

/// The database announces a change. Answers whom it concerns: everybody, if an earlier announcement
/// was missed.
#[derive(Message)]
#[rtype(result = "Option<Concern>")]
pub(super) struct Announced(pub(super) Notice, pub(super) Instant);

impl Handler<Announced> for ApiKeyCache {
    type Result = Option<Concern>;

    fn handle(&mut self, Announced(notice, now): Announced, _: &mut Self::Context) -> Self::Result {
        let concern = self.rules.announced(notice.epoch, notice.concern);
        self.forget(concern);
        self.table.set_applied(self.rules.epoch());
        self.table.hear(now);
        self.instruments.propagated((Utc::now() - notice.said_at).to_std().unwrap_or_default());
        Some(concern)
    }
}

/// The epoch was asked for. Answers whether everything was invalidated.
#[derive(Message)]
#[rtype(result = "bool")]
pub(super) struct Polled {
    pub(super) epoch: i64,
    /// When it was asked for.
    pub(super) asked: Instant,
    /// What was applied then.
    pub(super) known: Option<i64>,
}

impl Handler<Polled> for ApiKeyCache {
    type Result = bool;

    fn handle(
        &mut self,
        Polled { epoch, asked, known }: Polled,
        _: &mut Self::Context,
    ) -> Self::Result {
        let missed = self.rules.polled(epoch, known);
        if missed {
            self.forget(Concern::All);
        }
        self.table.set_applied(self.rules.epoch());
        self.table.hear(asked);
        missed
    }
}

/// Stop: the mailbox is closed once this is answered.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Stop;

impl Handler<Stop> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, _: Stop, context: &mut Self::Context) {
        context.stop();
    }
}

/// A key was used for the first time since the last writing.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Used(pub(super) Arc<Usage>);

impl Handler<Used> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, Used(usage): Used, context: &mut Self::Context) {
        self.uses.add(usage);
        self.told();
        if self.uses.pending() >= MANY {
            self.flush(context.address());
        }
    }
}

/// Write what is to be written. Answers how many keys wait to be written or are being written.
#[derive(Message)]
#[rtype(result = "usize")]
pub(super) struct Flush;

impl Handler<Flush> for ApiKeyCache {
    type Result = usize;

    fn handle(&mut self, _: Flush, context: &mut Self::Context) -> Self::Result {
        self.flush(context.address());
        self.uses.pending().saturating_add(usize::from(self.flushing))
    }
}

/// A writing has ended; what is in it still could not be written. Sent when it is dropped, as
/// [`Landed`] is.
struct Written {
    owed: Vec<(uuid::Uuid, chrono::DateTime<Utc>)>,
    cache: Addr<ApiKeyCache>,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.cache.do_send(Flushed(std::mem::take(&mut self.owed)));
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Flushed(Vec<(uuid::Uuid, chrono::DateTime<Utc>)>);

impl Handler<Flushed> for ApiKeyCache {
    type Result = ();

    fn handle(&mut self, Flushed(owed): Flushed, context: &mut Self::Context) {
        self.flushing = false;
        let failed = !owed.is_empty();
        self.uses.put_back(owed);
        self.told();
        if !failed {
            self.instruments.last_used_written(Utc::now());
        }
        if failed {
            slog::warn!(self.logger, "last use of API keys not written; trying again"; "pending" => self.uses.pending());
        } else if self.uses.pending() >= BATCH {
            self.flush(context.address());
        }
    }
}
