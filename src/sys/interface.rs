//! A network interface as the kernel names it: name and index together, because an interface that
//! comes back under its old name has a new index.

use core::ffi::{CStr, c_char};
use core::fmt;

use super::errno::{Errno, Result};

/// An interface's name and index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// With at least one NUL at its end.
    name: [u8; libc::IFNAMSIZ],
    index: u32,
}

impl Interface {
    /// From what netlink said. None if the name is empty, longer than 15 bytes or has a NUL in it, or the
    /// index is zero.
    pub fn new(name: &str, index: u32) -> Option<Self> {
        let mut bytes = [0; libc::IFNAMSIZ];
        let room = bytes.get_mut(..libc::IFNAMSIZ - 1)?.get_mut(..name.len())?;
        if name.is_empty() || name.bytes().any(|byte| byte == 0) || index == 0 {
            return None;
        }
        room.copy_from_slice(name.as_bytes());
        Some(Self { name: bytes, index })
    }

    /// The interface of that name, as it is now. Errors: ENODEV if there is none.
    pub fn by_name(name: &str) -> Result<Self> {
        let candidate = Self::new(name, 1).ok_or(Errno::INVALID)?;
        // SAFETY: the name ends in NUL.
        match unsafe { libc::if_nametoindex(candidate.c_name().as_ptr()) } {
            0 => Err(Errno::last()),
            index => Ok(Self { index, ..candidate }),
        }
    }

    /// Its index, never zero.
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.c_name().to_str().unwrap_or("?")
    }

    /// Its name for the kernel.
    pub(super) fn c_name(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.name).unwrap_or_default()
    }

    /// For a structure that holds interface names.
    pub(super) fn name_chars(&self) -> [c_char; libc::IFNAMSIZ] {
        self.name.map(|byte| byte as c_char)
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        assert_eq!(Interface::new("eth0", 2).unwrap().name(), "eth0");
        assert!(Interface::new("fifteen-letters", 2).is_some());
        assert!(Interface::new("sixteen-letters!", 2).is_none());
        assert!(Interface::new("", 2).is_none());
        assert!(Interface::new("a\0b", 2).is_none());
        assert!(Interface::new("eth0", 0).is_none());
    }

    #[test]
    fn the_kernel_knows_its_loopback() {
        assert_eq!(Interface::by_name("lo").unwrap().name(), "lo");
        assert_eq!(Interface::by_name("nosuch0"), Err(Errno(libc::ENODEV)));
    }
}
