//! Who shall be master is more than a priority: preemption and its delay, ties, owners, groups, weights.

use std::net::IpAddr;
use std::time::Duration;

use crate::conf::{Instance, V3, conf};
use crate::lab::{Lab, Stamp};
use crate::pair::{CARRIER, LONG, Pair, Program, Roles, SLACK, STARTUP, TICK, both_roles};

/// Two instances with one change to each, which may know its number.
fn pair<'lab>(lab: &'lab Lab, roles: Roles, change: impl Fn(u8, Instance) -> Instance) -> Pair<'lab> {
    Pair::new(lab, roles, [1, 2].map(|number| change(number, Instance::new(V3, number)).conf()))
}

fn down(priority: u8) -> Duration {
    V3.down(priority, V3.interval())
}

/// b is master alone.
fn b_is_master(pair: &mut Pair<'_>) {
    pair.start("b");
    pair.settles(V3.address(), &["b"]);
}

#[test]
fn nopreempt_leaves_the_master_alone() {
    both_roles(|roles| {
        let lab = Lab::new(&["a", "b"]);
        let mut pair = pair(&lab, roles, |_, instance| instance.with("nopreempt"));
        b_is_master(&mut pair);
        pair.start("a");
        pair.listens("a");
        pair.stays(V3.address(), &["b"], down(200) * 3);
        // It is no less of a backup for that.
        let cut = pair.power_off("b");
        let taken = pair.speaks("a", cut);
        pair.within("takeover", pair.last_advert("b", cut).0, taken, down(200), SLACK);
    });
}

#[test]
fn preempt_delay_bears_a_lower_master_for_a_while() {
    both_roles(|roles| {
        let lab = Lab::new(&["a", "b"]);
        let mut pair = pair(&lab, roles, |_, instance| instance.with("preempt_delay 2"));
        b_is_master(&mut pair);
        let start = pair.start("a");
        let taken = pair.speaks("a", start);
        // From the first advert heard on; then the timer that the last one borne had set runs out.
        let delay = Duration::from_secs(2);
        let slack = down(200) + V3.interval() + STARTUP;
        pair.within("preemption", start, taken, delay, slack);
        pair.settles(V3.address(), &["a"]);
        // The delay is for lower masters, not for dead ones.
        pair.daemon("a").term();
        pair.settles(V3.address(), &["b"]);
        let start = pair.start("a");
        pair.listens("a");
        let cut = pair.power_off("b");
        let taken = pair.speaks("a", cut);
        let last = pair.last_advert("b", cut).0.max(start);
        assert!(taken - last <= down(200) + STARTUP && taken - start < delay, "{:?}\n{}", taken - last, pair.logs());
    });
}

#[test]
fn the_higher_address_decides_between_equals() {
    both_roles(|roles| {
        let lab = Lab::new(&["a", "b"]);
        let mut pair = pair(&lab, roles, |_, instance| Instance { priority: 150, ..instance });
        pair.start("a");
        pair.settles(V3.address(), &["a"]);
        pair.start("b");
        pair.listens("b");
        // An equal does not preempt.
        pair.stays(V3.address(), &["a"], down(150) * 2);
        let bridge = |words: &[&str]| lab.switch().must_run(&[&["ip", "link", "set", "p0b"], words].concat());
        bridge(&["nomaster"]);
        pair.settles(V3.address(), &["a", "b"]);
        let heal = Stamp::now();
        bridge(&["master", "br0"]);
        // b has the higher address.
        let gone = pair.addresses.wait_went("a", V3.address(), heal, LONG).expect("a gives way");
        assert!(gone - heal <= V3.interval() + SLACK, "{:?}\n{}", gone - heal, pair.logs());
        pair.stays(V3.address(), &["b"], down(150));
    });
}

#[test]
fn the_owner_waits_for_nobody() {
    both_roles(|roles| {
        let lab = Lab::new(&["a", "b"]);
        let mut pair = pair(&lab, roles, |number, instance| match number {
            1 => Instance { priority: 255, state: "MASTER", ..instance },
            _ => instance,
        });
        b_is_master(&mut pair);
        let start = pair.start("a");
        let taken = pair.speaks("a", start);
        // Less than any Active_Down_Interval for who is fast, and no election in any case.
        let slack = if roles[0] == Program::Holdfast { SLACK } else { STARTUP };
        pair.within("first advert", start, taken, Duration::ZERO, slack);
        let gone = pair.addresses.wait_went("b", V3.address(), start, LONG).expect("b gives way");
        assert!(gone - taken <= SLACK, "{:?}\n{}", gone - taken, pair.logs());
        let (_, advert) = pair.last_advert("a", Stamp::now());
        assert_eq!(advert.priority, 255);
        let cut = pair.power_off("a");
        let taken = pair.speaks("b", cut);
        pair.within("takeover", pair.last_advert("a", cut).0, taken, down(100), SLACK);
    });
}

