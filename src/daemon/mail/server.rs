//! Where mail goes: an address, or a name that a child process looks up.

use core::fmt;
use core::net::IpAddr;
use std::ffi::CString;
use std::os::fd::AsRawFd;

use mio::{Interest, Registry};

use crate::daemon::{RESOLVER, watch_one};
use crate::sys::resolver::{Addresses, Resolver};

/// Where mail goes.
pub(super) struct Server {
    host: String,
    pub(super) port: u16,
    /// None if it has a numeric address.
    name: Option<CString>,
    addresses: Addresses,
    /// The address to try next.
    next: usize,
    pub(super) resolver: Option<Resolver>,
    /// The resolver's process has ended, perhaps.
    pub(super) answered: bool,
    /// Its name has not been looked up since the load.
    pub(super) fresh: bool,
}

impl Server {
    pub(super) fn new(host: String, port: u16) -> Self {
        let numeric = host.parse::<IpAddr>();
        // The language has no NUL in words.
        let name = if numeric.is_ok() { None } else { CString::new(host.as_str()).ok() };
        Self {
            fresh: name.is_some(),
            addresses: numeric.into_iter().collect(),
            host,
            port,
            name,
            next: 0,
            resolver: None,
            answered: false,
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        self.addresses.get(self.next).copied()
    }

    /// On to the next address; false after the last. Then a name is looked up again.
    pub(super) fn skip(&mut self) -> bool {
        self.next += 1;
        let is_another = self.next < self.addresses.len();
        if !is_another {
            self.next = 0;
            if self.name.is_some() {
                self.addresses.clear();
            }
        }
        is_another
    }

    /// Begins to look up the name, if it has one; false if it cannot be.
    pub(super) fn look_up(&mut self, registry: &Registry) -> bool {
        self.fresh = false;
        let Some(name) = &self.name else { return false };
        let asked = Resolver::ask(name).and_then(|resolver| {
            watch_one(registry, resolver.as_raw_fd(), RESOLVER, Interest::READABLE)?;
            Ok(resolver)
        });
        match asked {
            Ok(resolver) => self.resolver = Some(resolver),
            Err(errno) => log::error!("cannot look up mail server {}: {errno}", self.host),
        }
        self.resolver.is_some()
    }

    /// False if it is that nobody knows an address.
    pub(super) fn take_answer(&mut self) -> bool {
        let Some(resolver) = &mut self.resolver else { return true };
        match resolver.answer() {
            Err(errno) if errno.would_block() => true,
            answer => {
                self.addresses = answer.unwrap_or_default();
                self.next = 0;
                self.resolver = None;
                if self.addresses.is_empty() {
                    log::warn!("mail server {} has no address that is known", self.host);
                }
                !self.addresses.is_empty()
            }
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_turn_and_then_the_name_is_asked_again() {
        let mut server = Server::new("mail.example.org".into(), 25);
        server.addresses = ["2001:db8::1", "192.0.2.1"].iter().map(|ip| ip.parse().unwrap()).collect();
        assert_eq!(server.address(), Some("2001:db8::1".parse().unwrap()));
        assert!(server.skip());
        assert_eq!(server.address(), Some("192.0.2.1".parse().unwrap()));
        assert!(!server.skip());
        assert_eq!(server.address(), None);
        let mut numeric = Server::new("192.0.2.1".into(), 25);
        assert!(!numeric.skip());
        assert_eq!(numeric.address(), Some("192.0.2.1".parse().unwrap()), "it has no other");
    }
}
