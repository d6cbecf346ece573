//! The hosts of a URL in the order in which they are tried: the one that answered last comes first,
//! and each has its share of the time, so that one that accepts connections and stays silent cannot
//! use up the time of the others. An attempt that fails, or is given up, moves the beginning on:
//! a caller with little patience reaches the next host the next time.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host as DriverHost;

use crate::postgres::socket::ServerAddress;

const DEFAULT_PORT: u16 = 5432;

/// One host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DatabaseHost {
    /// The name that its certificate must have; none for a Unix socket.
    pub(super) name: Option<String>,
    location: Location,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Location {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl std::fmt::Display for DatabaseHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.location {
            Location::Tcp { host, port } => write!(formatter, "{host}:{port}"),
            Location::Unix(path) => write!(formatter, "{}", path.display()),
        }
    }
}

impl DatabaseHost {
    /// Returns all addresses of the host, of which any may answer.
    pub(super) async fn resolve(&self) -> io::Result<Vec<ServerAddress>> {
        match &self.location {
            Location::Unix(path) => Ok(vec![ServerAddress::Unix(path.clone())]),
            Location::Tcp { host, port } => {
                let found = tokio::net::lookup_host((host.as_str(), *port)).await?;
                Ok(found.map(ServerAddress::Tcp).collect())
            }
        }
    }
}

/// The hosts of one URL.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    hosts: Arc<[DatabaseHost]>,
    /// Index of the host that is tried first: the one that answered last, or the next one after a
    /// failure.
    first: Arc<AtomicUsize>,
    /// The address that answered last.
    last_address: Arc<Mutex<Option<ServerAddress>>>,
}

impl Hosts {
    /// Reads them from a parsed URL, as libpq does: `hostaddr` replaces the look-up of `host`.
    pub(super) fn from_config(config: &Config) -> Self {
        let (hosts, addresses, ports) =
            (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
        let host = |at: usize| {
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
            let name = match hosts.get(at) {
                Some(DriverHost::Tcp(name)) => Some(name.clone()),
                #[cfg(unix)]
                Some(DriverHost::Unix(folder)) => {
                    let path = folder.join(format!(".s.PGSQL.{port}"));
                    return DatabaseHost { name: None, location: Location::Unix(path) };
                }
                None => None,
            };
            let address = addresses.get(at).map(ToString::to_string).or_else(|| name.clone());
            let location = Location::Tcp { host: address.unwrap_or_default(), port };
            DatabaseHost { name, location }
        };
        Self {
            hosts: (0..hosts.len().max(addresses.len())).map(host).collect(),
            first: Arc::default(),
            last_address: Arc::default(),
        }
    }

    /// Returns the hosts with their indices, the one that answered last first.
    pub(super) fn in_order(&self) -> Vec<(usize, &DatabaseHost)> {
        let mut hosts: Vec<_> = self.hosts.iter().enumerate().collect();
        let first = self.first.load(Ordering::Relaxed);
        hosts.sort_by_key(|(index, _)| *index != first);
        hosts
    }

    /// Begins an attempt at the host with this index.
    pub(super) fn attempt(&self, index: usize) -> Attempt<'_> {
        Attempt { hosts: self, index, has_succeeded: false }
    }

    /// Moves the address that answered last to the front.
    pub(super) fn sort(&self, addresses: &mut [ServerAddress]) {
        let last = self.last_address.lock().unwrap_or_else(PoisonError::into_inner).clone();
        addresses.sort_by_key(|address| Some(address) != last.as_ref());
    }
}

/// An attempt at one host. Dropped without success, also because the caller gave up, it makes the
/// next host the first one.
pub(super) struct Attempt<'a> {
    hosts: &'a Hosts,
    index: usize,
    has_succeeded: bool,
}

impl Attempt<'_> {
    /// Records that the host has answered, at this address.
    pub(super) fn succeeded(mut self, address: &ServerAddress) {
        self.has_succeeded = true;
        self.hosts.first.store(self.index, Ordering::Relaxed);
        let mut last = self.hosts.last_address.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(address.clone());
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.has_succeeded {
            return;
        }
        let next = self.index.saturating_add(1);
        let next = if next < self.hosts.hosts.len() { next } else { 0 };
        let (first, order) = (&self.hosts.first, Ordering::Relaxed);
        // Not if another attempt has found a host that works.
        let _ = first.compare_exchange(self.index, next, order, order);
    }
}

/// Returns the share of one of `candidates` that are left, in the time that is left.
pub(super) fn share_of(time: Duration, candidates: usize) -> Duration {
    time / u32::try_from(candidates.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(hosts: &Hosts) -> Vec<String> {
        hosts.in_order().iter().map(|(_, host)| host.to_string()).collect()
    }

    fn hosts(url: &str) -> Hosts {
        Hosts::from_config(&url.parse().expect("a URL"))
    }

    #[test]
    fn host_that_answered_last_is_tried_first() {
        let hosts = hosts("postgres://u@a:1,b:2,c:3/db");
        assert_eq!(order(&hosts), ["a:1", "b:2", "c:3"]);
        hosts.attempt(2).succeeded(&ServerAddress::Unix("/c".into()));
        assert_eq!(order(&hosts.clone()), ["c:3", "a:1", "b:2"]);
    }

    #[test]
    fn failed_attempt_at_the_first_host_moves_the_beginning_on() {
        let hosts = hosts("postgres://u@a:1,b:2,c:3/db");
        drop(hosts.attempt(0));
        assert_eq!(order(&hosts), ["b:2", "a:1", "c:3"]);
        // Another host than the first one: the first one still works.
        drop(hosts.attempt(2));
        assert_eq!(order(&hosts), ["b:2", "a:1", "c:3"]);
        drop(hosts.attempt(1));
        drop(hosts.attempt(2));
        assert_eq!(order(&hosts), ["a:1", "b:2", "c:3"]);
    }

    #[test]
    fn address_that_answered_last_is_tried_first() {
        let hosts = hosts("postgres://u@a/db");
        let addresses = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"];
        let addresses = addresses.map(|text| ServerAddress::Tcp(text.parse().expect("one")));
        let mut sorted = addresses.clone();
        hosts.sort(&mut sorted);
        assert_eq!(sorted, addresses);
        hosts.attempt(0).succeeded(&addresses[1]);
        hosts.sort(&mut sorted);
        assert_eq!(sorted, [1, 0, 2].map(|at| addresses[at].clone()));
    }

    #[test]
    fn hosts_are_read_as_by_libpq() {
        assert_eq!(order(&hosts("postgres://u@a,b:2/db")), ["a:5432", "b:2"]);
        assert_eq!(order(&hosts("postgres:///db?host=/run/pg&port=7")), ["/run/pg/.s.PGSQL.7"]);
        let by_address = hosts("postgres://u@name:7/db?hostaddr=192.0.2.1");
        assert_eq!(order(&by_address), ["192.0.2.1:7"]);
        assert_eq!(by_address.hosts[0].name.as_deref(), Some("name"));
    }

    #[test]
    fn time_is_shared_among_those_that_are_left() {
        assert_eq!(share_of(Duration::from_secs(2), 2), Duration::from_secs(1));
        assert_eq!(share_of(Duration::from_secs(2), 0), Duration::from_secs(2));
    }
}
