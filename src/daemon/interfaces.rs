//! The interfaces that the configuration names, as the kernel last described them.
//!
//! They may be absent at the start, vanish, and come back under the same name with another index.

use core::net::IpAddr;

use super::kernel::MARK;
use crate::sys::Interface;
use crate::wire::netlink::{Address, Link};
use crate::wire::vrrp::Family;

/// How many addresses of an interface are remembered to choose a source from.
const ADDRESSES: usize = 16;

/// An address of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// The address.
    pub ip: IpAddr,
    /// Its prefix length: the same address may be there twice, with two.
    pub prefix: u8,
    /// A virtual address of ours, mark or not.
    pub is_virtual: bool,
    /// No duplicate address detection is pending or failed.
    pub usable: bool,
    /// IPv4: another address of the same subnet was there first.
    pub secondary: bool,
}

/// An interface.
#[derive(Debug)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// What it is for the kernel, while it exists.
    pub interface: Option<Interface>,
    /// It is up and has a carrier.
    pub running: bool,
    /// The kernel's flags.
    pub flags: u32,
    /// Its hardware address.
    pub mac: Option<[u8; 6]>,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its ARP hardware type.
    pub hardware: u16,
    /// Its addresses, as many as are remembered.
    pub addresses: heapless::Vec<Known, ADDRESSES>,
    /// Seen since the last resync began.
    fresh: bool,
}

impl Device {
    /// One too many is not remembered: there are enough to choose from. But own ones come before virtual ones.
    fn remember(&mut self, entry: Known) {
        if self.addresses.is_full() && !entry.is_virtual {
            let virtual_one = self.addresses.iter().position(|known| known.is_virtual);
            virtual_one.map(|at| self.addresses.remove(at));
        }
        let _ = self.addresses.push(entry);
    }
}

/// What a message about a link means for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The device is not there any more.
    Gone(u16),
    /// The device is there, anew.
    Came(u16),
    /// The device is there and may have changed.
    Changed(u16),
}

/// All of them.
#[derive(Debug)]
pub struct Interfaces {
    devices: Box<[Device]>,
}

impl Interfaces {
    /// So many devices, none of them there.
    pub fn new(names: &[String]) -> Self {
        let device = |name: &String| Device {
            name: name.clone(),
            interface: None,
            running: false,
            flags: 0,
            mac: None,
            mtu: 0,
            hardware: 0,
            addresses: heapless::Vec::new(),
            fresh: false,
        };
        Self { devices: names.iter().map(device).collect() }
    }

    /// A device.
    pub fn get(&self, device: u16) -> Option<&Device> {
        self.devices.get(usize::from(device))
    }

    /// All devices, in the order of the plan.
    pub fn all(&self) -> &[Device] {
        &self.devices
    }

    /// The kernel's index of a device.
    pub fn index_of(&self, device: u16) -> Option<u32> {
        self.get(device)?.interface.map(|interface| interface.index())
    }

    /// The device with that index.
    pub fn with_index(&self, index: u32) -> Option<u16> {
        let has = |device: &Device| device.interface.is_some_and(|interface| interface.index() == index);
        self.devices.iter().position(has).map(|device| device as u16)
    }

    /// The kernel's tables are about to be read anew.
    pub fn begin_resync(&mut self) {
        for device in &mut self.devices {
            device.fresh = false;
            device.addresses.clear();
        }
    }

    /// A device that was not seen since [`Interfaces::begin_resync`], if there is one: it is gone.
    pub fn stale(&mut self) -> Option<u16> {
        let device = self.devices.iter().position(|device| device.interface.is_some() && !device.fresh)?;
        self.forget(device as u16);
        Some(device as u16)
    }

