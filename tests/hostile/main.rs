//! What strangers send, at random and with intent, to everything that reads it: the HTML cleaner, the token verifier and the
//! query parsers. (Those of API keys and of `X-Forwarded-For` are beside their code.)

#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod html;
mod queries;
mod tokens;
