//! The data types of the service and their rules: metrics, business domains, users, API keys, and
//! the requests about them. There is no HTTP, SQL, clock or I/O here; the instant is a parameter.
//! `storage` stores the types, `http::routes` receives and sends them.

pub mod api_keys;
pub mod audit;
pub mod authority;
pub mod business_domains;
pub mod catalogue;
pub mod catalogue_event;
pub mod changes;
pub mod characters;
pub mod completeness;
pub mod cursor;
pub mod derivations;
pub mod fields;
mod item_size;
pub mod json;
pub mod list_walk;
mod markup;
mod merge;
pub mod metrics;
mod number;
pub mod object;
mod optional;
pub mod page;
pub mod paging;
pub mod parse;
pub mod patch;
pub mod read_only;
mod removed_markup;
pub mod rich_text;
mod sanitised;
pub mod scopes;
mod search;
mod shape;
mod structure;
pub mod text;
pub mod trusted;
pub mod users;
pub mod version_records;
pub mod versions;
pub mod violations;
pub mod warnings;
