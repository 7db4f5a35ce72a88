//! Settings of the kernel under /proc/sys, of this network namespace where they belong to one.

use core::ffi::CStr;
use core::fmt::Write as _;

use super::errno::{Errno, Result};
use super::fd::Fd;

/// A setting's path.
#[derive(Clone, Debug)]
pub struct Sysctl {
    /// With a NUL at its end.
    path: heapless::Vec<u8, 128>,
}

impl Sysctl {
    /// From the path's parts below /proc/sys: `["net", "ipv4", "conf", "eth0", "arp_ignore"]`. Errors: EINVAL
    /// for a part that would lead elsewhere, ENAMETOOLONG beyond 127 bytes.
    pub fn new(parts: &[&str]) -> Result<Self> {
        let mut path = heapless::Vec::new();
        let too_long = Errno(libc::ENAMETOOLONG);
        path.extend_from_slice(b"/proc/sys").map_err(|_| too_long)?;
        for part in parts {
            if part.is_empty() || [".", ".."].contains(part) || part.bytes().any(|byte| byte == b'/' || byte == 0) {
                return Err(Errno::INVALID);
            }
            path.push(b'/').map_err(|_| too_long)?;
            path.extend_from_slice(part.as_bytes()).map_err(|_| too_long)?;
        }
        path.push(0).map_err(|_| too_long)?;
        Ok(Self { path })
    }

    /// Its value. Errors: ENOENT if this kernel or interface does not have it, EINVAL if it is no number.
    pub fn get(&self) -> Result<i32> {
        let mut buffer = [0; 16];
        let length = self.open(libc::O_RDONLY)?.read(&mut buffer)?;
        let text = buffer.get(..length).and_then(|bytes| core::str::from_utf8(bytes).ok());
        text.and_then(|text| text.trim_ascii().parse().ok()).ok_or(Errno::INVALID)
    }

    /// Sets it. Errors: ENOENT as above, EROFS or EACCES where we may not (containers).
    pub fn set(&self, value: i32) -> Result<()> {
        let mut text = heapless::String::<12>::new();
        let _ = write!(text, "{value}");
        self.open(libc::O_WRONLY)?.write_all(text.as_bytes())
    }

    fn open(&self, flags: i32) -> Result<Fd> {
        Fd::open(CStr::from_bytes_until_nul(&self.path).map_err(|_| Errno::INVALID)?, flags, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::namespace;

    #[test]
    fn a_setting_is_read_and_written() {
        namespace::run(|| {
            let setting = Sysctl::new(&["net", "ipv4", "conf", "lo", "arp_ignore"]).unwrap();
            for value in [1, 0] {
                setting.set(value).unwrap();
                assert_eq!(setting.get(), Ok(value));
            }
            let absent = Sysctl::new(&["net", "ipv4", "conf", "nosuch0", "arp_ignore"]).unwrap();
            assert_eq!(absent.get(), Err(Errno(libc::ENOENT)));
        });
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for part in ["..", ".", "", "a/b", "a\0b"] {
            assert_eq!(Sysctl::new(&["net", part]).err(), Some(Errno::INVALID), "{part:?}");
        }
        assert!(Sysctl::new(&["net", "ipv4", "conf", "eth0.100", "arp_ignore"]).is_ok());
        assert_eq!(Sysctl::new(&["a"; 200]).err(), Some(Errno(libc::ENAMETOOLONG)));
    }
}
