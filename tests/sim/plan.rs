//! What a scenario consists of before anything happens: hosts, virtual routers, settings, delays.
//!
//! Two things are never generated, because no election can settle them: a sync group whose members
//! have different priorities on one host (each half would pull the other for ever), and hosts whose
//! addresses are in a different order on each link of such a group (ties would be decided both ways).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdfast::proto::vrrp::{Announce, OWNER, Peer, Settings};
use holdfast::time::{Centis, Duration, Instant};
use holdfast::wire::vrrp::{ChecksumForm, Family, Version};

use crate::rng::Rng;

pub const MAX_HOSTS: usize = 7;
pub const MAX_ROUTERS: usize = 3;

/// Conditions of a host: one per link, then these two.
pub const SCRIPT: usize = MAX_ROUTERS;
pub const WEIGHTED: usize = MAX_ROUTERS + 1;
pub const CONDITIONS: usize = MAX_ROUTERS + 2;

/// What all hosts agree on about a virtual router.
#[derive(Clone, Debug)]
pub struct Virtual {
    pub vrid: u8,
    pub version: Version,
    pub family: Family,
    pub unicast: bool,
    /// The link it is on.
    pub link: usize,
    password: Option<[u8; 8]>,
    interval: Centis,
}

/// One host's part.
#[derive(Clone, Debug)]
pub struct HostPlan {
    /// Settings of each virtual router.
    pub settings: Vec<Settings>,
    /// What the weighted condition adds or takes away, and whether its sign is turned.
    pub weight: i16,
    pub reverse: bool,
    /// Its place in the order of addresses.
    pub rank: u8,
}

impl HostPlan {
    /// What the weighted condition makes of a priority.
    pub fn effective(&self, base: u8, condition: bool) -> u8 {
        let sign = if self.reverse { -1 } else { 1 };
        let weight = if condition == (self.weight > 0) { self.weight * sign } else { 0 };
        if base == OWNER { OWNER } else { (i16::from(base) + weight).clamp(1, 254) as u8 }
    }
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub virtuals: Vec<Virtual>,
    pub hosts: Vec<HostPlan>,
    /// All virtual routers are one sync group.
    pub grouped: bool,
    /// All hosts have the same intervals and miss the same number of adverts: then the theory says
    /// exactly who takes over, and when.
    pub uniform: bool,
    /// How long a packet takes.
    pub delay: (Duration, Duration),
    /// How late a process wakes up at most.
    pub jitter: Duration,
    /// When the clock starts.
    pub start: Instant,
    /// Hosts start within this time.
    pub stagger: Duration,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let rng = &mut Rng::new(seed);
        let hosts = if rng.percent(60) { rng.between(2, 3) } else { rng.between(4, MAX_HOSTS as u64) } as usize;
        let count = if rng.percent(55) { 1 } else { rng.between(2, MAX_ROUTERS as u64) } as usize;
        let grouped = count > 1 && rng.percent(60);
        let uniform = rng.percent(70);
        let virtuals = virtuals(rng, count);
        let base = virtuals.iter().map(|virtual_| virtual_.interval.span()).min().unwrap_or(Duration::ZERO);
        let longest = base.scaled(1, rng.pick(&[200, 50, 20]));
        let shortest = if rng.percent(50) { longest.scaled(1, 4) } else { longest };
        let jitter = if rng.percent(40) { Duration::ZERO } else { base.scaled(1, rng.pick(&[500, 100])) };
        let hosts = host_plans(rng, hosts, &virtuals, grouped, uniform);
        Self {
            seed,
            grouped,
            uniform,
            delay: (shortest, longest),
            jitter,
            start: if rng.percent(20) { Instant::ZERO } else { Instant::from_nanos(rng.below(1 << 50)) },
            stagger: if rng.percent(40) { Duration::ZERO } else { base.times(rng.between(0, 5)) },
            virtuals,
            hosts,
        }
    }

    /// A host's address on the link of a virtual router.
    pub fn address(&self, host: usize, router: usize) -> IpAddr {
        address(&self.virtuals[router], self.hosts[host].rank)
    }

    /// Another priority, and sometimes other manners, for a host that reloads.
    pub fn changed(&self, host: usize, rng: &mut Rng) -> Vec<Settings> {
        let mut settings = self.hosts[host].settings.clone();
        let (priority, preempt) = (rng.between(1, 254) as u8, rng.percent(70));
        let (alone, faster) = (rng.percent(20), rng.percent(50));
        for (index, one) in settings.iter_mut().enumerate() {
            if (self.grouped || !alone || index == 0) && one.priority != OWNER {
                one.priority = priority;
                one.preempt = preempt;
                one.preempt_delay = Duration::ZERO;
            }
            if !self.uniform && one.version == Version::V3 {
                let Centis(interval) = one.advert_interval;
                // 12 bits of centiseconds is all an advert can say.
                one.advert_interval = Centis(if faster { interval.div_ceil(2) } else { (interval * 2).min(4095) });
                one.down_timer_adverts = rng.between(2, 4) as u8;
            }
            one.announce.refresh = if rng.percent(50) { one.advert_interval.span().times(2) } else { Duration::ZERO };
        }
        settings
    }
}

