//! The commands beside the service, one file each; `api_client` serves those that may act on a
//! remote instance.

pub(super) mod admin;
mod api_client;
pub(super) mod backup;
pub(super) mod circuits;
pub(super) mod example;
pub(super) mod export;
pub(super) mod healthcheck;
pub(super) mod import;
pub(super) mod key;
pub(super) mod migrate;
mod progress;
