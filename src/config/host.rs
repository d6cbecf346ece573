//! The host of a listener: an address, or a name such as `localhost` that is resolved at startup.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// An IP address or a host name to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenHost(String);

impl ListenHost {
    /// Parses a value of `HOST`; IPv6 addresses may be in brackets.
    ///
    /// # Errors
    /// When the text is neither an address nor a host name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let is_name = bare.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
            && !bare.is_empty();
        if is_name || bare.parse::<IpAddr>().is_ok() {
            Ok(Self(bare.to_owned()))
        } else {
            Err("must be an address such as 127.0.0.1 or a host name such as localhost")
        }
    }

    /// Returns the address if this is one and not a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// Returns all addresses of the host, each once, in the order of the resolver.
    ///
    /// # Errors
    /// When the name cannot be resolved.
    pub fn resolve(&self, port: u16) -> io::Result<Vec<SocketAddr>> {
        let mut addresses = Vec::new();
        for address in (self.0.as_str(), port).to_socket_addrs()? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }

    /// Returns `host:port` as in a URL.
    pub fn with_port(&self, port: u16) -> String {
        match self.address() {
            Some(address) => SocketAddr::new(address, port).to_string(),
            None => format!("{}:{port}", self.0),
        }
    }
}

impl fmt::Display for ListenHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_name_are_accepted_and_other_text_is_refused() {
        for (text, with_port) in [
            ("127.0.0.1", "127.0.0.1:80"),
            ("::1", "[::1]:80"),
            ("[::]", "[::]:80"),
            ("localhost", "localhost:80"),
        ] {
            assert_eq!(
                ListenHost::parse(text).map(|host| host.with_port(80)),
                Ok(with_port.into())
            );
        }
        for text in ["", "a b", "http://localhost", "localhost:80", "[localhost", "ä"] {
            assert!(ListenHost::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn localhost_resolves_to_loopback_only() {
        let host = ListenHost::parse("localhost").expect("a host");
        let addresses = host.resolve(80).expect("addresses");
        assert!(!addresses.is_empty());
        assert!(addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
        assert_eq!(host.address(), None);
    }
}
