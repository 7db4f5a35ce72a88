//! The network laboratory: machines, switches and instruments on one Linux host, without a trace in it.
//!
//! ```text
//!   a ── eth0 ─── p0a ┐
//!   b ── eth0 ─── p0b ┼ br0      one bridge a network, all of them in the node "sw"
//!   c ── eth0 ─── p0c ┘
//! ```
//!
//! Node number N (from 1) has on network K (from 0) the interface `ethK` with the MAC address
//! `02:99:00:00:0K:0N`, and the addresses of [`Lab::address4`] and [`Lab::address6`].
//! It needs root or unprivileged user namespaces, and iproute2's `ip`.

// Each test binary uses its own part of the laboratory; banned calls are banned in the daemon.
#![allow(dead_code, unused_imports, clippy::disallowed_methods, clippy::disallowed_types)]

pub mod addresses;
pub mod clock;
pub mod daemon;
pub mod netlink;
pub mod node;
pub mod os;
pub mod packet;
pub mod probe;
pub mod process;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;

pub use addresses::AddressWatch;
pub use clock::{Stamp, wait_for, wait_until};
pub use daemon::Daemon;
pub use node::Node;
pub use packet::Observer;
pub use probe::Prober;
pub use process::Process;

/// Some machines on some networks.
pub struct Lab {
    nodes: Vec<Node>,
    switch: Node,
    networks: u8,
}

impl Lab {
    /// Machines of these names on one network.
    ///
    /// Panics with a clear text where a laboratory cannot be built; see [`Lab::try_new`].
    pub fn new(names: &[&str]) -> Self {
        Self::with_networks(names, 1)
    }

    /// Machines of these names, each with an interface to each of `networks` networks.
    pub fn with_networks(names: &[&str], networks: u8) -> Self {
        Self::try_new(names, networks).unwrap_or_else(|text| panic!("{text}"))
    }

    /// As [`Lab::with_networks`]; the error is one line that says what is missing.
    pub fn try_new(names: &[&str], networks: u8) -> Result<Self, String> {
        if Command::new("ip").arg("-V").output().is_err() {
            return Err("the laboratory needs `ip`: apt-get install --no-install-recommends iproute2".into());
        }
        if !os::is_root() {
            return Err(
                "the laboratory needs root, or user namespaces for all: sysctl kernel.unprivileged_userns_clone=1 \
                        (and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)"
                    .into(),
            );
        }
        let node = |name: &&str| {
            Node::new(name).map_err(|error| {
                format!(
                    "the laboratory cannot make namespaces ({error}): run it as root, outside a restricted container"
                )
            })
        };
        let lab = Self { switch: node(&"sw")?, nodes: names.iter().map(node).collect::<Result<_, _>>()?, networks };
        lab.wire().map_err(|error| format!("the laboratory cannot be wired: {error}"))?;
        Ok(lab)
    }

    fn wire(&self) -> std::io::Result<()> {
        let mut batch = String::new();
        for k in 0..self.networks {
            // Before the ports, so that no port has the index of the interface at its other end: the kernel
            // would take those for one device and report a lost carrier up to a second late.
            batch += &format!("link add br{k} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n");
            batch += &format!("link set br{k} addrgenmode none\nlink set br{k} up\n");
            for (number, node) in (1..).zip(&self.nodes) {
                let (port, mac) = (port(k, node.name()), Self::mac(k, number));
                batch += &format!("link add {port} type veth peer name eth{k} address {mac} netns {}\n", node.holder());
                batch += &format!("link set {port} addrgenmode none\nlink set {port} master br{k} up\n");
            }
        }
        node::ip_batch(&self.switch, &batch)?;
        for (number, node) in (1..).zip(&self.nodes) {
            let mut batch = String::new();
            for k in 0..self.networks {
                batch += &format!("link set eth{k} up\naddr add {}/16 dev eth{k}\n", Self::address4(k, number));
                if node.path("/proc/sys/net/ipv6").exists() {
                    batch += &format!("addr add {}/64 dev eth{k} nodad\n", Self::address6(k, number));
                }
            }
            node::ip_batch(node, &batch)?;
        }
        let running = |node: &Node| {
            (0..self.networks)
                .all(|k| node.read(&format!("/sys/class/net/eth{k}/carrier")).is_some_and(|text| text.trim() == "1"))
        };
        if !wait_until(std::time::Duration::from_secs(5), || self.nodes.iter().all(running)) {
            return Err(std::io::Error::other("a link has no carrier"));
        }
        Ok(())
    }

