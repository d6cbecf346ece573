//! Random and malicious input to the HTML sanitizer, the token verifier and the query parsers. The
//! parsers of API keys and `X-Forwarded-For` are tested beside their code.

mod html;
mod queries;
mod tokens;
