//! The sockets and the interfaces.

use core::fmt::{self, Write};
use core::net::IpAddr;

use crate::daemon::dump::subject::subjects;
use crate::daemon::interfaces::Device;
use crate::daemon::plan::NOBODY;
use crate::daemon::sockets::mtu_of;
use crate::daemon::world::World;
use crate::sys::vrrp_socket::Listen;
use crate::wire::netlink::link_flags;

/// The sockets that receive and who listens to each.
pub fn sockets(out: &mut dyn Write, world: &World) -> fmt::Result {
    for plan in &world.plan.receivers {
        let members = || plan.routers.iter().copied().filter(|router| *router != NOBODY);
        let Some(first) = members().next() else { continue };
        let (receiver, sender) = world.descriptors(first);
        writeln!(out, " fd_in {receiver} fd_out = {sender}")?;
        let device = plan.device.and_then(|device| world.interfaces.get(device));
        writeln!(out, "   Interface = {}", device.map_or("(any)", |device| device.name.as_str()))?;
        let (kind, ip) = match plan.listen {
            Listen::Group(ip) => ("Multicast", ip),
            Listen::Unicast(ip) => ("Unicast", ip),
        };
        writeln!(out, "   Family = {}", if ip.is_ipv4() { "IPv4" } else { "IPv6" })?;
        writeln!(out, "   Protocol = VRRP")?;
        writeln!(out, "   Type = {kind}")?;
        if kind == "Unicast" {
            writeln!(out, "   Address = {ip}")?;
        }
        writeln!(out, "   Rx buf size = {}", plan.buffer(mtu_of(plan.device, &world.interfaces)))?;
        writeln!(out, "   VRRP instances")?;
        for (name, router) in members().map(|router| (world.name(router), world.node.router(router))) {
            writeln!(out, "     {name} vrid {}", router.map_or(0, |router| router.settings().vrid))?;
        }
    }
    Ok(())
}

/// The interfaces that the configuration names.
pub fn interfaces(out: &mut dyn Write, world: &World) -> fmt::Result {
    (0_u16..).zip(world.interfaces.all()).try_for_each(|(index, device)| interface(out, world, index, device))
}

fn interface(out: &mut dyn Write, world: &World, index: u16, device: &Device) -> fmt::Result {
    writeln!(out, " Name = {}", device.name)?;
    writeln!(out, "   index = {}", device.interface.map_or(0, |interface| interface.index()))?;
    if device.interface.is_some() {
        let own = |is_ours: fn(&IpAddr) -> bool| {
            device.addresses.iter().filter(|known| !known.is_virtual).map(|known| known.ip).find(is_ours)
        };
        address(out, "IPv4", own(IpAddr::is_ipv4))?;
        address(out, "IPv6", own(|ip| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())))?;
        if let Some([a, b, c, d, e, f]) = device.mac.filter(|_| device.flags & link_flags::LOOPBACK == 0) {
            writeln!(out, "   MAC = {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")?;
        }
        state(out, device.flags)?;
        writeln!(out, "   MTU = {}", device.mtu)?;
        writeln!(out, "   HW Type = {}", hardware(device.hardware))?;
        writeln!(out, "   NIC netlink status update")?;
    } else {
        writeln!(out, "   State = not present")?;
    }
    trackers(out, world, index, &device.name)
}

fn address(out: &mut dyn Write, family: &str, ip: Option<IpAddr>) -> fmt::Result {
    match ip {
        Some(ip) => writeln!(out, "   {family} address = {ip}"),
        None => writeln!(out, "   {family} address = (none)"),
    }
}

fn state(out: &mut dyn Write, flags: u32) -> fmt::Result {
    let has = |flag| flags & flag != 0;
    out.write_str(if has(link_flags::UP) { "   State = UP" } else { "   State = DOWN" })?;
    out.write_str(if has(link_flags::RUNNING) { ", RUNNING" } else { ", not running" })?;
    for (word, on) in [
        (", no broadcast", !has(link_flags::BROADCAST)),
        (", loopback", has(link_flags::LOOPBACK)),
        (", point to point", has(link_flags::POINT_TO_POINT)),
        (", no arp", has(link_flags::NO_ARP)),
        (", no multicast", !has(link_flags::MULTICAST)),
    ] {
        out.write_str(if on { word } else { "" })?;
    }
    out.write_str("\n")
}

/// ARP hardware types (include/uapi/linux/if_arp.h).
fn hardware(number: u16) -> &'static str {
    match number {
        1 => "ETHERNET",
        32 => "INFINIBAND",
        772 => "LOOPBACK",
        _ => "UNKNOWN",
    }
}

fn trackers(out: &mut dyn Write, world: &World, index: u16, name: &str) -> fmt::Result {
    let mut place = 0;
    let mut line = |router: &str, weight: i16, reverse: bool| {
        super::heading(out, place, "Tracking VRRP instances")?;
        place += 1;
        writeln!(out, "     {router}, weight {weight}{}", super::reverse(reverse))
    };
    for subject in subjects(world) {
        if subject.plan.device == Some(index) && !subject.instance.dont_track_primary {
            line(&subject.instance.name, 0, false)?;
        }
        for track in subject.tracked_interfaces().filter(|track| track.name == name) {
            line(&subject.instance.name, track.weight, track.reverse)?;
        }
    }
    Ok(())
}
