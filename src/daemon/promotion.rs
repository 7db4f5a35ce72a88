//! The kernel drops all addresses of an IPv4 network with the first of them, unless the interface promotes
//! the second (`promote_secondaries`). Where virtual addresses share a network that would take away some with
//! every instance or reload that gives up another: so it is set there, and put back at the end.

use core::net::IpAddr;

use super::interfaces::Interfaces;
use super::plan::{Plan, address_of, subnet_bits};
use crate::config::Config;
use crate::sys::sysctl::Sysctl;

/// What a device was like before, where it was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Promotion {
    /// As it is.
    Unneeded,
    /// To be set when the device comes, or set by others before.
    Needed,
    /// Set by us.
    Set,
}

/// The devices of a plan.
#[derive(Debug)]
pub struct Promotions(Box<[Promotion]>);

impl Promotions {
    /// Finds where it is needed: `promote_secondaries` asks for it, or virtual addresses share a network.
    pub fn new(config: &Config, plan: &Plan) -> Self {
        let mut devices = vec![Promotion::Unneeded; plan.devices.len()];
        let mut need = |device: u16| {
            if let Some(promotion) = devices.get_mut(usize::from(device)) {
                *promotion = Promotion::Needed;
            }
        };
        for (instance, router) in config.instances.iter().zip(&plan.routers) {
            router.device.filter(|_| instance.promote_secondaries).into_iter().for_each(&mut need);
        }
        let network = |slot| match address_of(config, slot).map(|address| (address.ip, subnet_bits(address))) {
            Some((IpAddr::V4(ip), bits)) => {
                Some((slot.spec.device, bits, u64::from(ip.to_bits()) >> (32 - bits.min(32))))
            }
            Some((IpAddr::V6(_), _)) | None => None,
        };
        let mut networks: Vec<_> = plan.slots.iter().filter_map(network).collect();
        networks.sort_unstable();
        networks.windows(2).filter(|pair| pair.first() == pair.last()).for_each(|pair| {
            pair.first().into_iter().for_each(|(device, ..)| need(*device));
        });
        Self(devices.into_boxed_slice())
    }

    /// A device is there, anew.
    pub fn came(&mut self, device: u16, name: &str) {
        let Some(promotion) = self.0.get_mut(usize::from(device)).filter(|found| **found != Promotion::Unneeded) else {
            return;
        };
        *promotion = Promotion::Needed;
        let Some(setting) = setting(name).filter(|setting| setting.get() == Ok(0)) else { return };
        match setting.set(1) {
            Ok(()) => *promotion = Promotion::Set,
            Err(errno) => log::warn!(
                "cannot set promote_secondaries of {name}: {errno}; when an address is removed the others of its \
                 network are gone for an instant"
            ),
        }
    }

    /// Takes over what `old` set, and puts back what is not needed any more.
    pub fn take_over(&mut self, plan: &Plan, old: &mut Self, old_plan: &Plan) {
        for (name, promotion) in old_plan.devices.iter().zip(&mut old.0).filter(|(_, found)| **found == Promotion::Set)
        {
            let device = plan.device(name).and_then(|device| self.0.get_mut(usize::from(device)));
            match device.filter(|found| **found != Promotion::Unneeded) {
                Some(found) => *found = Promotion::Set,
                None => put_back(name),
            }
            *promotion = Promotion::Unneeded;
        }
    }

    /// The end: puts back what was set.
    pub fn end(&mut self, interfaces: &Interfaces) {
        for (device, promotion) in interfaces.all().iter().zip(&mut self.0) {
            if core::mem::replace(promotion, Promotion::Unneeded) == Promotion::Set && device.interface.is_some() {
                put_back(&device.name);
            }
        }
    }
}

fn setting(name: &str) -> Option<Sysctl> {
    Sysctl::new(&["net", "ipv4", "conf", name, "promote_secondaries"]).ok()
}

fn put_back(name: &str) {
    // The device may be gone, and its setting with it.
    let _ = setting(name).map(|setting| setting.set(0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::{Options, read_text};
    use crate::config::{Context, build};

    fn needed(addresses: &str, more: &str) -> bool {
        let text = format!(
            "vrrp_instance a {{\n interface e0\n virtual_router_id 1\n {more}\n virtual_ipaddress {{\n {addresses}\n }}\n}}\n"
        );
        let (block, mut diagnostics) = read_text("t", text.as_bytes(), &Options::default());
        let config = build(&block, &mut diagnostics, &Context::default());
        let plan = Plan::new(&config);
        Promotions::new(&config, &plan).0.contains(&Promotion::Needed)
    }

    #[test]
    fn it_is_needed_where_virtual_addresses_share_a_network() {
        for (addresses, more, wanted) in [
            ("10.0.0.1/24\n10.0.0.2/24", "", true),
            ("10.0.0.1/24\n10.0.0.2/24 dev e1", "", false),
            ("10.0.0.1/24\n10.0.1.2/24", "", false),
            ("10.0.0.1/24\n10.0.0.2/25", "", false),
            ("10.0.0.1\n10.0.0.2", "", false),
            ("0.0.0.1/0\n128.0.0.1/0", "", true),
            ("10.0.0.1", "promote_secondaries", true),
        ] {
            assert_eq!(needed(addresses, more), wanted, "{addresses} {more}");
        }
    }
}
