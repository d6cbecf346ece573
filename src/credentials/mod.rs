//! Passwords and tokens: pure functions of their arguments. Secrets are types that do not print.

pub mod hasher;
pub mod passwords;
pub mod tokens;
