//! placeholder
pub mod actors;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod http;
pub mod model;
pub mod storage;
pub mod telemetry;