    /// The kernel described a link. First comes what it makes vanish (an old name, an old index).
    pub fn note_link(&mut self, link: &Link<'_>) -> [Option<Change>; 2] {
        let named = self.devices.iter().position(|device| device.name == link.name).map(|device| device as u16);
        let renamed = self.with_index(link.index).filter(|device| Some(*device) != named);
        if let Some(device) = renamed {
            self.forget(device);
        }
        let gone = renamed.map(Change::Gone);
        let Some(place) = named else { return [gone, None] };
        let Some(device) = self.devices.get_mut(usize::from(place)) else { return [gone, None] };
        let same = device.interface.is_some_and(|interface| interface.index() == link.index);
        if !same {
            device.interface = Interface::new(link.name, link.index);
            device.addresses.clear();
        }
        device.running = link.is_running();
        device.flags = link.flags;
        device.mac = link.mac;
        device.mtu = link.mtu.unwrap_or(0);
        device.hardware = link.hardware;
        device.fresh = true;
        [gone, Some(if same { Change::Changed(place) } else { Change::Came(place) })]
    }

    /// The kernel removed a link.
    pub fn note_link_gone(&mut self, link: &Link<'_>) -> Option<Change> {
        let device = self.with_index(link.index)?;
        self.forget(device);
        Some(Change::Gone(device))
    }

    /// The kernel described an address. Which device it is on, if it is one of ours. What carries our mark is
    /// not remembered, unless it `counts` all the same: nothing is sent from it.
    pub fn note_address(&mut self, address: &Address<'_>, is_virtual: bool, counts: bool, there: bool) -> Option<u16> {
        use crate::wire::netlink::address_flags::SECONDARY;
        let place = self.with_index(address.index)?;
        let device = self.devices.get_mut(usize::from(place))?;
        let same = |known: &Known| known.ip == address.ip && known.prefix == address.prefix;
        let known = device.addresses.iter().position(same);
        let entry = (there && (counts || address.proto != Some(MARK))).then(|| Known {
            ip: address.ip,
            prefix: address.prefix,
            is_virtual,
            usable: address.is_usable(),
            secondary: matches!(address.ip, IpAddr::V4(_)) && address.flags & SECONDARY != 0,
        });
        match (known, entry) {
            (Some(at), Some(entry)) => {
                // In its place: the order is the kernel's.
                if let Some(known) = device.addresses.get_mut(at) {
                    *known = entry;
                }
            }
            (Some(at), None) => drop(device.addresses.remove(at)),
            (None, Some(entry)) => device.remember(entry),
            (None, None) => {}
        }
        Some(place)
    }

    /// The address that a router's adverts come from: an own one of the interface, not a virtual one. For
    /// IPv6 it is link-local (RFC 9568, section 5.1.2.1). An owner may use the address that it owns.
    pub fn source(&self, device: u16, family: Family, owner: bool) -> Option<IpAddr> {
        let addresses = &self.get(device)?.addresses;
        let fits = |known: &&Known| match known.ip {
            IpAddr::V4(_) => family == Family::V4,
            IpAddr::V6(ip) => family == Family::V6 && ip.is_unicast_link_local(),
        };
        let candidates = || addresses.iter().filter(fits).filter(|known| known.usable);
        let own = || candidates().filter(|known| !known.is_virtual);
        let best = own().find(|known| !known.secondary).or_else(|| own().next());
        best.or_else(|| candidates().next().filter(|_| owner)).map(|known| known.ip)
    }

