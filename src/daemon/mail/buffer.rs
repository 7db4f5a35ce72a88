//! Bytes on their way to the mail server.

use core::fmt::{self, Write};

/// Bytes on their way out; their memory is taken at load.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    sent: usize,
}

impl Buffer {
    /// Makes room for a text of so many bytes. At load.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve_exact(bytes);
    }

    /// Goes on with what another one had not sent. At load.
    pub(super) fn take_over(&mut self, other: &Self) {
        self.bytes.extend_from_slice(other.rest());
    }

    /// What is to be sent.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// So many bytes of it went out.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// Empty again; the memory stays.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.bytes.capacity() - self.bytes.len() < text.len() {
            return Err(fmt::Error);
        }
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_grow() {
        let mut buffer = Buffer::default();
        buffer.reserve(8);
        assert_eq!((buffer.write_str("12345678"), buffer.write_str("9")), (Ok(()), Err(fmt::Error)));
        buffer.advance(3);
        assert_eq!(buffer.rest(), b"45678");
        let mut other = Buffer::default();
        other.take_over(&buffer);
        assert_eq!(other.rest(), b"45678");
        buffer.clear();
        assert!(buffer.rest().is_empty() && buffer.write_str("12345678").is_ok());
    }
}
