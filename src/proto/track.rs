//! What interfaces and scripts do to a virtual router: faults and priority.
//!
//! A condition is something that is true, false or not yet known (an interface is up, a script
//! succeeds). A link ties a condition to a router. Weight 0 makes a false condition a fault; another
//! weight is added to the priority while the condition is true (positive) or false (negative), as
//! keepalived does it.

use super::vrrp::OWNER;

/// Ties a condition to a virtual router or a sync group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Index of the condition.
    pub condition: u16,
    /// -253 to 253; 0 is a fault when false.
    pub weight: i16,
    /// The condition counts the other way round.
    pub reverse: bool,
}

/// What all conditions together say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// How many weight-0 conditions are false.
    pub faults: u16,
    /// How many weight-0 conditions are not known yet: the router waits in Initialize.
    pub pending: u16,
    /// The sum of the weights that apply.
    pub weight: i32,
}

impl Verdict {
    /// Adds what `links` say about `conditions`.
    pub fn add(&mut self, links: &[Link], conditions: &[Option<bool>]) {
        for link in links {
            let known = conditions.get(usize::from(link.condition)).copied().flatten();
            self.add_one(*link, known.map(|good| good != link.reverse));
        }
    }

    fn add_one(&mut self, link: Link, good: Option<bool>) {
        match (link.weight, good) {
            (0, Some(false)) => self.faults = self.faults.saturating_add(1),
            (0, None) => self.pending = self.pending.saturating_add(1),
            (0, Some(true)) => {}
            (weight, Some(true)) if weight > 0 => self.weight = self.weight.saturating_add(i32::from(weight)),
            (weight, Some(false)) if weight < 0 => self.weight = self.weight.saturating_add(i32::from(weight)),
            (_, Some(_) | None) => {}
        }
    }

    /// The effective priority: 1 to 254, but an owner stays an owner.
    pub fn priority(&self, base: u8) -> u8 {
        if base == OWNER {
            return OWNER;
        }
        i32::from(base).saturating_add(self.weight).clamp(1, 254) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_faults() {
        let link = |weight, reverse| Link { condition: 0, weight, reverse };
        // weight, reverse, condition -> faults, pending, weight
        let table = [
            (0, false, Some(true), (0, 0, 0)),
            (0, false, Some(false), (1, 0, 0)),
            (0, false, None, (0, 1, 0)),
            (0, true, Some(true), (1, 0, 0)),
            (0, true, Some(false), (0, 0, 0)),
            (10, false, Some(true), (0, 0, 10)),
            (10, false, Some(false), (0, 0, 0)),
            (10, false, None, (0, 0, 0)),
            (-10, false, Some(true), (0, 0, 0)),
            (-10, false, Some(false), (0, 0, -10)),
            (-10, false, None, (0, 0, 0)),
            (10, true, Some(false), (0, 0, 10)),
            (-10, true, Some(true), (0, 0, -10)),
        ];
        for (weight, reverse, condition, (faults, pending, sum)) in table {
            let mut verdict = Verdict::default();
            verdict.add(&[link(weight, reverse)], &[condition]);
            assert_eq!(verdict, Verdict { faults, pending, weight: sum }, "{weight} {reverse} {condition:?}");
        }
    }

    #[test]
    fn a_condition_that_does_not_exist_is_not_known() {
        let mut verdict = Verdict::default();
        verdict.add(&[Link { condition: 9, weight: 0, reverse: false }], &[Some(true)]);
        assert_eq!(verdict.pending, 1);
    }

    #[test]
    fn priority_stays_in_range_and_owners_stay_owners() {
        let with = |weight| Verdict { weight, ..Verdict::default() };
        assert_eq!(with(200).priority(100), 254);
        assert_eq!(with(-200).priority(100), 1);
        assert_eq!(with(-200).priority(255), 255);
        assert_eq!(with(0).priority(100), 100);
    }
}
