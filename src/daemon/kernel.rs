//! The two netlink sockets: commands out and answers in, news of links and addresses in.
//!
//! Commands go out in one write of many messages; the next write waits until the answers of the last
//! one were read, and news is always read before answers: so the order of things is the kernel's.

use std::os::fd::AsRawFd;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::plan::subnet_bits;
use crate::config::model;
use crate::proto::Outbox;
use crate::proto::vip::Action;
use crate::sys::Errno;
use crate::sys::netlink::{Group, Incoming, Netlink};
use crate::wire::netlink::{
    AddressRepr, Content, FOREVER, IfPresent, Lifetimes, Message, Messages, Writer, address_flags,
};

/// Our mark on addresses (IFA_PROTO, Linux 5.18): 112 is VRRP's protocol number.
pub const MARK: u8 = 112;

/// Sequence numbers below the slots' (which begin at [`FIRST_SLOT`]).
const LINKS: u32 = 1;
const ADDRESSES: u32 = 2;
const STRAY: u32 = 3;
const FIRST_SLOT: u32 = 16;

/// Messages in one write: their answers must fit into the socket's buffer.
const BATCH: usize = 64;

/// Commands that never reached the kernel.
pub type Failures = heapless::Vec<(u16, Errno), BATCH>;

/// Bytes of one write and of one read.
const ROOM: usize = 16 * 1024;

/// Bytes that may wait in the kernel.
const COMMAND_BUFFER: u32 = 1024 * 1024;
const MONITOR_BUFFER: u32 = 1024 * 1024;

/// Answers and news that are read in one wake-up; the rest waits for the next.
const READS: usize = 64;

/// The connection to the kernel's tables.
pub struct Kernel {
    command: Netlink,
    monitor: Netlink,
    /// What is being written or read; never both at once.
    buffer: Box<[u8]>,
    outstanding: u32,
    resync: Resync,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resync {
    Idle,
    /// News was lost: a dump is needed.
    Needed,
    Links,
    Addresses,
}

/// What the kernel said, in our words.
#[derive(Clone, Copy)]
pub enum News<'a> {
    /// A dump of all links and addresses begins: what is not in it is not there.
    ResyncBegins,
    /// All links were dumped; the addresses follow.
    LinksDone,
    /// The dump is complete.
    ResyncDone,
    /// About a link or an address.
    Message(Message<'a>),
    /// A slot's command was answered: 0 or an error number.
    Answer(u16, i32),
}

impl Kernel {
    /// Opens both sockets.
    ///
    /// # Errors
    ///
    /// Those of socket(2).
    pub fn new(global: &model::Global) -> Result<Self, Errno> {
        let bytes = |asked: u32, usual: u32| Some(if asked == 0 { usual } else { asked });
        Ok(Self {
            command: Netlink::command(bytes(global.netlink_command_buffer, COMMAND_BUFFER))?,
            monitor: Netlink::monitor(
                &Group::LINKS_AND_ADDRESSES,
                bytes(global.netlink_monitor_buffer, MONITOR_BUFFER),
            )?,
            buffer: vec![0; ROOM].into_boxed_slice(),
            outstanding: 0,
            resync: Resync::Needed,
        })
    }

    /// Has epoll tell when there is something to read.
    ///
    /// # Errors
    ///
    /// Those of epoll_ctl(2).
    pub fn register(&self, registry: &Registry, command: Token, monitor: Token) -> std::io::Result<()> {
        registry.register(&mut SourceFd(&self.command.as_raw_fd()), command, Interest::READABLE)?;
        registry.register(&mut SourceFd(&self.monitor.as_raw_fd()), monitor, Interest::READABLE)
    }

    /// Whether commands wait for their answers.
    pub fn is_busy(&self) -> bool {
        self.outstanding > 0
    }

    /// Asks for a dump of everything.
    pub fn ask_resync(&mut self) {
        self.resync = Resync::Needed;
    }

    /// Whether a dump is under way or needed.
    pub fn is_resyncing(&self) -> bool {
        self.resync != Resync::Idle
    }

