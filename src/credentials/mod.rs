//! Passwords, tokens and API keys: pure functions of their arguments. Secrets are types that do not
//! print.

pub mod api_keys;
pub mod digest;
pub mod hasher;
pub mod passwords;
pub mod tokens;
mod visible;
