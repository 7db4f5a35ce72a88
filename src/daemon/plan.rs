//! A configuration as the machines need it: names become indices, rows become tables of exactly the
//! configured size. Pure data; nothing here touches the system.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Config;
use crate::config::model::{self, Instance, RxBufs};
use crate::proto::node::{Group, Member};
use crate::proto::track::Link;
use crate::proto::{announce, script, vip, vrrp};
use crate::sys::vrid_filter::VridSet;
use crate::sys::vrrp_socket::Listen;
use crate::time::Duration;
use crate::wire::vrrp::{ChecksumForm, Family, Version};

/// Indices where everything is. Conditions are the devices first, then the scripts, then the files, then the processes, then one that is never true.
pub struct Plan {
    /// Names of the interfaces that matter.
    pub devices: Box<[String]>,
    /// What each virtual router uses; in the order of the configuration's instances.
    pub routers: Box<[RouterPlan]>,
    /// Every virtual address.
    pub slots: Box<[SlotPlan]>,
    /// Sockets that receive.
    pub receivers: Box<[ReceiverPlan]>,
    /// Sockets that send: device and family.
    pub senders: Box<[(Option<u16>, Family)]>,
    /// Slots by address and prefix length, sorted.
    by_address: Box<[(IpAddr, u8, u16)]>,
}

/// What a virtual router uses.
pub struct RouterPlan {
    /// Its interface.
    pub device: Option<u16>,
    /// The family of its adverts.
    pub family: Family,
    /// Index of its sending socket.
    pub sender: u16,
    /// A configured source address.
    pub source: Option<IpAddr>,
    /// The configured source has to be on the interface.
    pub track_source: bool,
    /// The TTL or hop limit of its adverts.
    pub hop_limit: u8,
}

/// A virtual address.
pub struct SlotPlan {
    /// For the address machine.
    pub spec: vip::Spec,
    /// Whether it stands in `virtual_ipaddress_excluded`.
    pub excluded: bool,
    /// Its place in that list.
    pub place: u16,
}

/// A receiving socket and who listens to it.
pub struct ReceiverPlan {
    /// The interface it is bound to.
    pub device: Option<u16>,
    /// What it receives.
    pub listen: Listen,
    /// Its VRIDs.
    pub vrids: VridSet,
    /// VRID -> router; [`NOBODY`] for none.
    pub routers: Box<[u16; 256]>,
    /// What its routers ask to have room for; nothing for the usual.
    pub room: Room,
}

/// Room in a receive buffer, in the sum of all routers of a socket.
#[derive(Clone, Copy, Default, Debug)]
pub struct Room {
    /// Bytes.
    pub bytes: u32,
    /// And packets of the interface's MTU.
    pub packets: u32,
}

impl Room {
    /// `kernel_rx_buf_size`, else what `vrrp_rx_bufs_policy` says.
    fn of(instance: &Instance, global: &model::Global) -> Self {
        let times = global.rx_bufs_multiplier;
        let bytes = |bytes: u32| Self { bytes, packets: 0 };
        match (instance.rx_buffer, global.rx_bufs_policy) {
            (Some(wanted), _) => bytes(wanted),
            (None, Some(RxBufs::Bytes(wanted))) => bytes(wanted),
            (None, Some(RxBufs::Mtu)) => Self { bytes: 0, packets: times },
            (None, Some(RxBufs::Advert)) => {
                let size = if instance.family == Family::V4 { 4 } else { 16 };
                let addresses = u32::try_from(instance.addresses.len()).unwrap_or(u32::MAX);
                bytes(times.saturating_mul(addresses.saturating_mul(size).saturating_add(HEADERS)))
            }
            (None, None) => Self::default(),
        }
    }

    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.packets = self.packets.saturating_add(other.packets);
    }
}

/// Bytes of an advert besides its addresses, at most: IPv6's header, VRRP's, a password.
const HEADERS: u32 = 40 + 8 + 8;

/// No router.
pub const NOBODY: u16 = u16::MAX;

/// In place of a router: the addresses of `static_ipaddress`, which are always held.
pub const STATIC: u16 = u16::MAX;

