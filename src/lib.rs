//! MDL, the Metrics Definition Library: a REST service for a catalogue of metric definitions.
//!
//! Imports run down this list only; a test checks that.
//!
//! - [`app`]: the composition root. Commands, startup and shutdown.
//! - [`http`]: routes, extractors, middleware, conversion of errors to status codes.
//! - [`actors`]: the database circuit breaker, through which every query runs; the API key cache.
//! - [`storage`]: SQL, one file per table; free functions that take a connection.
//! - [`postgres`]: connection, URL, TLS, migrations.
//! - [`rate_limit`]: exact windows, and what a request is counted against; pure.
//! - [`cache`]: cached responses and sessions.
//! - [`credentials`]: passwords, tokens and API keys; pure.
//! - [`model`]: the nouns and their rules. No actix, no queries, no clock, no I/O.
//! - [`config`], [`telemetry`], [`embedded`], [`mail`], [`clock`], [`bulkhead`]: leaves.
//!
//! The path of a request: `http::middleware` → handler in `http::routes` → `db.run(circuit,
//! operation, …)` → `storage::<noun>::<verb>(conn, …)` → response. Errors rise `StorageError →
//! DbError → ApiError`; status codes exist only in [`http::error`]. To add an endpoint, read
//! `http::routes::business_domains` first: it is the smallest complete one.

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
