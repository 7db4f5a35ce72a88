//! Configurations that both daemons read.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use crate::lab::Lab;

/// How adverts travel.
#[derive(Clone, Copy, Debug)]
pub struct Transport {
    /// Of VRRP.
    pub version: u8,
    /// Over IPv6.
    pub six: bool,
    /// To the peer instead of the group.
    pub unicast: bool,
    /// Version 2 only.
    pub password: Option<&'static str>,
}

/// The plain one that most tests use.
pub const V3: Transport = Transport { version: 3, six: false, unicast: false, password: None };

impl Transport {
    /// The shortest interval that a busy machine with two cores does not upset.
    pub fn interval(self) -> Duration {
        Duration::from_millis(if self.version == 2 { 1000 } else { 200 })
    }

    /// The virtual addresses, the one that is watched last.
    pub fn addresses(self) -> &'static [&'static str] {
        if self.six { &["fe80::99:1", "fd99::99:1"] } else { &["10.99.1.1"] }
    }

    /// The virtual address that is watched.
    pub fn address(self) -> IpAddr {
        self.addresses().last().and_then(|text| text.parse().ok()).expect("an address")
    }

    /// Where node `number` is.
    pub fn node(self, number: u8) -> IpAddr {
        if self.six { Lab::address6(0, number).into() } else { Lab::address4(0, number).into() }
    }

    /// `Skew_Time` (RFC 9568, section 6.1; RFC 3768, section 6.1).
    pub fn skew(self, priority: u8, interval: Duration) -> Duration {
        let unit = if self.version == 2 { Duration::from_secs(1) } else { interval };
        unit * (256 - u32::from(priority)) / 256
    }

    /// `Active_Down_Interval` for a master that sends every `interval`.
    pub fn down(self, priority: u8, interval: Duration) -> Duration {
        interval * 3 + self.skew(priority, interval)
    }
}

/// One `vrrp_instance`. Tests change what they are about.
#[derive(Clone, Debug)]
pub struct Instance {
    pub transport: Transport,
    pub name: &'static str,
    pub interface: &'static str,
    pub vrid: u8,
    pub priority: u8,
    pub state: &'static str,
    pub interval: Duration,
    pub addresses: Vec<String>,
    pub source: IpAddr,
    /// Unicast peers with their options.
    pub peers: Vec<String>,
    /// More lines.
    pub lines: Vec<&'static str>,
}

impl Instance {
    /// That of node `number`, 1 or 2, whose peer is the other one: 1 has priority 200, 2 has 100.
    pub fn new(transport: Transport, number: u8) -> Self {
        Self {
            transport,
            name: "one",
            interface: "eth0",
            vrid: 51,
            priority: if number == 1 { 200 } else { 100 },
            state: "BACKUP",
            interval: transport.interval(),
            addresses: transport.addresses().iter().map(|text| (*text).to_owned()).collect(),
            source: transport.node(number),
            peers: vec![transport.node(3 - number).to_string()],
            lines: Vec::new(),
        }
    }

    /// With one more line.
    pub fn with(mut self, line: &'static str) -> Self {
        self.lines.push(line);
        self
    }

    /// Alone in a file.
    pub fn conf(&self) -> String {
        conf("", std::slice::from_ref(self))
    }

    fn write(&self, out: &mut String) {
        let Self { name, state, interface, vrid, priority, transport, source, .. } = self;
        let mut line = |text: String| writeln!(out, "{text}").expect("memory");
        line(format!("vrrp_instance {name} {{\n    state {state}\n    interface {interface}"));
        line(format!("    version {}\n    virtual_router_id {vrid}\n    priority {priority}", transport.version));
        line(format!("    advert_int {}", self.interval.as_secs_f64()));
        if transport.unicast {
            line(format!(
                "    unicast_src_ip {source}\n    unicast_peer {{\n        {}\n    }}",
                self.peers.join("\n        ")
            ));
        }
        if let Some(password) = transport.password {
            line(format!("    authentication {{\n        auth_type PASS\n        auth_pass {password}\n    }}"));
        }
        self.lines.iter().for_each(|text| line(format!("    {text}")));
        line(format!("    virtual_ipaddress {{\n        {}\n    }}\n}}", self.addresses.join("\n        ")));
    }
}

/// A whole file: `blocks` stands before the instances.
pub fn conf(blocks: &str, instances: &[Instance]) -> String {
    let mut text = format!(
        "global_defs {{\n    vrrp_garp_master_delay 1\n    script_user root\n    enable_script_security\n}}\n{blocks}\n"
    );
    instances.iter().for_each(|instance| instance.write(&mut text));
    text
}