impl Plan {
    /// Lays out a configuration.
    pub fn new(config: &Config) -> Self {
        let mut devices = Vec::new();
        let mut sockets = Sockets::default();
        let routers = config
            .instances
            .iter()
            .enumerate()
            .map(|(index, instance)| router_plan(index as u16, instance, &config.global, &mut devices, &mut sockets))
            .collect();
        let groups = config.groups.iter().flat_map(|group| &group.track_interfaces);
        for tracked in config.instances.iter().flat_map(|instance| &instance.track_interfaces).chain(groups) {
            device_index(&mut devices, &tracked.name);
        }
        let slots = slots(config, &mut devices);
        let mut by_address: Box<[_]> = slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| {
                address_of(config, slot).map(|address| (address.ip, subnet_bits(address), index as u16))
            })
            .collect();
        by_address.sort_unstable();
        Self {
            devices: devices.into_boxed_slice(),
            routers,
            slots,
            receivers: sockets.receivers.into_boxed_slice(),
            senders: sockets.senders.into_boxed_slice(),
            by_address,
        }
    }

    /// The device of that name.
    pub fn device(&self, name: &str) -> Option<u16> {
        self.devices.iter().position(|known| known == name).map(|index| index as u16)
    }

    /// How many conditions there are.
    pub fn conditions(&self, config: &Config) -> usize {
        usize::from(self.impossible(config)) + 1
    }

    /// The condition that is never true: an instance that must have a peer and has none hangs on it.
    pub fn impossible(&self, config: &Config) -> u16 {
        self.process_condition(config, config.processes.len())
    }

    /// The condition that a script succeeds.
    pub fn script_condition(&self, script: usize) -> u16 {
        (self.devices.len() + script) as u16
    }

    /// The number of a file.
    pub fn file_condition(&self, config: &Config, file: usize) -> u16 {
        self.script_condition(config.scripts.len() + file)
    }

    /// The condition that there are enough of a process.
    pub fn process_condition(&self, config: &Config, process: usize) -> u16 {
        self.file_condition(config, config.files.len() + process)
    }

    /// The slots of an address on a device (several routers may, in error, have the same).
    pub fn slots_of(&self, device: u16, ip: IpAddr, prefix: u8) -> impl Iterator<Item = u16> + '_ {
        self.slots_with(ip)
            .filter(move |(_, length, _)| *length == prefix)
            .map(|(_, _, slot)| *slot)
            .filter(move |slot| self.slots.get(usize::from(*slot)).is_some_and(|plan| plan.spec.device == device))
    }

    /// Whether this is one of the virtual addresses.
    pub fn is_virtual(&self, ip: IpAddr) -> bool {
        self.belongs(ip, |router| router != STATIC)
    }

    /// Whether this is one of the static addresses: as good as the machine's own.
    pub fn is_static(&self, ip: IpAddr) -> bool {
        self.belongs(ip, |router| router == STATIC)
    }

    fn belongs(&self, ip: IpAddr, to: impl Fn(u16) -> bool) -> bool {
        let router = |slot: u16| self.slots.get(usize::from(slot)).map(|slot| slot.spec.router);
        self.slots_with(ip).filter_map(|(_, _, slot)| router(*slot)).any(to)
    }

    fn slots_with(&self, ip: IpAddr) -> impl Iterator<Item = &(IpAddr, u8, u16)> {
        let from = self.by_address.partition_point(|(known, _, _)| *known < ip);
        self.by_address.iter().skip(from).take_while(move |(known, _, _)| *known == ip)
    }

    /// The virtual routers and their trackers. `delay` is how long they stay silent after the start.
    pub fn members(&self, config: &Config, delay: Duration) -> Vec<Member> {
        let group_of = |index: usize| config.groups.iter().position(|group| group.members.contains(&index));
        let member = |(index, instance): (usize, &Instance)| {
            let group = group_of(index);
            let weights = group.and_then(|group| config.groups.get(group)).is_none_or(|group| group.tracking_weight);
            let mut links = self.links(&instance.track_interfaces, &instance.track_scripts);
            links.extend(self.other_links(config, &instance.tracks));
            // Members of a group must agree: their own weights do not count, their faults do.
            links.retain(|link| weights || link.weight == 0);
            if let Some(device) = self.routers.get(index).and_then(|router| router.device)
                && !instance.dont_track_primary
                && !links.iter().any(|link| link.condition == device)
            {
                links.push(Link { condition: device, weight: 0, reverse: false });
            }
            if instance.fault_without_peer && instance.peers.is_empty() {
                links.push(Link { condition: self.impossible(config), weight: 0, reverse: false });
            }
            Member {
                settings: settings(instance, delay),
                links: links.into_boxed_slice(),
                group: group.map(|group| group as u16),
            }
        };
        config.instances.iter().enumerate().map(member).collect()
    }

    /// The sync groups.
    pub fn groups(&self, config: &Config) -> Vec<Group> {
        let group = |group: &model::SyncGroup| {
            let links = self.links(&group.track_interfaces, &group.track_scripts).into_iter();
            Group {
                members: group.members.iter().map(|member| *member as u16).collect(),
                links: links.chain(self.other_links(config, &group.tracks)).collect(),
            }
        };
        config.groups.iter().map(group).collect()
    }

    fn links(&self, interfaces: &[model::TrackInterface], scripts: &[model::TrackScript]) -> Vec<Link> {
        let interface = |track: &model::TrackInterface| {
            let condition = self.device(&track.name)?;
            Some(Link { condition, weight: track.weight, reverse: track.reverse })
        };
        let script = |track: &model::TrackScript| Link {
            condition: self.script_condition(track.script),
            weight: track.weight,
            reverse: track.reverse,
        };
        interfaces.iter().filter_map(interface).chain(scripts.iter().map(script)).collect()
    }

    fn other_links(&self, config: &Config, tracks: &[model::Track]) -> impl Iterator<Item = Link> {
        tracks.iter().map(|track| {
            let condition = match track.what {
                model::Tracked::File(file) => self.file_condition(config, file.into()),
                model::Tracked::Process(process) => self.process_condition(config, process.into()),
            };
            Link { condition, weight: track.weight, reverse: track.reverse }
        })
    }

    /// What the address machine works on.
    pub fn address_specs(&self) -> Vec<vip::Spec> {
        self.slots.iter().map(|slot| slot.spec).collect()
    }

    /// What the announcer works on, in the order of the slots.
    pub fn announce_specs(&self, config: &Config) -> Vec<announce::Spec> {
        let spec = |slot: &SlotPlan| announce::Spec {
            router: slot.spec.router,
            device: slot.spec.device,
            family: address_of(config, slot).map_or(Family::V4, |address| Family::of(address.ip)),
        };
        self.slots.iter().map(spec).collect()
    }

    /// Packets that leave when every router advertises at once.
    pub fn destinations(&self, config: &Config) -> usize {
        config.instances.iter().map(|instance| instance.peers.len().max(1)).sum()
    }
}