    /// Sends what waits in `queue`, if nothing is unanswered. `describe` gives the address of a slot; none
    /// means that its interface is gone. Returns the commands that the kernel never got, and why.
    pub fn flush<'c>(
        &mut self,
        queue: &mut Outbox<Action>,
        describe: impl Fn(u16) -> Option<AddressRepr<'c>>,
    ) -> Failures {
        let mut failures = Failures::new();
        if self.outstanding > 0 || queue.is_empty() {
            return failures;
        }
        let mut writer = Writer::new(&mut self.buffer);
        let mut sent: heapless::Vec<u16, BATCH> = heapless::Vec::new();
        // Neither vector overflows: each command is in one of them, and there are at most BATCH.
        for _ in 0..BATCH {
            let Some(action) = queue.pop() else { break };
            let (slot, written) = match action {
                Action::Add(slot) => {
                    (slot, describe(slot).map(|repr| writer.add_address(sequence(slot), IfPresent::Replace, &repr)))
                }
                Action::Delete(slot) => (slot, describe(slot).map(|repr| writer.delete_address(sequence(slot), &repr))),
                Action::Restored(_) | Action::Refused(..) => continue,
            };
            match written {
                Some(Ok(())) => drop(sent.push(slot)),
                Some(Err(_)) => drop(failures.push((slot, Errno(libc::EMSGSIZE)))),
                None => drop(failures.push((slot, Errno(libc::ENODEV)))),
            }
        }
        if sent.is_empty() {
            return failures;
        }
        match self.command.send(writer.bytes()) {
            Ok(()) => self.outstanding = sent.len() as u32,
            Err(errno) => failures.extend(sent.iter().map(|slot| (*slot, errno))),
        }
        failures
    }

    /// Removes an address that carries our mark and belongs to nobody.
    pub fn remove_stray(&mut self, repr: &AddressRepr<'_>) -> Result<(), Errno> {
        let mut writer = Writer::new(&mut self.buffer);
        writer.delete_address(STRAY, repr).map_err(|_| Errno(libc::EMSGSIZE))?;
        self.command.send(writer.bytes())
    }

