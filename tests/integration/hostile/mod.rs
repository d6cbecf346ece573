//! Random and malicious input to the HTML sanitizer, the token verifier and the query parsers, an
//! attacker's script in a browser, and a scan for vulnerabilities. The parsers of API keys and
//! `X-Forwarded-For` are tested beside their code.

pub mod browser;
mod csp;
mod csp_evaluator;
mod html;
mod login_timing;
mod observatory;
mod parsers;
mod queries;
pub mod recorder;
mod requests;
mod scan;
mod schemathesis;
mod tokens;