    /// The IPv4 address of node `number` (from 1) on network `k`: 10.99.0.N, 10.98.0.N ... (/16).
    pub fn address4(k: u8, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 99 - k, 0, number)
    }

    /// The IPv6 address of node `number` (from 1) on network `k`: fd99::N, fd98::N ... (/64).
    pub fn address6(k: u8, number: u8) -> Ipv6Addr {
        Ipv6Addr::new(
            0xfd00 + u16::from_str_radix(&(99 - k).to_string(), 16).expect("decimal digits are hexadecimal ones"),
            0,
            0,
            0,
            0,
            0,
            0,
            number.into(),
        )
    }

    /// The MAC address of node `number` (from 1) on network `k`.
    pub fn mac(k: u8, number: u8) -> String {
        format!("02:99:00:00:{k:02x}:{number:02x}")
    }

    /// The machine of this name.
    pub fn node(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name() == name).unwrap_or_else(|| panic!("there is no node {name}"))
    }

    /// All machines, without the switch.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The machine that holds the bridges.
    pub fn switch(&self) -> &Node {
        &self.switch
    }

    /// Gives the machine one more address, such as `192.0.2.1/24`, on `device`.
    pub fn add_address(&self, node: &str, device: &str, address: &str) {
        let nodad = if address.contains(':') { " nodad" } else { "" };
        node::ip_batch(self.node(node), &format!("addr add {address} dev {device}{nodad}\n")).expect("add an address");
    }

    /// Takes an address such as `192.0.2.1/24` from the machine.
    pub fn remove_address(&self, node: &str, device: &str, address: &str) {
        node::ip_batch(self.node(node), &format!("addr del {address} dev {device}\n")).expect("remove an address");
    }

    /// Pulls all cables of a machine, and says when.
    pub fn cut(&self, node: &str) -> Stamp {
        let at = Stamp::now();
        (0..self.networks).for_each(|k| self.plug(node, k, false));
        at
    }

    /// Takes the power from a machine: its daemon gets no chance to notice, its cables are dead. Says when.
    pub fn power_off(&self, daemon: &mut Daemon<'_>) -> Stamp {
        daemon.process().freeze();
        let at = self.cut(daemon.node().name());
        daemon.kill9();
        at
    }

    /// Puts all cables of a machine back, and says when.
    pub fn mend(&self, node: &str) -> Stamp {
        let at = Stamp::now();
        (0..self.networks).for_each(|k| self.plug(node, k, true));
        at
    }

    /// Pulls (`up` false) or puts back the cable of one machine on network `k`.
    pub fn plug(&self, node: &str, k: u8, up: bool) {
        os::set_interface(self.switch.control(), &port(k, node), up).expect("set a bridge port up or down");
    }

    /// Watches the packets that each machine sends, from now on.
    pub fn observe(&self) -> Observer {
        let names: Vec<&str> = self.nodes.iter().map(Node::name).collect();
        Observer::start(&self.switch, &names, self.networks)
    }

    /// Watches the addresses of all machines, from now on.
    pub fn watch(&self) -> AddressWatch {
        AddressWatch::start(&self.nodes)
    }

    /// Pings `ip` from a machine every 5 ms, from now on.
    pub fn probe(&self, from: &str, ip: IpAddr) -> Prober {
        Prober::start(self.node(from), ip, std::time::Duration::from_millis(5))
    }
}

/// The bridge port of a machine on network `k`.
fn port(k: u8, node: &str) -> String {
    format!("p{k}{node}")
}
