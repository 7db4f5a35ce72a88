//! Which virtual routers exist here, and the classic BPF program that lets the kernel drop adverts of all
//! others, so that a flood of strangers costs the kernel and not the loop.

use core::fmt;

use super::errno::Result;
use super::fd::Fd;
use super::socket::set_option;
use crate::wire::vrrp::Family;

/// A set of virtual router identifiers.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct VridSet {
    words: [u32; 8],
}

impl VridSet {
    /// No identifier.
    pub const EMPTY: Self = Self { words: [0; 8] };
    /// All of them: with `log_unknown_vrids` strangers must be seen.
    pub const ALL: Self = Self { words: [u32::MAX; 8] };

    /// Adds an identifier.
    pub fn insert(&mut self, vrid: u8) {
        if let Some(word) = self.words.get_mut(usize::from(vrid >> 5)) {
            *word |= 1 << (vrid & 31);
        }
    }

    /// Whether it is in the set.
    pub fn contains(&self, vrid: u8) -> bool {
        self.words.get(usize::from(vrid >> 5)).is_some_and(|word| word >> (vrid & 31) & 1 == 1)
    }

    /// The set's members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|vrid| self.contains(*vrid))
    }

    /// The program for a raw socket of that family: passes the whole packet if its VRID, the second byte
    /// of the VRRP message (RFC 9568, 5.2.3), is in the set. A message too short to have one is dropped.
    ///
    /// An IPv4 raw socket sees the IP header first, an IPv6 one begins at the message.
    fn program(&self, family: Family) -> [libc::sock_filter; 34] {
        let mut code = [instruction(libc::BPF_RET | libc::BPF_K, 0); 34];
        let start = match family {
            Family::V4 => instruction(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0),
            Family::V6 => instruction(libc::BPF_LDX | libc::BPF_IMM, 0),
        };
        let bit = [
            start,
            instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, 1),
            instruction(libc::BPF_ST, 0),
            instruction(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 31),
            instruction(libc::BPF_MISC | libc::BPF_TAX, 0),
            instruction(libc::BPF_LD | libc::BPF_MEM, 0),
            instruction(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 5),
        ];
        // A is the number of the word now, X that of the bit. Seven comparisons, then eight times "load
        // the word, go on": the last word's first, because it is what the comparisons fall through to.
        let select = (0..7_u8).map(|word| libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: 8 + word,
            jf: 0,
            k: word.into(),
        });
        let [words @ .., last] = self.words;
        let load = core::iter::once(last).chain(words).zip(0_u32..).flat_map(|(word, at)| {
            [instruction(libc::BPF_LD | libc::BPF_IMM, word), instruction(libc::BPF_JMP | libc::BPF_JA, 14 - 2 * at)]
        });
        // The bit is 0 or 1; negated it is what to keep of the packet: nothing, or all.
        let keep = [
            instruction(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_X, 0),
            instruction(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 1),
            instruction(libc::BPF_ALU | libc::BPF_NEG, 0),
            instruction(libc::BPF_RET | libc::BPF_A, 0),
        ];
        let whole = bit.into_iter().chain(select).chain(load).chain(keep);
        for (slot, instruction) in code.iter_mut().zip(whole) {
            *slot = instruction;
        }
        code
    }

    /// Has the kernel deliver only these to `socket` from now on, in place of what was set before.
    pub(super) fn attach(&self, socket: &Fd, family: Family) -> Result<()> {
        attach(socket, &mut self.program(family))
    }
}

/// As the list of its members.
impl fmt::Debug for VridSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<u8> for VridSet {
    fn from_iter<T: IntoIterator<Item = u8>>(vrids: T) -> Self {
        let mut set = Self::EMPTY;
        vrids.into_iter().for_each(|vrid| set.insert(vrid));
        set
    }
}

/// Has the kernel deliver nothing to `socket`.
pub(super) fn attach_nothing(socket: &Fd) -> Result<()> {
    attach(socket, &mut [instruction(libc::BPF_RET | libc::BPF_K, 0)])
}

fn attach(socket: &Fd, code: &mut [libc::sock_filter]) -> Result<()> {
    let program = libc::sock_fprog { len: code.len() as u16, filter: code.as_mut_ptr() };
    // The kernel copies the program within the call.
    set_option(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

const fn instruction(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What classic BPF does, as far as the program uses it; what to keep of `packet`.
    fn run(program: &[libc::sock_filter], packet: &[u8]) -> u32 {
        let (mut a, mut x, mut memory, mut at) = (0_u32, 0_u32, [0_u32; 16], 0);
        loop {
            let step = program[at];
            at += 1;
            match u32::from(step.code) {
                0xb1 => match packet.get(step.k as usize) {
                    Some(byte) => x = u32::from(byte & 15) * 4,
                    None => return 0,
                },
                0x01 => x = step.k,
                0x50 => match packet.get((x + step.k) as usize) {
                    Some(byte) => a = u32::from(*byte),
                    None => return 0,
                },
                0x02 => memory[step.k as usize] = a,
                0x60 => a = memory[step.k as usize],
                0x00 => a = step.k,
                0x54 => a &= step.k,
                0x74 => a >>= step.k,
                0x7c => a = a.checked_shr(x).unwrap(),
                0x84 => a = a.wrapping_neg(),
                0x07 => x = a,
                0x15 => at += usize::from(if a == step.k { step.jt } else { step.jf }),
                0x05 => at += step.k as usize,
                0x06 => return step.k,
                0x16 => return a,
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    fn v4_packet(options: usize, vrid: u8) -> Vec<u8> {
        let mut packet = vec![0; 20 + options];
        packet[0] = 0x40 | (5 + options / 4) as u8;
        packet.extend([0x31, vrid, 100, 1]);
        packet
    }

    #[test]
    fn membership() {
        let set: VridSet = [1, 31, 32, 255].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 31, 32, 255]);
        assert_eq!(format!("{set:?}"), "{1, 31, 32, 255}");
        assert!(!VridSet::EMPTY.contains(0) && VridSet::ALL.contains(0) && VridSet::ALL.contains(255));
    }

    #[test]
    fn the_program_agrees_with_the_set_on_every_identifier() {
        let sets = [
            VridSet::EMPTY,
            VridSet::ALL,
            [51].into_iter().collect(),
            (0..=255).filter(|vrid| vrid % 3 == 0).collect(),
            (0..8).map(|word| word * 33).collect(),
        ];
        for set in sets {
            for vrid in 0..=u8::MAX {
                let kept = if set.contains(vrid) { u32::MAX } else { 0 };
                assert_eq!(run(&set.program(Family::V6), &[0x31, vrid]), kept, "{set:?} {vrid}");
                for options in [0, 4, 40] {
                    assert_eq!(run(&set.program(Family::V4), &v4_packet(options, vrid)), kept, "{set:?} {vrid}");
                }
            }
        }
    }

    #[test]
    fn a_message_without_an_identifier_is_dropped() {
        let program = VridSet::ALL.program(Family::V4);
        assert_eq!(run(&program, &[]), 0);
        assert_eq!(run(&program, &v4_packet(0, 1)[..21]), 0);
        assert_eq!(run(&VridSet::ALL.program(Family::V6), &[0x31]), 0);
    }
}