    fn forget(&mut self, device: u16) {
        if let Some(device) = self.devices.get_mut(usize::from(device)) {
            device.interface = None;
            device.running = false;
            device.addresses.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    fn link(index: u32, name: &'static str) -> Link<'static> {
        use crate::wire::netlink::link_flags::{LOWER_UP, RUNNING, UP};
        Link {
            index,
            name,
            flags: UP | RUNNING | LOWER_UP,
            hardware: 1,
            mtu: Some(1500),
            mac: None,
            operstate: None,
            master: None,
            parent: None,
            kind: None,
        }
    }

    fn address(index: u32, last: u8, flags: u32) -> Address<'static> {
        let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
        Address {
            index,
            ip,
            prefix: 24,
            peer: None,
            broadcast: None,
            label: None,
            scope: 0,
            flags,
            lifetimes: None,
            proto: None,
        }
    }

    fn interfaces() -> Interfaces {
        Interfaces::new(&[String::from("a"), String::from("b")])
    }

    #[test]
    fn an_interface_comes_back_with_another_index() {
        let mut known = interfaces();
        assert_eq!(known.note_link(&link(2, "a")), [None, Some(Change::Came(0))]);
        assert_eq!(known.note_link(&link(2, "a")), [None, Some(Change::Changed(0))]);
        assert_eq!(known.note_link_gone(&link(2, "a")), Some(Change::Gone(0)));
        assert_eq!(known.note_link(&link(5, "a")), [None, Some(Change::Came(0))]);
        assert_eq!((known.with_index(2), known.with_index(5)), (None, Some(0)));
    }

    #[test]
    fn a_rename_takes_one_away_and_gives_another() {
        let mut known = interfaces();
        known.note_link(&link(2, "a"));
        assert_eq!(known.note_link(&link(2, "other")), [Some(Change::Gone(0)), None]);
        known.note_link(&link(2, "a"));
        assert_eq!(known.note_link(&link(2, "b")), [Some(Change::Gone(0)), Some(Change::Came(1))]);
    }

    #[test]
    fn what_a_resync_does_not_see_is_gone() {
        let mut known = interfaces();
        known.note_link(&link(2, "a"));
        known.note_link(&link(3, "b"));
        known.begin_resync();
        known.note_link(&link(3, "b"));
        assert_eq!((known.stale(), known.stale()), (Some(0), None));
    }

    #[test]
    fn the_source_is_an_own_primary_address() {
        use crate::wire::netlink::address_flags::SECONDARY;
        let mut known = interfaces();
        known.note_link(&link(2, "a"));
        let vip = address(2, 100, 0);
        known.note_address(&vip, true, false, true);
        assert_eq!(known.source(0, Family::V4, false), None);
        known.note_address(&address(2, 2, SECONDARY), false, false, true);
        assert_eq!(known.source(0, Family::V4, false), Some(address(2, 2, 0).ip));
        known.note_address(&address(2, 1, 0), false, false, true);
        assert_eq!(known.source(0, Family::V4, false), Some(address(2, 1, 0).ip));
        assert_eq!(known.source(0, Family::V6, false), None);
        known.note_address(&address(2, 1, 0), false, false, false);
        assert_eq!(known.source(0, Family::V4, false), Some(address(2, 2, 0).ip));
    }

    #[test]
    fn an_owner_uses_what_it_owns() {
        let mut known = interfaces();
        known.note_link(&link(2, "a"));
        known.note_address(&address(2, 100, 0), true, false, true);
        assert_eq!(known.source(0, Family::V4, false), None);
        assert_eq!(known.source(0, Family::V4, true), Some(address(2, 100, 0).ip));
        // The same address with another length is another one.
        known.note_address(&Address { prefix: 32, ..address(2, 100, 0) }, true, false, false);
        assert_eq!(known.source(0, Family::V4, true), Some(address(2, 100, 0).ip));
    }

    #[test]
    fn virtual_addresses_leave_room_for_an_own_one() {
        let mut known = interfaces();
        known.note_link(&link(2, "a"));
        for last in 100..150 {
            known.note_address(&address(2, last, 0), true, false, true);
        }
        known.note_address(&address(2, 1, 0), false, false, true);
        assert_eq!(known.source(0, Family::V4, false), Some(address(2, 1, 0).ip));
        for last in 150..200 {
            known.note_address(&Address { proto: Some(MARK), ..address(2, last, 0) }, true, false, true);
        }
        assert_eq!(known.get(0).map(|device| device.addresses.len()), Some(ADDRESSES));
    }
}
