//! The data types of the service and their rules: metrics, business domains, users, API keys, and
//! the requests about them. There is no HTTP, SQL, clock or I/O here; the instant is a parameter.
//! `storage` stores the types, `http::routes` receives and sends them.

pub mod api_keys;
pub mod audit;
pub mod authority;
pub mod business_domains;
pub mod catalogue;
mod characters;
mod item_size;
pub mod json;
mod markup;
pub mod metrics;
pub mod object;
mod optional;
pub mod page;
pub mod patch;
pub mod read_only;
pub mod rich_text;
pub mod scopes;
pub mod text;
pub mod users;
pub mod violations;
