//! The commands beside the service, one file each; `api_client` serves those that may act on a
//! remote instance, `item_lookup` those about one item.

pub(super) mod admin;
mod api_client;
pub(super) mod backup;
pub(super) mod circuits;
pub(super) mod diff;
pub(super) mod example;
pub(super) mod export;
pub(super) mod healthcheck;
pub(super) mod import;
mod item_lookup;
pub(super) mod key;
pub(super) mod log;
pub(super) mod migrate;
pub(super) mod move_data;
mod progress;
pub(super) mod show;
