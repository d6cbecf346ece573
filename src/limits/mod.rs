//! Limits, pure: exact windows ([`window`]), the bounded memory of them ([`shield`]), callers that several processes serve
//! ([`shared_window`], [`callers`]), what is limited ([`policy`]), and whom a
//! request is counted against ([`address`]). The instant is a parameter.

pub mod address;
pub mod callers;
pub mod policy;
pub mod shared_window;
pub mod shield;
pub mod window;
