//! The open connections of a listener, limited in all and for each client. A connection over a
//! limit is closed before anything is read from it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use slog::Logger;

use crate::rate_limit::client_ip::{ClientPrefix, TrustedProxies};
use crate::telemetry::instruments::connections::{ConnectionInstruments, RefusalReason};

/// Shortest time between two log events about refusals.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Limits on the number of open connections.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    pub total: usize,
    /// For an IPv4 address or an IPv6 /64.
    pub per_address: usize,
    /// Proxies have no limit of their own, because many clients connect through them.
    pub exempt: TrustedProxies,
}

/// The open connections of a listener.
#[derive(Debug)]
pub struct Connections {
    limits: ConnectionLimits,
    open: Mutex<Open>,
    instruments: ConnectionInstruments,
    logger: Logger,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_client: HashMap<ClientPrefix, usize>,
    refusals: ConnectionRefusals,
}

/// Refusals since the last log event, by reason.
#[derive(Debug, Default)]
struct ConnectionRefusals {
    reported: Option<Instant>,
    total: u64,
    address: u64,
}

impl ConnectionRefusals {
    fn count(&mut self, reason: RefusalReason) {
        let counter = match reason {
            RefusalReason::Total => &mut self.total,
            RefusalReason::Address => &mut self.address,
        };
        *counter = counter.saturating_add(1);
    }

    /// Takes what must be logged now: the first refusal at once, later ones together.
    fn take_due(&mut self, now: Instant) -> Option<(u64, u64)> {
        let quiet = self.reported.is_none_or(|last| now.duration_since(last) >= LOG_INTERVAL);
        if !quiet || (self.total, self.address) == (0, 0) {
            return None;
        }
        self.reported = Some(now);
        Some((std::mem::take(&mut self.total), std::mem::take(&mut self.address)))
    }
}

impl Connections {
    /// Starts with no open connections.
    pub fn new(
        limits: ConnectionLimits,
        instruments: ConnectionInstruments,
        logger: Logger,
    ) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default(), instruments, logger })
    }

    /// Opens a connection of this peer; none if a limit is reached.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<OpenConnection> {
        let client = ClientPrefix::from(peer);
        let is_limited = !self.limits.exempt.trusts(peer.to_canonical());
        let mut open = self.lock();
        let from_client = open.by_client.get(&client).copied().unwrap_or(0);
        let refusal = if open.total >= self.limits.total {
            Some(RefusalReason::Total)
        } else if is_limited && from_client >= self.limits.per_address {
            Some(RefusalReason::Address)
        } else {
            None
        };
        if let Some(reason) = refusal {
            self.instruments.count_refused(reason);
            open.refusals.count(reason);
        } else {
            open.total = open.total.saturating_add(1);
            open.by_client.insert(client, from_client.saturating_add(1));
            self.instruments.add_open();
        }
        let report = open.refusals.take_due(Instant::now());
        drop(open);
        if let Some((total, address)) = report {
            slog::warn!(self.logger, "connections refused: limit reached";
                "over_total" => total, "over_address" => address,
                "last_client" => client.to_string());
        }
        refusal.is_none().then(|| OpenConnection { connections: self.clone(), client })
    }

    fn release(&self, client: ClientPrefix) {
        let mut open = self.lock();
        open.total = open.total.saturating_sub(1);
        if let Some(count) = open.by_client.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_client.remove(&client);
            }
        }
        drop(open);
        self.instruments.remove_open();
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slot of an open connection, freed on drop.
#[derive(Debug)]
pub struct OpenConnection {
    connections: Arc<Connections>,
    client: ClientPrefix,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connections.release(self.client);
    }
}

#[cfg(test)]
mod tests;
