//! The API's stories, told to a real service on a real `PostgreSQL`. `scripts/with-postgres cargo test --test api`.

#![allow(missing_docs, unreachable_pub)]
// The figures that a test measures.
#![allow(clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod api_keys;
mod audit;
mod audit_append_only;
mod audit_refusals;
mod audit_walk;
mod audit_walk_refused;
mod authorisation;
mod authority_recheck;
mod bad_input;
mod body_deadlines;
mod bounds;
mod business_domains;
mod caller_quota;
mod catalogue;
mod circuit_breakers;
mod connections;
mod delivery;
mod errors;
mod health;
mod key_authority;
mod key_races;
mod last_used;
mod limits;
mod lists;
mod login_limits;
mod memory;
mod metrics;
mod metrics_listener;
mod openapi;
mod outage;
mod password_resets;
mod path_spelling;
mod races;
mod readiness;
mod session_families;
mod session_races;
mod session_routes;
mod sessions;
mod shields;
mod smoke;
mod stopped_actors;
mod support;
mod suspension;
mod texts;
mod unknown_keys;
mod users;
mod verdicts;
