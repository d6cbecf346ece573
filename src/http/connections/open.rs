//! The open connections of a listener: how many there may be, in all and for one client. One over a
//! limit is closed before anything is read from it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use slog::Logger;

use crate::rate_limit::client_ip::{Client, TrustedProxies};
use crate::telemetry::instruments::connections::{ConnectionInstruments, Reason};

/// At most one log event about refusals in this time.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// How many connections there may be at one time.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    pub total: usize,
    /// From one client: an IPv4 address or an IPv6 /64.
    pub per_address: usize,
    /// Peers without a limit of their own, because many clients stand behind them.
    pub exempt: TrustedProxies,
}

/// The open connections; bounded by the limit on all of them.
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
    by_client: HashMap<Client, usize>,
    refusals: Refusals,
}

/// Refusals that no log event has reported yet.
#[derive(Debug, Default)]
struct Refusals {
    reported: Option<Instant>,
    total: u64,
    address: u64,
}

impl Refusals {
    fn count(&mut self, reason: Reason) {
        let counter = match reason {
            Reason::Total => &mut self.total,
            Reason::Address => &mut self.address,
        };
        *counter = counter.saturating_add(1);
    }

    /// The first at once, later ones together: what there is to report now, by reason.
    fn due(&mut self, now: Instant) -> Option<(u64, u64)> {
        let quiet = self.reported.is_none_or(|last| now.duration_since(last) >= LOG_INTERVAL);
        if !quiet || (self.total, self.address) == (0, 0) {
            return None;
        }
        self.reported = Some(now);
        Some((std::mem::take(&mut self.total), std::mem::take(&mut self.address)))
    }
}

impl Connections {
    /// None yet.
    pub fn new(
        limits: ConnectionLimits,
        instruments: ConnectionInstruments,
        logger: Logger,
    ) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default(), instruments, logger })
    }

    /// Takes a place for a connection from this peer; none if a limit is reached.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<OpenConnection> {
        let client = Client::from(peer);
        let judged = !self.limits.exempt.trusts(peer.to_canonical());
        let mut open = self.lock();
        let from_client = open.by_client.get(&client).copied().unwrap_or(0);
        let refusal = if open.total >= self.limits.total {
            Some(Reason::Total)
        } else if judged && from_client >= self.limits.per_address {
            Some(Reason::Address)
        } else {
            None
        };
        if let Some(reason) = refusal {
            self.instruments.refused(reason);
            open.refusals.count(reason);
        } else {
            open.total = open.total.saturating_add(1);
            open.by_client.insert(client, from_client.saturating_add(1));
            self.instruments.opened();
        }
        let report = open.refusals.due(Instant::now());
        drop(open);
        if let Some((total, address)) = report {
            slog::warn!(self.logger, "connections refused: limit reached";
                "over_total" => total, "over_address" => address, "last_client" => client.to_string());
        }
        refusal.is_none().then(|| OpenConnection { connections: self.clone(), client })
    }

    fn release(&self, client: Client) {
        let mut open = self.lock();
        open.total = open.total.saturating_sub(1);
        if let Some(count) = open.by_client.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_client.remove(&client);
            }
        }
        drop(open);
        self.instruments.closed();
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of an open connection; free again when it is dropped.
#[derive(Debug)]
pub struct OpenConnection {
    connections: Arc<Connections>,
    client: Client,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connections.release(self.client);
    }
}

#[cfg(test)]
mod tests;