fn virtuals(rng: &mut Rng, count: usize) -> Vec<Virtual> {
    let separate_links = rng.percent(50);
    let first_vrid = rng.between(1, 250) as u8;
    let old = rng.percent(40);
    // Intervals within one scenario differ by small factors only, or one second of one router would be
    // a thousand adverts of another.
    let base = if old { Centis::SECOND } else { Centis(rng.pick(&[1, 2, 10, 25, 100, 500])) };
    let one = |rng: &mut Rng, index: usize| {
        let version = if old && rng.percent(70) { Version::V2 } else { Version::V3 };
        let family = if version == Version::V3 && rng.percent(50) { Family::V6 } else { Family::V4 };
        Virtual {
            vrid: first_vrid + index as u8,
            version,
            family,
            unicast: rng.percent(30),
            link: if separate_links { index } else { 0 },
            password: (version == Version::V2 && rng.percent(30)).then_some(*b"not-much"),
            interval: Centis(base.0 * rng.between(1, 2) as u16),
        }
    };
    (0..count).map(|index| one(rng, index)).collect()
}

fn host_plans(rng: &mut Rng, count: usize, virtuals: &[Virtual], grouped: bool, uniform: bool) -> Vec<HostPlan> {
    let mut ranks: Vec<u8> = (1..=count as u8).collect();
    for last in (1..count).rev() {
        ranks.swap(last, rng.index(last + 1));
    }
    let owner = rng.percent(12).then(|| rng.index(count));
    let two_owners = rng.percent(2);
    let equal = rng.percent(15);
    let all_preempt = rng.percent(50);
    let priority = |rng: &mut Rng, host: usize| match owner {
        Some(owner) if owner == host || two_owners => OWNER,
        _ if equal => 100,
        _ => rng.between(1, 254) as u8,
    };
    (0..count)
        .map(|host| {
            let shared = priority(rng, host);
            let preempt = all_preempt || rng.percent(50);
            let delayed = preempt && rng.percent(20);
            let startup_delay = if rng.percent(8) { virtuals[0].interval.span().times(2) } else { Duration::ZERO };
            let settings = (0..virtuals.len())
                .map(|index| {
                    let own = if grouped { shared } else { priority(rng, host) };
                    let mut settings = settings(rng, &virtuals[index], uniform);
                    settings.priority = own;
                    settings.startup_delay = startup_delay;
                    settings.preempt = preempt;
                    settings.preempt_delay =
                        if delayed { virtuals[index].interval.span().times(3) } else { Duration::ZERO };
                    settings.addresses = addresses(&virtuals[index], index);
                    settings.peers = peers(&virtuals[index], &ranks, ranks[host]);
                    settings
                })
                .collect();
            let weight = rng.between(1, 100) as i16;
            let weight = if rng.percent(50) { weight } else { -weight };
            HostPlan { settings, weight, reverse: rng.percent(20), rank: ranks[host] }
        })
        .collect()
}

