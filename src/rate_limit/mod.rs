//! Limits, pure: exact windows ([`window`]), the bounded memory of them ([`shield`]), callers that
//! several processes serve ([`shared_window`], [`callers`]), what is limited ([`policy`]), and whom
//! a request is counted against ([`address`]). The instant is a parameter.

pub mod caller_windows;
pub mod client_ip;
pub mod policy;
pub mod shared_window;
pub mod sliding_window;
pub mod window_store;
