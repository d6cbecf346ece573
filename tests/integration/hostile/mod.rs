//! What strangers send, at random and with intent, to everything that reads it: the HTML cleaner,
//! the token verifier and the query parsers. (Those of API keys and of `X-Forwarded-For` are beside
//! their code.)

mod html;
mod queries;
mod tokens;