/// The configured address of a slot.
pub fn address_of<'a>(config: &'a Config, slot: &SlotPlan) -> Option<&'a model::Address> {
    if slot.spec.router == STATIC {
        return config.global.static_addresses.get(usize::from(slot.place));
    }
    let instance = config.instances.get(usize::from(slot.spec.router))?;
    let list = if slot.excluded { &instance.excluded } else { &instance.addresses };
    list.get(usize::from(slot.place))
}

/// The prefix length the kernel knows an address by: the peer's if it has one.
pub fn subnet_bits(address: &model::Address) -> u8 {
    address.peer.map_or(address.prefix, |(_, bits)| bits)
}

/// The settings of a check script's machine.
pub fn script_settings(script: &model::Script) -> script::Settings {
    script::Settings {
        interval: script.interval,
        timeout: if script.timeout.is_zero() { script.interval } else { script.timeout },
        rise: script.rise,
        fall: script.fall,
        init_fail: script.init_fail,
    }
}

fn device_index(devices: &mut Vec<String>, name: &str) -> u16 {
    let known = devices.iter().position(|device| device == name);
    known.unwrap_or_else(|| {
        devices.push(String::from(name));
        devices.len() - 1
    }) as u16
}

#[derive(Default)]
struct Sockets {
    receivers: Vec<ReceiverPlan>,
    senders: Vec<(Option<u16>, Family)>,
}

impl Sockets {
    fn receiver(&mut self, device: Option<u16>, listen: Listen, vrid: u8, router: u16, room: Room) {
        let known = self.receivers.iter().position(|plan| plan.device == device && plan.listen == listen);
        let index = known.unwrap_or_else(|| {
            let routers = Box::new([NOBODY; 256]);
            let vrids = VridSet::default();
            self.receivers.push(ReceiverPlan { device, listen, vrids, routers, room: Room::default() });
            self.receivers.len() - 1
        });
        if let Some(plan) = self.receivers.get_mut(index) {
            plan.vrids.insert(vrid);
            plan.room.add(room);
            if let Some(entry) = plan.routers.get_mut(usize::from(vrid)) {
                *entry = router;
            }
        }
    }

