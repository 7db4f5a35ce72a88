//! Gratuitous ARP and unsolicited neighbour advertisements on their way out.

use core::net::IpAddr;

use super::interfaces::{Device, Interfaces};
use super::plan::{Plan, address_of};
use crate::config::Config;
use crate::sys::packet_socket::PacketSocket;
use crate::sys::send_batch::{Full, SendBatch};
use crate::sys::sysctl::Sysctl;
use crate::wire::arp::GratuitousArp;
use crate::wire::ndisc::UnsolicitedAdvertisement;
use crate::wire::netlink::link_flags::{LOOPBACK, NO_ARP};

/// ARPHRD_ETHER: announcements are Ethernet frames.
const ETHERNET: u16 = 1;

/// The tag of frames, which belong to no router.
const FRAME: u32 = u32::MAX;

/// Queues the announcement of an address. Devices without neighbours have nothing to announce to.
///
/// # Errors
///
/// The batch is full: flush it and try again.
pub fn queue(outgoing: &mut SendBatch, frames: &PacketSocket, device: &Device, ip: IpAddr) -> Result<(), Full> {
    let (Some(interface), Some(mac)) = (device.interface, device.mac) else { return Ok(()) };
    if device.hardware != ETHERNET || device.flags & (LOOPBACK | NO_ARP) != 0 {
        return Ok(());
    }
    match ip {
        IpAddr::V4(ip) => outgoing.queue_frame(frames, interface.index(), FRAME, &GratuitousArp { mac, ip }.frame()),
        IpAddr::V6(ip) => {
            let router = is_router(&device.name);
            outgoing.queue_frame(
                frames,
                interface.index(),
                FRAME,
                &UnsolicitedAdvertisement { mac, ip, router }.frame(),
            )
        }
    }
}

/// Hosts drop a default router that says it forwards nothing; so the flag has to be right.
fn is_router(name: &str) -> bool {
    let forwarding = Sysctl::new(&["net", "ipv6", "conf", name, "forwarding"]).and_then(|setting| setting.get());
    forwarding.is_ok_and(|value| value > 0)
}

/// With -D: which addresses are announced.
pub fn log_batch(config: &Config, plan: &Plan, interfaces: &Interfaces, router: u16) {
    if log::max_level() < log::LevelFilter::Debug {
        return;
    }
    let name = config.instances.get(usize::from(router)).map_or("?", |instance| instance.name.as_str());
    for slot in plan.slots.iter().filter(|slot| slot.spec.router == router) {
        let (Some(address), Some(device)) = (address_of(config, slot), interfaces.get(slot.spec.device)) else {
            continue;
        };
        match address.ip {
            IpAddr::V4(ip) => {
                log::debug!("({name}) Sending/queueing gratuitous ARPs on {} for {ip}", device.name);
                log::debug!("Sending gratuitous ARP on {} for {ip}", device.name);
            }
            IpAddr::V6(ip) => {
                log::debug!("({name}) Sending/queueing Unsolicited Neighbour Adverts on {} for {ip}", device.name);
                log::debug!("Sending unsolicited Neighbour Advert on {} for {ip}", device.name);
            }
        }
    }
}
