//! Password hashes, tokens and API keys as functions of their arguments, without a database or a
//! clock. Secrets are types whose `Debug` prints nothing. Where they are stored is `storage`, who
//! may use them `http::middleware::authenticate`.

pub mod api_keys;
pub mod digest;
pub mod hasher;
pub mod passwords;
pub mod tokens;
mod visible;
