//! Exact rate limits as plain data structures: one window ([`sliding_window`]), the windows of many
//! clients in bounded memory ([`window_store`]), windows shared by several processes
//! ([`shared_window`], [`caller_windows`]), what is limited ([`policy`]), the address that a
//! request is counted against ([`client_ip`]), and durations in words ([`duration_text`]). The
//! instant is a parameter. `http::rate_limit` applies the limits to requests,
//! `storage::rate_limits` keeps those that survive a restart.

pub mod caller_windows;
pub mod client_ip;
pub mod duration_text;
pub mod policy;
pub mod shared_window;
pub mod sliding_window;
pub mod window_store;
