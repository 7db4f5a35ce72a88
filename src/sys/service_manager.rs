//! Tells the service manager how we are: sd_notify(3) without its library.

use core::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

use super::clock;
use super::errno::Result;
use super::unix_datagram::{UnixAddress, send};

/// The socket the service manager listens at, if there is one.
pub struct ServiceManager(Option<UnixAddress>);

impl ServiceManager {
    /// From $NOTIFY_SOCKET: a path, or a name in the abstract namespace.
    pub fn from_environment() -> Self {
        let path = std::env::var_os("NOTIFY_SOCKET");
        Self(
            path.as_deref()
                .map(OsStrExt::as_bytes)
                .filter(|path| path.starts_with(b"/") || path.starts_with(b"@"))
                .and_then(UnixAddress::new),
        )
    }

    /// Started, or reloaded.
    pub fn ready(&self) -> Result<()> {
        let mut text = heapless::String::<40>::new();
        // SAFETY: it takes nothing and cannot fail.
        let _ = write!(text, "READY=1\nMAINPID={}", unsafe { libc::getpid() });
        self.tell(&text)
    }

    /// Reloading begins; [`Self::ready`] ends it.
    pub fn reloading(&self) -> Result<()> {
        let mut text = heapless::String::<56>::new();
        let _ = write!(text, "RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic().as_nanos() / 1000);
        self.tell(&text)
    }

    /// On the way out.
    pub fn stopping(&self) -> Result<()> {
        self.tell("STOPPING=1")
    }

    /// Any other assignments, one a line. Without a service manager nothing happens.
    pub fn tell(&self, assignments: &str) -> Result<()> {
        match &self.0 {
            Some(address) => send(&address.connect()?, assignments.as_bytes()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn states_are_told_in_the_managers_words() {
        let path = std::env::temp_dir().join(format!("holdfast-manager-{}", std::process::id()));
        let server = UnixDatagram::bind(&path).unwrap();
        let manager = ServiceManager(UnixAddress::new(path.to_str().unwrap().as_bytes()));
        let mut buffer = [0; 256];
        let mut told = |outcome: Result<()>| {
            outcome.unwrap();
            let length = server.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        assert_eq!(told(manager.ready()), format!("READY=1\nMAINPID={}", std::process::id()));
        assert!(told(manager.reloading()).starts_with("RELOADING=1\nMONOTONIC_USEC="));
        assert_eq!(told(manager.stopping()), "STOPPING=1");
        std::fs::remove_file(&path).unwrap();
        assert!(manager.ready().is_err());
        assert_eq!(ServiceManager(None).ready(), Ok(()));
    }
}