    /// Reads news, then answers, within bounds; true if there may be more.
    pub fn read(&mut self, mut give: impl FnMut(News<'_>)) -> bool {
        let more = self.read_monitor(&mut give);
        // Answers only after all news that came before them.
        more || self.read_answers(&mut give)
    }

    fn read_monitor(&mut self, give: &mut impl FnMut(News<'_>)) -> bool {
        if self.resync == Resync::Needed {
            self.start_dump(Resync::Links, give);
        }
        for _ in 0..READS {
            match self.monitor.receive(&mut self.buffer) {
                Ok(Incoming::Messages(bytes)) => {
                    let mut done = false;
                    for message in Messages::new(bytes).flatten() {
                        match message.content {
                            Content::Done { .. } => done = true,
                            Content::Error { errno, .. } if errno != 0 => self.resync = Resync::Needed,
                            Content::NewLink(_)
                            | Content::DelLink(_)
                            | Content::NewAddress(_)
                            | Content::DelAddress(_) => {
                                give(News::Message(message));
                            }
                            Content::Error { .. } | Content::Other { .. } => {}
                        }
                        if message.interrupted {
                            self.resync = Resync::Needed;
                        }
                    }
                    if done {
                        self.dump_done(give);
                    }
                }
                Ok(Incoming::Nothing) => return self.resync == Resync::Needed,
                Ok(Incoming::Overrun) => {
                    log::warn!("Netlink: news of links and addresses was lost; reading all anew");
                    self.resync = Resync::Needed;
                }
                Err(errno) => {
                    log::error!("Netlink: cannot read news of links and addresses: {errno}");
                    return false;
                }
            }
        }
        true
    }

    fn start_dump(&mut self, stage: Resync, give: &mut impl FnMut(News<'_>)) {
        let mut request = [0; 128];
        let mut writer = Writer::new(&mut request);
        let written = match stage {
            Resync::Addresses => writer.dump_addresses(ADDRESSES, None),
            Resync::Idle | Resync::Needed | Resync::Links => writer.dump_links(LINKS),
        };
        if written.is_err() {
            return;
        }
        match self.monitor.send(writer.bytes()) {
            Ok(()) => {
                if stage == Resync::Links {
                    give(News::ResyncBegins);
                }
                self.resync = stage;
            }
            // EBUSY: the dump before is not read to its end yet.
            Err(Errno(libc::EBUSY)) => {}
            Err(errno) => log::error!("Netlink: cannot ask for links and addresses: {errno}"),
        }
    }

    fn dump_done(&mut self, give: &mut impl FnMut(News<'_>)) {
        match self.resync {
            Resync::Links => {
                give(News::LinksDone);
                self.start_dump(Resync::Addresses, give);
            }
            Resync::Addresses => {
                self.resync = Resync::Idle;
                give(News::ResyncDone);
            }
            // The dump that ended was spoilt: begin again.
            Resync::Needed => self.start_dump(Resync::Links, give),
            Resync::Idle => {}
        }
    }

    fn read_answers(&mut self, give: &mut impl FnMut(News<'_>)) -> bool {
        for _ in 0..READS {
            match self.command.receive(&mut self.buffer) {
                Ok(Incoming::Messages(bytes)) => {
                    for message in Messages::new(bytes).flatten() {
                        if let Content::Error { errno, text } = message.content
                            && let Some(slot) = message.sequence.checked_sub(FIRST_SLOT)
                        {
                            self.outstanding = self.outstanding.saturating_sub(1);
                            if let Some(text) = text.filter(|_| errno != 0) {
                                log::debug!("Netlink: {}: {text}", Errno(errno));
                            }
                            give(News::Answer(slot as u16, errno));
                        }
                    }
                }
                Ok(Incoming::Nothing) => return false,
                Ok(Incoming::Overrun) => {
                    log::warn!("Netlink: answers were lost; reading all anew");
                    self.outstanding = 0;
                    self.resync = Resync::Needed;
                    return true;
                }
                Err(errno) => {
                    log::error!("Netlink: cannot read answers: {errno}");
                    return false;
                }
            }
        }
        true
    }

    /// Waits until news can be read. For load time.
    ///
    /// # Errors
    ///
    /// That of poll(2).
    pub fn wait(&self, milliseconds: i32) -> Result<bool, Errno> {
        self.monitor.wait(milliseconds)
    }
}

fn sequence(slot: u16) -> u32 {
    FIRST_SLOT + u32::from(slot)
}

/// A virtual address as the kernel is to have it.
///
/// IFA_F_NODAD always: the address may still be on a master that died without removing it, and an address
/// that failed its duplicate address detection never comes up (RFC 9568, section 6.4.2, has none).
pub fn describe(address: &model::Address, index: u32) -> AddressRepr<'_> {
    let flag = |set: bool, bit: u32| if set { bit } else { 0 };
    let is_v6 = address.ip.is_ipv6();
    // A /128 is not to be chosen as a source for new connections unless somebody says so.
    let preferred = match address.preferred_lft {
        Some(Some(span)) => u32::try_from(span.as_secs()).unwrap_or(FOREVER),
        Some(None) => FOREVER,
        None if is_v6 && address.prefix == 128 => 0,
        None => FOREVER,
    };
    AddressRepr {
        index,
        ip: address.ip,
        prefix: subnet_bits(address),
        peer: address.peer.map(|(ip, _)| ip),
        broadcast: address.broadcast,
        label: address.label.as_deref(),
        scope: address.scope,
        flags: flag(is_v6, address_flags::NO_DAD)
            | flag(address.home, address_flags::HOME_ADDRESS)
            | flag(address.mngtmpaddr, address_flags::MANAGE_TEMP_ADDRESS)
            | flag(address.noprefixroute, address_flags::NO_PREFIX_ROUTE)
            | flag(address.autojoin, address_flags::MCAST_AUTO_JOIN),
        lifetimes: (preferred != FOREVER).then_some(Lifetimes { preferred, valid: FOREVER }),
        proto: Some(MARK),
    }
}
