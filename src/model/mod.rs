//! The nouns of the catalogue and their rules. No actix, no diesel queries, no clock, no I/O:
//! whatever a rule needs, an instant included, is a parameter.

pub mod api_keys;
pub mod audit;
pub mod authority;
pub mod business_domains;
pub mod catalogue;
mod characters;
pub mod json;
mod markup;
pub mod metrics;
pub mod object;
pub mod page;
pub mod patch;
pub mod read_only;
pub mod rich_text;
pub mod scopes;
pub mod text;
pub mod users;
pub mod violations;
