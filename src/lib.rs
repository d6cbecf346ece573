//! MDL, the Metrics Definition Library: a REST service that keeps what a company's metrics mean.
//!
//! Imports run down this list only; the house test sees to it.
//!
//! - [`app`]: the composition root. Commands, start and stop; the only room that knows everybody.
//! - [`http`]: routes, extractors, middleware, error → status.
//! - [`actors`]: the database circuit breaker, through which every query goes; the memory of API
//!   keys.
//! - [`storage`]: SQL, one file per table; free functions that are handed a connection.
//! - [`limits`]: exact windows, and whom a request is counted against, pure.
//! - [`memory`]: the last good answers, for readers while nothing changes and for outages.
//! - [`credentials`]: passwords, tokens and API keys, pure.
//! - [`model`]: the nouns and their rules. No actix, no queries, no clock, no I/O.
//! - [`config`], [`telemetry`], [`embedded`], [`mail`], [`clock`], [`bulkhead`]: leaves.
//!
//! The way of a request: `http::middleware` → handler in `http::routes` → `db.run(circuit,
//! operation, …)` → `storage::<noun>::<verb>(conn, …)` → answer. Errors rise `StorageError →
//! DbError → ApiError`; status codes exist only in [`http::error`]. To add an endpoint, read
//! `http::routes::business_domains` from top to bottom: it is the smallest complete one.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod actors;
pub mod app;
pub mod bulkhead;
pub mod cache;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod embedded;
pub mod http;
pub mod mail;
pub mod model;
pub mod postgres;
pub mod rate_limit;
pub mod storage;
pub mod telemetry;
