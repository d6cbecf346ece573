//! Actors are transport; plain structs hold the rules. `Addr`, `Message` and `Handler` never leave
//! an actor's folder.

pub mod api_key_cache;
pub mod db_breaker;
