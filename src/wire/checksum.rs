//! The internet checksum (RFC 1071) and the pseudo-headers it may begin with.

use core::net::IpAddr;

/// A running ones' complement sum. It may be fed in pieces of any length, odd ones too: the result is
/// that of the pieces laid end to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checksum {
    /// The sum so far, carries not yet folded in.
    sum: u32,
    /// Whether the next byte is the second one of its 16-bit word.
    odd: bool,
}

impl Checksum {
    /// The sum of nothing.
    pub const fn new() -> Self {
        Self { sum: 0, odd: false }
    }

    /// The pseudo-header of RFC 768 (IPv4) or RFC 8200, section 8.1 (IPv6), in front of `length` bytes
    /// of `protocol`.
    pub fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: u32) -> Self {
        let mut sum = Self::new();
        for address in [source, destination] {
            match address {
                IpAddr::V4(v4) => sum.add(&v4.octets()),
                IpAddr::V6(v6) => sum.add(&v6.octets()),
            }
        }
        // IPv4 has the protocol before a length of 16 bits, IPv6 after one of 32: the same sum.
        sum.add(&length.to_be_bytes());
        sum.add(&[0, protocol]);
        sum
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if self.odd
            && let Some((first, tail)) = rest.split_first()
        {
            self.sum += u32::from(*first);
            self.odd = false;
            rest = tail;
        }
        // 16,384 words and what was folded before cannot overflow 32 bits.
        for block in rest.chunks(0x8000) {
            for pair in block.chunks(2) {
                match pair {
                    [high, low] => self.sum += u32::from(u16::from_be_bytes([*high, *low])),
                    [high] => {
                        self.sum += u32::from(*high) << 8;
                        self.odd = true;
                    }
                    _ => {}
                }
            }
            self.sum = u32::from(self.folded());
        }
        self.sum = u32::from(self.folded());
    }

    /// What to write into the checksum field, which was zero in the bytes added.
    pub fn value(self) -> u16 {
        !self.folded()
    }

    /// Whether the bytes added, their checksum field among them, are as they were sent.
    pub fn is_valid(self) -> bool {
        self.folded() == 0xffff
    }

    fn folded(self) -> u16 {
        let once = (self.sum & 0xffff) + (self.sum >> 16);
        // The second carry is at most one and leaves room for itself.
        ((once & 0xffff) + (once >> 16)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;

    fn of(bytes: &[u8]) -> Checksum {
        let mut sum = Checksum::new();
        sum.add(bytes);
        sum
    }

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]).value(), !0xddf2);
    }

    #[test]
    fn an_odd_end_counts_as_the_high_byte() {
        for (bytes, value) in [(&[][..], 0xffff), (&[0x12][..], !0x1200), (&[0xff, 0xff, 0xff][..], !0xff00)] {
            assert_eq!(of(bytes).value(), value, "{bytes:?}");
        }
    }

    #[test]
    fn long_inputs_do_not_overflow() {
        // 200,001 bytes of ones: all words are the ones' complement zero but the last, 0xff00.
        assert_eq!(of(&[0xff; 200_001]).value(), !0xff00);
    }

    #[test]
    fn pseudo_headers_are_as_laid_out_in_the_standards() {
        let v4 = [192, 0, 2, 1, 224, 0, 0, 18, 0, 112, 0, 16];
        let (source, destination) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(224, 0, 0, 18));
        assert_eq!(Checksum::pseudo_header(source.into(), destination.into(), 112, 16), of(&v4));

        let (source, destination): (Ipv6Addr, Ipv6Addr) = ("fe80::1".parse().unwrap(), "ff02::12".parse().unwrap());
        let mut v6 = Vec::new();
        v6.extend(source.octets());
        v6.extend(destination.octets());
        v6.extend([0, 1, 0, 2, 0, 0, 0, 58]);
        assert_eq!(Checksum::pseudo_header(source.into(), destination.into(), 58, 0x1_0002), of(&v6));
    }

    proptest! {
        #[test]
        fn pieces_sum_as_the_whole(bytes: Vec<u8>, cuts in proptest::collection::vec(0usize..64, 0..8)) {
            let mut sum = Checksum::new();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (piece, tail) = rest.split_at(cut.min(rest.len()));
                sum.add(piece);
                rest = tail;
            }
            sum.add(rest);
            prop_assert_eq!(sum.value(), of(&bytes).value());
        }

        #[test]
        fn what_carries_its_checksum_is_valid(mut bytes in proptest::collection::vec(any::<u8>(), 2..80)) {
            bytes[0] = 0;
            bytes[1] = 0;
            let value = of(&bytes).value().to_be_bytes();
            bytes[..2].copy_from_slice(&value);
            prop_assert!(of(&bytes).is_valid());
            bytes[1] ^= 0x10;
            prop_assert!(!of(&bytes).is_valid());
        }
    }
}