fn settings(rng: &mut Rng, virtual_: &Virtual, uniform: bool) -> Settings {
    let interval = virtual_.interval;
    let span = interval.span();
    let may_differ = !uniform && virtual_.version == Version::V3;
    Settings {
        version: virtual_.version,
        family: virtual_.family,
        vrid: virtual_.vrid,
        priority: 100,
        advert_interval: if may_differ { Centis(interval.0 * rng.between(1, 3) as u16) } else { interval },
        preempt: true,
        preempt_delay: Duration::ZERO,
        down_timer_adverts: if uniform { 3 } else { rng.between(2, 5) as u8 },
        startup_delay: Duration::ZERO,
        addresses: Box::new([]),
        peers: Box::new([]),
        check_source: rng.percent(50),
        password: virtual_.password,
        checksum_form: rng.pick(&[ChecksumForm::PseudoHeader, ChecksumForm::MessageOnly]),
        skip_address_check: rng.percent(10),
        owner_ignores_adverts: false,
        lower_prio_no_advert: rng.percent(15),
        higher_prio_send_advert: rng.percent(15),
        announce: Announce {
            delay: rng.pick(&[Duration::ZERO, span.scaled(1, 3), span.times(5)]),
            repeat: 5,
            refresh: rng.pick(&[Duration::ZERO, Duration::ZERO, span.times(3)]),
            refresh_repeat: 1,
            lower_prio_delay: rng.pick(&[Duration::ZERO, span.scaled(3, 2)]),
            lower_prio_repeat: rng.pick(&[0, 5]),
        },
    }
}

fn address(virtual_: &Virtual, rank: u8) -> IpAddr {
    let link = virtual_.link as u8;
    match virtual_.family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, link * 32 + rank).into(),
        Family::V6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, link.into(), rank.into()).into(),
    }
}

fn addresses(virtual_: &Virtual, index: usize) -> Box<[IpAddr]> {
    (1..=1 + index as u8)
        .map(|number| match virtual_.family {
            Family::V4 => IpAddr::from(Ipv4Addr::new(198, 51, 100, virtual_.vrid.wrapping_add(number))),
            Family::V6 => IpAddr::from(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 1, virtual_.vrid.into(), number.into())),
        })
        .collect()
}

fn peers(virtual_: &Virtual, ranks: &[u8], own: u8) -> Box<[Peer]> {
    let others = ranks.iter().filter(|rank| virtual_.unicast && **rank != own);
    others.map(|rank| Peer { ip: address(virtual_, *rank), min_ttl: 255, max_ttl: 255 }).collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shortest, longest) = self.delay;
        writeln!(
            f,
            "{} hosts, packets take {} to {} us, wake-ups up to {} us late{}",
            self.hosts.len(),
            shortest.as_micros(),
            longest.as_micros(),
            self.jitter.as_micros(),
            if self.grouped { ", one sync group" } else { "" }
        )?;
        for (index, virtual_) in self.virtuals.iter().enumerate() {
            let cast = if virtual_.unicast { "unicast" } else { "multicast" };
            writeln!(
                f,
                "router {index}: VRID {}, {:?} over IP{:?} {cast}, link {}",
                virtual_.vrid, virtual_.version, virtual_.family, virtual_.link
            )?;
        }
        for (host, plan) in self.hosts.iter().enumerate() {
            for (router, settings) in plan.settings.iter().enumerate() {
                writeln!(f, "host {host} router {router}: {}", line(settings, self.address(host, router)))?;
            }
            let sense = if plan.reverse { " when bad" } else { "" };
            writeln!(f, "host {host} weight {:+}{sense}", plan.weight)?;
        }
        Ok(())
    }
}

/// What matters of settings for who becomes master.
pub fn line(settings: &Settings, address: IpAddr) -> String {
    format!(
        "{address} priority {} every {} s, {} adverts, {}, preempt_delay {} s, startup_delay {} s",
        settings.priority,
        settings.advert_interval,
        settings.down_timer_adverts,
        if settings.preempt { "preempt" } else { "nopreempt" },
        settings.preempt_delay,
        settings.startup_delay
    )
}
