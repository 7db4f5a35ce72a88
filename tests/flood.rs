//! Malformed and foreign adverts with our VRID, few and many: no election, no late advert, a few log lines.
//!
//! keepalived 2.2.7 misses adverts at three a second and stops advertising at thirty thousand.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod bed;
mod lab;

use std::time::{Duration, Instant};

use bed::forge::advert;
use bed::{entered, longest_gap, one, says, takes};
use lab::{Daemon, Lab, Stamp};

/// How late an advert may be beside its interval of 100 ms.
const LATE: Duration = Duration::from_millis(20);

/// Log lines that a flood may cause: one for each kind of damage, and one for what is measured here.
const LINES: usize = 12;

fn malformed() -> Vec<Vec<u8>> {
    vec![
        advert(51, 254, 255, |vrrp| vrrp[6] ^= 1),       // checksum
        advert(51, 254, 64, |_| {}),                     // routed
        advert(51, 254, 255, |vrrp| vrrp.truncate(4)),   // cut
        advert(51, 254, 255, |vrrp| vrrp.truncate(9)),   // cut within an address
        advert(51, 254, 255, |vrrp| vrrp[0] = 0x71),     // version 7
        advert(51, 254, 255, |vrrp| vrrp[0] = 0x33),     // type 3
        advert(51, 254, 255, |vrrp| vrrp[3] = 200),      // more addresses than there are
        advert(51, 254, 255, |vrrp| vrrp[4..6].fill(0)), // no interval
        advert(51, 254, 255, |vrrp| vrrp.fill(0xff)),    // garbage
        advert(77, 254, 255, |_| {}),                    // a stranger
    ]
}

/// `rate` packets a second for `span`, and what both machines make of it.
fn rain(rate: u32, span: Duration) {
    let lab = Lab::new(&["a", "b", "c"]);
    let a = Daemon::holdfast(lab.node("a"), &one(150), &[]);
    takes(&a, bed::VIP);
    let b = Daemon::holdfast(lab.node("b"), &one(100), &[]);
    says(&b, "Entering BACKUP STATE");
    std::thread::sleep(Duration::from_millis(500));
    let states = [entered(&a.log()), entered(&b.log())];
    let lines = [a.log().lines().count(), b.log().lines().count()];
    let observer = lab.observe();
    let (wire, frames) = (lab.node("c").transmitter("eth0"), malformed());
    let begin = Instant::now();
    let mut sent = 0;
    while begin.elapsed() < span {
        let due = (begin.elapsed().as_secs_f64() * f64::from(rate)) as usize;
        for number in sent..due {
            wire.send(&frames[number % frames.len()]);
        }
        sent = due.max(sent);
        std::thread::sleep(Duration::from_millis(1));
    }
    let adverts: Vec<(Stamp, lab::packet::Advert)> = observer.adverts("a");
    assert!(sent > (f64::from(rate) * span.as_secs_f64() * 0.5) as usize, "only {sent} packets were sent");
    assert_eq!([entered(&a.log()), entered(&b.log())], states, "no election");
    assert!(observer.adverts("b").is_empty(), "the backup is silent");
    assert!(adverts.len() + 2 > (span.as_millis() / 100) as usize, "{} adverts in {span:?}", adverts.len());
    let gap = longest_gap(&adverts);
    assert!(gap < Duration::from_millis(100) + LATE, "an advert came {gap:?} after the one before");
    for (daemon, before) in [(&a, lines[0]), (&b, lines[1])] {
        let after = daemon.log().lines().count();
        assert!(after - before <= LINES, "{} lines:\n{}", after - before, daemon.log());
    }
    assert!(a.data().contains("checksum"), "they were counted:\n{}", a.data());
}

#[test]
fn three_a_second_move_nothing() {
    rain(3, Duration::from_secs(6));
}

#[test]
fn thirty_thousand_a_second_move_nothing() {
    rain(30_000, Duration::from_secs(3));
}
