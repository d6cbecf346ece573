//! SQL: one file per table, free functions that take a connection, or a [`Transaction`] where they
//! need one, and the time. Nothing here knows of HTTP, retries or circuits; every failure is a
//! [`StorageError`].

pub mod api_keys;
pub mod audit_events;
pub mod authority;
pub mod authority_epochs;
mod business_domain_revisions;
pub mod business_domains;
pub mod caller_hits;
pub mod catalogue;
pub mod catalogue_changes;
pub mod catalogue_epochs;
pub mod database_copy;
mod deleted_business_domains;
pub mod document;
pub mod epoch_row;
pub mod error;
mod full_text;
pub mod health;
pub mod idempotency_keys;
pub mod known_addresses;
pub mod metric_edges;
pub mod metric_revisions;
pub mod metrics;
pub mod page_size;
pub mod password_changes;
pub mod password_resets;
pub mod precondition;
pub mod privileges;
pub mod rate_limits;
pub mod replica_position;
pub mod retention;
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod schema;
pub mod sessions;
pub mod table_rows;
pub mod transaction;
pub mod user_changes;
pub mod users;
pub mod version_records;
pub mod versions;

pub use diesel_async::AsyncPgConnection;

pub use self::error::StorageError;
pub use self::transaction::Transaction;
