//! The pages for people, over HTTP and without scripts: what a browser sends and a person reads.
//! What needs a real browser is in `browser` (ignored; `scripts/test` runs it).

mod accounts;
mod api_keys;
mod audit;
mod browser;
mod business_domains;
mod catalogue;
mod editing;
mod errors;
mod foreign_forms;
mod frames;
mod impact;
mod import;
mod limits;
mod metric;
mod payloads;
mod planned;
mod users;
mod visitor;
