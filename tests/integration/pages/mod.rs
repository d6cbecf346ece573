//! The pages for people, over HTTP and without scripts: what a browser sends and a person reads.
//! What needs a real browser is in `browser` (ignored; `scripts/test` runs it).

mod accounts;
mod browser;
mod catalogue;
mod editing;
mod errors;
mod foreign_forms;
mod frames;
mod limits;
mod metric;
mod payloads;
mod visitor;
