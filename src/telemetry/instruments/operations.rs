//! Metrics of cached responses, mails and growing tables.

use prometheus::{IntGauge, IntGaugeVec, Registry};

use super::counters::LabelledCounters;
use super::families::service::{CACHE_BYTES, CACHE_LOOKUPS, MAILS, REPLICA_READS, TABLE_ROWS};
use super::family::LabelValues;
pub use super::labels::{CacheOutcome, MailOutcome, ReplicaOutcome};

/// Instruments of cached responses, mails and growing tables.
#[derive(Clone, Debug)]
pub struct OperationsInstruments {
    lookups: LabelledCounters<CacheOutcome>,
    replica_reads: LabelledCounters<ReplicaOutcome>,
    cache_bytes: IntGauge,
    mails: LabelledCounters<MailOutcome>,
    table_rows: IntGaugeVec,
}

impl OperationsInstruments {
    /// Creates the instruments in this registry.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            lookups: LabelledCounters::new(&CACHE_LOOKUPS.counters(registry)?),
            replica_reads: LabelledCounters::new(&REPLICA_READS.counters(registry)?),
            cache_bytes: CACHE_BYTES.gauge(registry)?,
            mails: LabelledCounters::new(&MAILS.counters(registry)?),
            table_rows: TABLE_ROWS.gauges(registry)?,
        })
    }

    /// Counts a read of the catalogue.
    pub fn count_cache_lookup(&self, outcome: CacheOutcome) {
        self.lookups.increment(outcome);
    }

    /// Counts a read that could be done on a replica.
    pub fn count_replica_read(&self, outcome: ReplicaOutcome) {
        self.replica_reads.increment(outcome);
    }

    /// Returns how many reads of the catalogue the cache answered, and all of them.
    pub fn cache_lookups(&self) -> (u64, u64) {
        let lookups = self.lookups.iter();
        lookups.fold((0, 0), |(hits, all), (outcome, number)| match outcome {
            CacheOutcome::Hit | CacheOutcome::Stale => (hits + number, all + number),
            CacheOutcome::Miss => (hits, all + number),
        })
    }

    /// Sets the size of the cached responses.
    pub fn set_cache_bytes(&self, bytes: u64) {
        self.cache_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Counts a mail.
    pub fn count_mail(&self, outcome: MailOutcome) {
        self.mails.increment(outcome);
    }

    /// Returns the tables whose rows are measured.
    pub fn growing_tables() -> &'static [&'static str] {
        match TABLE_ROWS.labels {
            [(_, LabelValues::Fixed(tables))] => tables,
            _ => &[],
        }
    }

    /// Sets the rows of a table.
    pub fn set_table_rows(&self, table: &str, rows: i64) {
        self.table_rows.with_label_values(&[table]).set(rows);
    }
}