#[test]
fn a_backup_uses_the_interval_that_the_master_announces() {
    both_roles(|roles| {
        let lab = Lab::new(&["a", "b"]);
        let slow = Duration::from_millis(600);
        let mut pair = pair(&lab, roles, |number, instance| match number {
            1 => Instance { interval: slow, ..instance },
            _ => instance,
        });
        pair.start_both();
        pair.settles(V3.address(), &["a"]);
        pair.stays(V3.address(), &["a"], slow * 4);
        let cut = pair.power_off("a");
        let taken = pair.speaks("b", cut);
        pair.within("takeover", pair.last_advert("a", cut).0, taken, V3.down(100, slow), SLACK);
        // As master it has its own again.
        let (_, advert) = pair.last_advert("b", Stamp::now());
        assert_eq!(advert.interval, V3.interval());
    });
}

#[test]
fn a_sync_group_moves_as_one() {
    both_roles(|roles| {
        let lab = Lab::with_networks(&["a", "b"], 2);
        let side = |number| {
            let group = "vrrp_sync_group both {\n    group {\n        one\n        two\n    }\n}\n";
            let one = Instance::new(V3, number);
            let two = Instance {
                name: "two",
                interface: "eth1",
                vrid: 52,
                addresses: vec!["10.98.1.1".into()],
                source: Lab::address4(1, number).into(),
                ..one.clone()
            };
            conf(group, &[one, two])
        };
        let inside: [IpAddr; 2] = [V3.address(), "10.98.1.1".parse().expect("an address")];
        let mut pair = Pair::new(&lab, roles, [side(1), side(2)]);
        let all_on = |pair: &Pair<'_>, node: &str| inside.map(|ip| pair.settles(ip, &[node]));
        pair.start_both();
        all_on(&pair, "a");
        // One cable: both addresses go, the one of the other network with a goodbye.
        let cut = Stamp::now();
        lab.plug("a", 1, false);
        all_on(&pair, "b");
        let moved = inside.map(|ip| pair.addresses.wait_came("b", ip, cut, LONG).expect("it is there"));
        let apart = moved[0].millis_since(moved[1]).abs();
        assert!(apart <= SLACK.as_secs_f64() * 1e3, "{apart} ms apart\n{}", pair.logs());
        for (ip, at) in inside.into_iter().zip(moved) {
            assert!(at - cut <= down(100) + CARRIER + SLACK, "{ip}: {:?}\n{}", at - cut, pair.logs());
        }
        lab.plug("a", 1, true);
        all_on(&pair, "a");
        // A dead machine takes both along.
        pair.power_off("a");
        all_on_is(&pair, &inside);
    });
}

/// Both addresses are reachable at b.
fn all_on_is(pair: &Pair<'_>, addresses: &[IpAddr]) {
    for ip in addresses {
        let moved = pair.addresses.wait_came("b", *ip, Stamp::now().before(STARTUP), LONG);
        assert!(moved.is_some(), "{ip}\n{}", pair.logs());
    }
}

#[test]
fn a_check_with_a_weight_moves_the_master() {
    both_roles(|roles| {
        let lab = Lab::new(&["a", "b"]);
        let side = |number| {
            let script =
                "vrrp_script good {\n    script \"/usr/bin/test ! -e /run/bad\"\n    interval 1\n    weight -150\n}\n";
            conf(script, &[Instance::new(V3, number).with("track_script {\n        good\n    }")])
        };
        let mut pair = Pair::new(&lab, roles, [side(1), side(2)]);
        pair.start_both();
        pair.settles(V3.address(), &["a"]);
        let bad = Stamp::now();
        lab.node("a").write("/run/bad", "");
        // It is seen within an interval; the lower priority is announced, and b lets its timer run out.
        let moved = pair.addresses.wait_came("b", V3.address(), bad, LONG);
        let moved = moved.unwrap_or_else(|| panic!("b does not take over\n{}", pair.logs()));
        let theory = down(100) - V3.interval();
        let took = moved - bad;
        assert!(took >= theory - TICK, "{took:?}\n{}", pair.logs());
        assert!(took <= Duration::from_secs(1) + down(100) + V3.interval() + SLACK, "{took:?}\n{}", pair.logs());
        let adverts = pair.packets.adverts("a");
        assert_eq!(adverts.last().map(|(_, advert)| advert.priority), Some(50), "{}", pair.logs());
        pair.stays(V3.address(), &["b"], down(100));
        std::fs::remove_file(lab.node("a").path("/run/bad")).expect("it is there");
        pair.settles(V3.address(), &["a"]);
        pair.stays(V3.address(), &["a"], down(100));
    });
}