    fn sender(&mut self, device: Option<u16>, family: Family) -> u16 {
        let known = self.senders.iter().position(|sender| *sender == (device, family));
        known.unwrap_or_else(|| {
            self.senders.push((device, family));
            self.senders.len() - 1
        }) as u16
    }
}

fn router_plan(
    index: u16,
    instance: &Instance,
    global: &model::Global,
    devices: &mut Vec<String>,
    sockets: &mut Sockets,
) -> RouterPlan {
    let device = instance.interface.as_deref().map(|name| device_index(devices, name));
    let unicast = !instance.peers.is_empty();
    let listen = if unicast {
        Listen::Unicast(instance.source.unwrap_or(match instance.family {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }))
    } else {
        Listen::Group(instance.mcast_group)
    };
    sockets.receiver(device, listen, instance.vrid, index, Room::of(instance, global));
    RouterPlan {
        device,
        family: instance.family,
        sender: sockets.sender(device, instance.family),
        source: instance.source,
        track_source: instance.track_source,
        hop_limit: if unicast { instance.unicast_ttl } else { 255 },
    }
}

fn slots(config: &Config, devices: &mut Vec<String>) -> Box<[SlotPlan]> {
    let mut slots = Vec::new();
    for (index, instance) in config.instances.iter().enumerate() {
        let own = instance.interface.as_deref().unwrap_or(&config.global.default_interface);
        for (excluded, list) in [(false, &instance.addresses), (true, &instance.excluded)] {
            for (place, address) in list.iter().enumerate() {
                let device = device_index(devices, address.device.as_deref().unwrap_or(own));
                let owned = instance.priority == vrrp::OWNER;
                let spec = vip::Spec { router: index as u16, device, owned, tracked: !address.no_track };
                slots.push(SlotPlan { spec, excluded, place: place as u16 });
            }
        }
    }
    // Behind those of all routers.
    for (place, address) in config.global.static_addresses.iter().enumerate() {
        let device = device_index(devices, address.device.as_deref().unwrap_or(&config.global.default_interface));
        let spec = vip::Spec { router: STATIC, device, owned: false, tracked: !address.no_track };
        slots.push(SlotPlan { spec, excluded: false, place: place as u16 });
    }
    slots.into_boxed_slice()
}

/// An instance as its machine needs it.
fn settings(instance: &Instance, startup_delay: Duration) -> vrrp::Settings {
    vrrp::Settings {
        version: instance.version,
        family: instance.family,
        vrid: instance.vrid,
        priority: instance.priority,
        advert_interval: instance.advert_int,
        preempt: instance.preempt,
        preempt_delay: instance.preempt_delay,
        down_timer_adverts: instance.down_timer_adverts,
        startup_delay,
        addresses: instance.addresses.iter().map(|address| address.ip).collect(),
        peers: instance.peers.clone().into_boxed_slice(),
        check_source: instance.check_unicast_src,
        password: match instance.auth {
            model::Auth::Pass(password) => Some(password),
            model::Auth::None | model::Auth::Ah(_) => None,
        },
        checksum_form: match (instance.version, instance.family) {
            (Version::V3, Family::V6) => ChecksumForm::PseudoHeader,
            (Version::V3, Family::V4) if !instance.checksum_without_pseudo_header => ChecksumForm::PseudoHeader,
            (Version::V2 | Version::V3, _) => ChecksumForm::MessageOnly,
        },
        skip_address_check: instance.skip_check_adv_addr,
        owner_ignores_adverts: instance.owner_ignore_adverts,
        lower_prio_no_advert: instance.lower_prio_no_advert,
        higher_prio_send_advert: instance.higher_prio_send_advert,
        announce: instance.announce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is one of each for every virtual router: what grows here grows 255 times, on a router with 64 MB.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn what_there_is_of_each_virtual_router_is_small() {
        let sizes = [
            (size_of::<Instance>(), 368, "the configuration"),
            (size_of::<model::Address>(), 112, "an address of it"),
            (size_of::<crate::proto::vrrp::Router>(), 352, "the machine"),
            (size_of::<RouterPlan>(), 32, "the layout"),
            (size_of::<SlotPlan>(), 16, "the layout of an address"),
        ];
        for (bytes, most, what) in sizes {
            assert!(bytes <= most, "{what} has {bytes} bytes, more than {most}: box what few have");
        }
    }
}
