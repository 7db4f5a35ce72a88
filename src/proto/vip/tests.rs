use super::*;

const HOUR: Instant = Instant::from_nanos(3_600_000_000_000);

struct Bench {
    addresses: Addresses,
    outbox: Outbox<Action>,
}

/// One router with two addresses on one device, started, nothing there.
fn bench(owned: bool) -> Bench {
    let spec = Spec { router: 0, device: 0, owned, tracked: true };
    let addresses = Addresses::new(&[spec, spec], 1);
    let outbox = Outbox::with_capacity(addresses.outbox_capacity());
    let mut bench = Bench { addresses, outbox };
    assert_eq!(bench.give(Input::Device(0, true)), []);
    bench
}

impl Bench {
    fn give(&mut self, input: Input) -> Vec<Action> {
        self.give_at(HOUR, input)
    }

    fn give_at(&mut self, now: Instant, input: Input) -> Vec<Action> {
        self.addresses.handle(now, input, &mut self.outbox);
        core::iter::from_fn(|| self.outbox.pop()).collect()
    }

    fn held(mut self) -> Self {
        self.give(Input::Start);
        assert_eq!(self.give(Input::Hold(0)), [Action::Add(0), Action::Add(1)]);
        for slot in 0..2 {
            assert_eq!(self.give(Input::Seen(slot, Mark::Ours)), []);
            assert_eq!(self.give(Input::Answered(slot, 0)), []);
        }
        assert!(self.addresses.is_set(0) && self.addresses.is_set(1));
        self
    }
}

#[test]
fn hold_and_release() {
    let mut bench = bench(false).held();
    assert_eq!(bench.give(Input::Release(0)), [Action::Delete(0), Action::Delete(1)]);
    assert_eq!(bench.give(Input::Gone(0)), []);
    assert_eq!(bench.give(Input::Answered(0, 0)), []);
    assert_eq!(bench.give(Input::Answered(1, EADDRNOTAVAIL)), []);
    assert!(!bench.addresses.is_present(0) && !bench.addresses.is_present(1));
}

#[test]
fn a_release_overtakes_an_addition() {
    let mut bench = bench(false);
    bench.give(Input::Start);
    bench.give(Input::Hold(0));
    assert_eq!(bench.give(Input::Release(0)), [], "one command at a time");
    assert_eq!(bench.give(Input::Answered(0, 0)), [Action::Delete(0)]);
    assert_eq!(bench.give(Input::Answered(0, 0)), []);
    assert!(!bench.addresses.is_present(0));
}

#[test]
fn one_removed_by_others_is_put_back_at_once_but_not_forever() {
    let mut bench = bench(false).held();
    for _ in 0..FIGHT_LIMIT {
        assert_eq!(bench.give(Input::Gone(0)), [Action::Restored(0), Action::Add(0)]);
        bench.give(Input::Seen(0, Mark::Ours));
        bench.give(Input::Answered(0, 0));
    }
    assert_eq!(bench.give(Input::Gone(0)), []);
    assert_eq!(bench.addresses.next_deadline(), Some(HOUR + RETRY));
    assert_eq!(bench.give_at(HOUR + RETRY, Input::Deadline), [Action::Add(0)]);
}

#[test]
fn a_removal_while_an_addition_is_under_way_is_checked() {
    let mut bench = bench(false);
    bench.give(Input::Start);
    bench.give(Input::Hold(0));
    bench.give(Input::Seen(0, Mark::Ours));
    bench.give(Input::Gone(0));
    assert_eq!(bench.give(Input::Answered(0, 0)), [Action::Add(0)]);
}

#[test]
fn what_a_crash_left_is_removed_unless_it_was_the_owners_own() {
    for (owned, mark, expected) in [
        (false, Mark::Ours, vec![Action::Delete(0)]),
        (false, Mark::Unknown, vec![Action::Delete(0)]),
        (true, Mark::Ours, vec![Action::Delete(0)]),
        (true, Mark::Unknown, vec![]),
    ] {
        let mut bench = bench(owned);
        assert_eq!(bench.give(Input::Seen(0, mark)), []);
        assert_eq!(bench.give(Input::Start), expected, "{owned} {mark:?}");
    }
}

#[test]
fn what_an_owner_gets_later_is_not_removed_either() {
    let mut bench = bench(true);
    bench.give(Input::Start);
    bench.give(Input::Device(0, false));
    bench.give(Input::Device(0, true));
    assert_eq!(bench.give(Input::Seen(0, Mark::Unknown)), []);
    assert!(!bench.addresses.may_be_ours(0));
    assert_eq!(bench.give(Input::Hold(0)), [Action::Add(1)]);
    // Kernels without marks: what was asked for is ours all the same.
    bench.give(Input::Seen(1, Mark::Unknown));
    bench.give(Input::Answered(1, 0));
    assert!(bench.addresses.may_be_ours(1));
    assert_eq!(bench.give(Input::Release(0)), [Action::Delete(1)]);
}

#[test]
fn what_a_crash_left_is_kept_by_a_router_that_holds_it() {
    let mut bench = bench(true);
    bench.give(Input::Seen(0, Mark::Ours));
    // What is missing may come at once; nothing is removed before all is known.
    assert_eq!(bench.give(Input::Hold(0)), [Action::Add(1)]);
    assert_eq!(bench.give(Input::Start), []);
}

#[test]
fn a_device_that_comes_back_gets_its_addresses() {
    let mut bench = bench(false).held();
    assert_eq!(bench.give(Input::Device(0, false)), []);
    assert!(!bench.addresses.is_present(0));
    assert_eq!(bench.give(Input::Device(0, true)), [Action::Add(0), Action::Add(1)]);
}

#[test]
fn a_refused_command_is_said_once_and_tried_again() {
    let mut bench = bench(false);
    bench.give(Input::Start);
    bench.give(Input::Hold(0));
    assert_eq!(bench.give(Input::Answered(0, 1)), [Action::Refused(0, 1)]);
    assert_eq!(bench.give_at(HOUR + RETRY, Input::Deadline), [Action::Add(0)]);
    assert_eq!(bench.give_at(HOUR + RETRY, Input::Answered(0, 1)), []);
    assert_eq!(bench.addresses.next_deadline(), Some(HOUR + RETRY + RETRY));
}
