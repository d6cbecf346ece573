//! The pages for people, over HTTP and without scripts: what a browser sends and a person reads.
//! What needs a real browser is in `browser` (ignored; `scripts/test` runs it).

mod accessibility;
mod accounts;
mod api_keys;
mod audit;
mod browser;
mod browser_account;
mod business_domains;
mod catalogue;
mod editing;
mod errors;
mod foreign_forms;
mod frames;
mod health;
mod impact;
mod import;
mod limits;
mod metric;
mod outages;
mod own_account;
mod password_resets;
mod payloads;
mod person;
mod pictures;
mod planned;
mod registration;
mod shared_limits;
mod shown_pages;
mod users;
pub mod visitor;
mod walk;
