//! Limits, pure: exact windows ([`window`]), the bounded memory of them ([`shield`]), what is limited ([`policy`]), and whom a
//! request is counted against ([`address`]). The instant is a parameter.

pub mod address;
pub mod policy;
pub mod shield;
pub mod window;
